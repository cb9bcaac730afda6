// The page: which view is shown, the search field, the state of the connection.

import { get } from "./api.js";
import { find, showAccount, showBlock, showPool, showTransaction } from "./block.js";
import { show as showChain } from "./chain.js";
import { fill, h, say } from "./dom.js";
import { show as showForks } from "./forks.js";
import { ago } from "./format.js";
import { Live } from "./live.js";
import { show as showNow } from "./now.js";
import { show as showPeers } from "./peers.js";
import { show as showRecords } from "./records.js";
import { trouble } from "./ui.js";

/** @typedef {{live: Live, params: import("./api.js").Params}} App */
/** @typedef {(app: App, main: HTMLElement, args: string[], signal: AbortSignal) => Promise<void>} View */

/** @type {Record<string, {title: string, tab: string, show: View}>} */
const VIEWS = {
  now: { title: "Now", tab: "now", show: showNow },
  chain: { title: "Chain", tab: "chain", show: showChain },
  block: { title: "Block", tab: "chain", show: showBlock },
  tx: { title: "Transaction", tab: "chain", show: showTransaction },
  account: { title: "Account", tab: "chain", show: showAccount },
  pool: { title: "Pool", tab: "chain", show: showPool },
  forks: { title: "Fork lens", tab: "forks", show: showForks },
  peers: { title: "Peers", tab: "peers", show: showPeers },
  records: { title: "Record and verify", tab: "records", show: showRecords },
};

/** @param {string} id */
function byID(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

let current = new AbortController();
let shown = 0; // views so far: the first takes no focus

/** @param {App} app */
async function route(app) {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const [name, ...args] = location.hash.replace(/^#\/?/, "").split("/").filter((x) => x !== "").map(decodeURIComponent);
  const view = VIEWS[name === undefined ? "now" : name] || VIEWS.now;
  document.title = `${view.title} – lp2pnode ${app.params.chain_id}`;
  for (const a of document.querySelectorAll("header nav a")) {
    if (a.getAttribute("data-tab") === view.tab) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  // Shown in an element of its own, so that one that is late cannot write over
  // the one after it.
  const main = h("div", { class: "view " + view.tab });
  try {
    await view.show(app, main, args, signal);
  } catch (error) {
    if (signal.aborted) return;
    fill(main, h("h1", { tabindex: "-1" }, view.title), trouble(error));
  }
  if (signal.aborted) return;
  fill(byID("main"), main);
  main.dispatchEvent(new Event("shown"));
  if (shown++ > 0) {
    window.scrollTo(0, 0);
    const title = main.querySelector("h1");
    if (title instanceof HTMLElement) title.focus();
  }
}

/** @param {Live} live */
function watchConnection(live) {
  const light = byID("connection");
  const draw = () => {
    light.className = live.connected ? "live" : "lost";
    say(light, live.connected ? "live" : `connection lost ${ago(live.lostSince)}, trying again`);
  };
  live.addEventListener("state", draw);
  window.setInterval(() => { if (!live.connected && live.lostSince !== 0) draw(); }, 5000);
}

function watchSearch() {
  const field = /** @type {HTMLInputElement} */ (byID("search"));
  const said = byID("searched");
  byID("finder").addEventListener("submit", async (e) => {
    e.preventDefault();
    if (field.value.trim() === "") return;
    said.textContent = "";
    try {
      const to = await find(field.value);
      field.value = "";
      location.hash = to;
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA)$/.test(document.activeElement ? document.activeElement.tagName : "")) return;
    e.preventDefault();
    field.focus();
  });
}

function watchExplain() {
  const box = /** @type {HTMLInputElement} */ (byID("explain"));
  box.checked = localStorage.getItem("lp2pnode.terse") === null;
  const draw = () => {
    document.body.classList.toggle("terse", !box.checked);
    if (box.checked) localStorage.removeItem("lp2pnode.terse");
    else localStorage.setItem("lp2pnode.terse", "1");
  };
  box.addEventListener("change", draw);
  draw();
}

async function start() {
  const live = new Live();
  watchConnection(live);
  watchSearch();
  watchExplain();
  // A node that is down when the page comes from a browser's memory is awaited.
  /** @type {import("./api.js").Params | null} */
  let params = null;
  while (params === null) {
    try {
      [params] = await Promise.all([get("/v1/genesis"), live.poll()]);
    } catch {
      await new Promise((done) => window.setTimeout(done, 1500));
    }
  }
  say(byID("chain"), params.chain_id);
  const app = { live, params };
  live.addEventListener("reset", () => location.reload());
  window.addEventListener("hashchange", () => route(app));
  live.open();
  await route(app);
  document.body.dataset.ready = "true";
}

start();
