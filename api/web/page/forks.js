// The view Fork lens: the tree of all blocks seen near the tip, as it grows,
// and what each reorganisation did.

import { get } from "./api.js";
import { fill, h, s, say, throttled } from "./dom.js";
import { clock, count, duration, origin, plural, rough } from "./format.js";
import { fates, moved, tell } from "./story.js";
import { branches, layOut, seenBy } from "./tree.js";
import { blockLink, section, txLink } from "./ui.js";

/** @typedef {import("./api.js").Fork} Fork */
/** @typedef {import("./api.js").Reorganisation} Reorganisation */

const DEPTH = 30;
const LANE = 22;

/** @param {import("./main.js").App} app @param {HTMLElement} main @param {string[]} args @param {AbortSignal} signal */
export async function show(app, main, args, signal) {
  const { live } = app;
  const to = args[0] === undefined ? null : Number(args[0]);
  const drawing = s("svg", { class: "tree", "aria-hidden": "true" });
  const list = h("ol", { class: "tree-rows", "aria-label": "Blocks near the tip, the highest first" });
  const slider = /** @type {HTMLInputElement} */ (h("input", { type: "range", id: "when", min: 0, max: 0, value: 0, input: () => { pinned = slider.value !== slider.max; draw(); } }));
  const when = h("output", { for: "when", class: "value" });
  const standing = h("ul", { class: "branches" });
  const stories = h("div", { class: "stories" });
  const nav = h("nav", { class: "pager", "aria-label": "Heights" });
  fill(main,
    h("h1", { tabindex: "-1" }, "Fork lens"),
    h("p", { class: "about" }, "Two miners may find a block at the same time, and for a while there are two chains. Every node follows the one with the most work; the other is left behind and its transactions go back to the pool. Here is every block that this node has seen, also those that did not win."),
    h("div", { class: "lens" },
      h("div", {},
        h("div", { class: "card slider" }, h("label", { for: "when" }, "Look back in time"), slider, when, nav),
        section("Branches then", "Each way the chain could have gone on, with its work.", standing),
        h("div", { class: "card treebox" }, drawing, list)),
      section("Reorganisations", "When the node changed its mind, and why. The latest is on top.", stories)));

  /** @type {Fork[]} */
  let blocks = [];
  /** @type {number[]} */
  let times = [];
  let pinned = false; // the slider is not at its end
  let drawn = "";

  const lines = (/** @type {import("./tree.js").Row[]} */ rows) => {
    const items = /** @type {HTMLElement[]} */ ([...list.children]);
    const y = items.map((e) => e.offsetTop + e.offsetHeight / 2);
    const x = (/** @type {number} */ lane) => 14 + lane * LANE;
    const at = new Map(rows.map((r, i) => [r.block.hash, i]));
    const width = x(Math.max(0, ...rows.map((r) => r.lane))) + 14;
    list.style.setProperty("--lanes", width + "px");
    drawing.setAttribute("width", String(width));
    drawing.setAttribute("height", String(list.offsetHeight));
    const edges = rows.map((r, i) => {
      const p = at.get(r.block.parent);
      const end = p === undefined ? list.offsetHeight : y[p];
      const to = p === undefined ? x(r.lane) : x(rows[p].lane);
      const d = to === x(r.lane) ? `M${x(r.lane)} ${y[i]}V${end}` : `M${x(r.lane)} ${y[i]}V${Math.max(y[i], end - 34)}C${x(r.lane)} ${end - 8} ${to} ${end - 26} ${to} ${end}`;
      return s("path", { d, class: r.best ? "best" : "side" });
    });
    fill(drawing, edges, rows.map((r, i) => s("circle", { cx: x(r.lane), cy: y[i], r: r.tip ? 7 : 5, class: (r.best ? "best" : "side") + (r.tip ? " tip" : "") })));
  };

  const draw = () => {
    const at = pinned ? times[Number(slider.value)] : Infinity;
    const then = seenBy(blocks, at);
    const now = pinned ? undefined : (blocks.filter((b) => b.best).sort((a, b) => b.height - a.height)[0] || { hash: undefined }).hash;
    const rows = layOut(then, now);
    say(when, pinned ? clock(at) : "now");
    slider.setAttribute("aria-valuetext", pinned ? `${clock(at)}, ${plural(then.length, "block")}` : "now");
    const key = rows.map((r) => r.block.hash + r.lane + r.best).join();
    fill(standing, branches(then, now).map((b) => h("li", { class: b.best ? "best" : "side" },
      blockLink(b.tip.hash, count(b.tip.height)), h("span", {}, " work ", h("b", {}, rough(Number(b.tip.work))), b.best ? ", the most: this is the chain" : `, ${rough(Number(b.behind))} hashes behind`))));
    if (key === drawn) return;
    drawn = key;
    fill(list, rows.map((r) => h("li", { class: r.best ? "best" : "side", "data-hash": r.block.hash },
      h("span", { class: "what" }, blockLink(r.block.hash, h("b", {}, count(r.block.height))), r.tip && h("span", { class: "tag" }, "tip"), !r.best && h("span", { class: "tag side" }, "side branch"),
        r.block.tx_count > 0 && h("span", { class: "quiet" }, plural(r.block.tx_count, "tx", "txs"))),
      h("span", { class: "who" }, `${clock(r.block.seen).slice(11)}, ${origin(r.block.source)}`))));
    lines(rows);
  };
  const redraw = () => {
    drawn = "";
    draw();
  };

  const load = async () => {
    blocks = await get(`/v1/forks?depth=${DEPTH}` + (to === null ? "" : "&to=" + to), signal);
    times = [...new Set(blocks.map((b) => Date.parse(b.seen)))].sort((a, b) => a - b);
    const was = pinned ? times.findIndex((t) => t >= Number(slider.dataset.at)) : times.length - 1;
    slider.max = String(Math.max(0, times.length - 1));
    slider.value = String(pinned && was >= 0 ? was : times.length - 1);
    slider.dataset.at = String(times[Number(slider.value)]);
    const heights = blocks.map((b) => b.height);
    const [low, high] = [Math.min(...heights), Math.max(...heights)];
    fill(nav, low > 0 && h("a", { class: "button", href: "#/forks/" + (low - 1) }, "Older heights"), to !== null && h("a", { class: "button", href: "#/forks" }, "The tip"),
      h("span", { class: "quiet" }, `Heights ${count(low)} to ${count(high)}, over ${duration(times[times.length - 1] - times[0])}`));
    draw();
  };
  slider.addEventListener("input", () => { slider.dataset.at = String(times[Number(slider.value)]); });

  let told = "";
  const tellAll = async () => {
    /** @type {Reorganisation[]} */
    const all = await get("/v1/reorganisations?limit=20", signal);
    const key = all.map((r) => r.number).join();
    if (key === told && told !== "") return;
    told = key;
    if (all.length === 0) {
      fill(stories, h("p", { class: "quiet" }, "None yet. They are rare when blocks travel much faster than they are found."));
      return;
    }
    fill(stories, await Promise.all(all.map((r, i) => story(r, i === 0, signal))));
  };

  await load();
  await tellAll();
  const soon = throttled(400, () => { if (!signal.aborted) load().catch(() => {}); });
  live.on("block", soon, signal);
  live.on("revert", () => { soon(); window.setTimeout(() => tellAll().catch(() => {}), 300); }, signal);
  const timer = window.setInterval(() => { if (!document.hidden) soon(); }, 2000); // blocks of side branches make no event
  const watch = new ResizeObserver(redraw);
  watch.observe(main);
  signal.addEventListener("abort", () => {
    window.clearInterval(timer);
    watch.disconnect();
  });
}

