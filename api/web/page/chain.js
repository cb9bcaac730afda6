// The view Chain: blocks as they come, and as far back as there are any.

import { get } from "./api.js";
import { fill, h, throttled } from "./dom.js";
import { ago, count, plural, rough } from "./format.js";
import { accountLink, blockLink, moment } from "./ui.js";

const PAGE = 25;

/** @typedef {import("./protocol.js").Header} Header */

/** @param {import("./main.js").App} app @param {HTMLElement} main @param {string[]} args @param {AbortSignal} signal */
export async function show(app, main, args, signal) {
  const { live } = app;
  const from = args[0] === undefined ? null : Number(args[0]);
  const rows = h("tbody", {});
  const nav = h("nav", { class: "pager", "aria-label": "Pages of blocks" });
  const wish = /** @type {HTMLInputElement} */ (h("input", { type: "number", min: 0, id: "jump", inputmode: "numeric", placeholder: "height" }));
  fill(main,
    h("h1", { tabindex: "-1" }, "Chain"),
    h("p", { class: "about" }, "Each block names the one before it by its hash, so nothing in the past can change without changing everything after it. The newest is on top."),
    h("div", { class: "bar-row" }, nav, h("form", { class: "jump", submit: (/** @type {Event} */ e) => {
      e.preventDefault();
      if (wish.value !== "") location.hash = "#/chain/" + wish.value;
    } }, h("label", { for: "jump" }, "Go to height"), wish, h("button", {}, "Go"))),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Blocks" }, h("table", { class: "blocks" }, h("caption", { class: "hidden" }, "Blocks of the best chain, the newest first"),
      h("thead", {}, h("tr", {}, ["Height", "Hash", "Found", "Transactions", "Difficulty", "Miner", "Note"].map((t) => h("th", { scope: "col" }, t)))), rows)));

  /** @type {Header[]} */
  let page = [];
  let tip = 0;
  const me = () => (live.status && live.status.miner) || "";
  const draw = () => {
    const top = page.length > 0 ? page[page.length - 1].height : 0;
    const low = page.length > 0 ? page[0].height : 0;
    fill(rows, page.slice().reverse().map((b) => h("tr", { "data-height": b.height },
      h("td", { "data-label": "Height" }, h("a", { href: "#/block/" + b.hash, class: "number" }, count(b.height))),
      h("td", { "data-label": "Hash" }, blockLink(b.hash)),
      h("td", { "data-label": "Found" }, h("span", { title: ago(b.timestamp) }, moment(b.timestamp))),
      h("td", { "data-label": "Transactions" }, b.tx_count === 0 ? h("span", { class: "quiet" }, "none") : plural(b.tx_count, "transaction")),
      h("td", { "data-label": "Difficulty" }, rough(b.difficulty)),
      h("td", { "data-label": "Miner" }, accountLink(b.miner, me())),
      h("td", { "data-label": "Note", class: "note" }, b.data))));
    const step = (/** @type {string} */ text, /** @type {number | null} */ to, /** @type {boolean} */ on) =>
      on ? h("a", { href: to === null ? "#/chain" : "#/chain/" + to, class: "button" }, text) : h("span", { class: "button off", "aria-disabled": "true" }, text);
    fill(nav, step("Newest", null, from !== null), step("Newer", top + PAGE >= tip ? null : top + PAGE, from !== null && top < tip), step("Older", Math.max(low - 1, 0), low > 0), step("First", Math.min(PAGE - 1, tip), low > 0),
      h("span", { class: "quiet" }, page.length > 0 ? `${count(low)} to ${count(top)} of ${count(tip)}` : "there is no such block"));
  };
  const load = async () => {
    const query = from === null ? `limit=${PAGE}` : `from=${Math.max(0, from - PAGE + 1)}&limit=${Math.min(PAGE, from + 1)}`;
    page = await get("/v1/headers?" + query, signal);
    tip = Math.max(live.status ? live.status.height : 0, from === null && page.length > 0 ? page[page.length - 1].height : 0);
    draw();
  };
  await load();
  const soon = throttled(250, () => { if (!signal.aborted) draw(); });
  live.on("block", (b) => {
    tip = Math.max(tip, b.height);
    if (from !== null || page.length > 0 && b.height <= page[page.length - 1].height) return;
    page = [...page, b].slice(-PAGE);
    soon();
  }, signal);
  live.on("revert", (b) => {
    if (from !== null) return;
    page = page.filter((x) => x.hash !== b.hash);
    soon();
  }, signal);
}