/**
 * One reorganisation; its details are fetched when they are opened.
 * @param {Reorganisation} r
 * @param {boolean} open
 * @param {AbortSignal} signal
 */
async function story(r, open, signal) {
  const body = h("div", {});
  const more = async () => {
    if (body.childElementCount > 0) return;
    /** @type {Reorganisation} */
    const full = await get("/v1/reorganisations/" + r.number, signal);
    const list = full.transactions || [];
    fill(body,
      h("h4", {}, "Gave way"), h("p", { class: "run side" }, (full.old.blocks || []).map((b) => blockLink(b.hash, count(b.height)))),
      h("h4", {}, "Took its place"), h("p", { class: "run best" }, (full.new.blocks || []).map((b) => blockLink(b.hash, count(b.height)))),
      h("p", {}, fates(list)),
      list.length > 0 && h("ul", { class: "moved" }, list.slice(0, 50).map((m) => h("li", {}, txLink(m.id), " ", moved(m)))),
      list.length > 50 && h("p", { class: "quiet" }, `and ${count(list.length - 50)} more`));
  };
  const details = h("details", { class: "story", open, toggle: () => { more().catch(() => {}); } },
    h("summary", {}, `${clock(r.at)}: ${plural(r.old.length, "block")} gave way to ${count(r.new.length)}`),
    tell(r).map((t) => h("p", {}, t)), body);
  if (open) await more();
  return details;
}
