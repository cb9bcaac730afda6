// The view Now: what the network does at this moment.

import { get } from "./api.js";
import { chart } from "./chart.js";
import { fill, h, say, throttled } from "./dom.js";
import { ago, clock, count, duration, plural, rough, short } from "./format.js";
import { fact, glyph } from "./ui.js";

/** @typedef {import("./api.js").Status} Status */
/** @typedef {{height: number, hash: string, timestamp: number, difficulty: number, miner: string, tx_count: number}} Head */

const KEPT = 2000; // headers for the curves
const STRIP = 24; // blocks in the strip

/**
 * What the node is doing, in a sentence; the rate is blocks a second.
 * @param {Status} status @param {number} rate
 */
export function doing(status, rate) {
  if (!status.synced) {
    const left = Math.max(0, (status.sync_target || 0) - status.height);
    if (left === 0) return "Asking its peers which chain has the most work.";
    const wait = rate > 0 ? `, about ${duration(left / rate * 1000)} to go` : "";
    return `Catching up: ${plural(left, "block")} behind the longest chain it has heard of (${count(status.height)} of ${count(/** @type {number} */ (status.sync_target))})${wait}.`;
  }
  if (status.mining) return `Looking for the next block, at ${rough(status.hashrate, "H/s")}.`;
  if (status.mining_held) return `Not mining yet: ${status.mining_held}.`;
  if (status.miner) return "Up to date, and about to mine.";
  return "Up to date. It follows the chain and does not mine.";
}

/**
 * Hashes per second of the whole network, from the last blocks: their
 * difficulties over the time that they took.
 * @param {Head[]} heads ascending
 */
export function networkRate(heads) {
  const last = heads.slice(-60);
  const ms = last.length < 2 ? 0 : last[last.length - 1].timestamp - last[0].timestamp;
  if (ms <= 0) return 0;
  return last.slice(1).reduce((sum, b) => sum + b.difficulty, 0) / ms * 1000;
}

/**
 * The curves' points.
 * @param {Head[]} heads ascending
 */
export function curves(heads) {
  const after = heads.slice(heads.length > 0 && heads[0].height === 0 ? 2 : 1); // genesis was not mined
  const times = after.map((b, i) => ({ x: b.timestamp, y: b.timestamp - heads[heads.length - after.length + i - 1].timestamp }));
  const smooth = times.map((p, i) => {
    const window = times.slice(Math.max(0, i - 9), i + 1);
    return { x: p.x, y: window.reduce((n, q) => n + q.y, 0) / window.length };
  });
  return {
    times: smooth,
    difficulty: after.map((b) => ({ x: b.timestamp, y: b.difficulty })),
    rate: after.map((b, i) => ({ x: b.timestamp, y: b.difficulty / Math.max(smooth[i].y, 1) * 1000 })),
  };
}

/** @param {import("./main.js").App} app @param {HTMLElement} main @param {string[]} _args @param {AbortSignal} signal */
export async function show(app, main, _args, signal) {
  const { live, params } = app;
  const height = h("p", { class: "big", id: "height" });
  const tip = h("p", { class: "tip" });
  const act = h("p", { class: "doing", role: "status" });
  const since = h("span", {});
  const bar = /** @type {HTMLElement} */ (h("div", { class: "bar" }, h("span", {})));
  const strip = h("ol", { class: "strip", "aria-label": "The latest blocks, the newest first" });
  const facts = h("dl", { class: "facts" });
  const plots = h("div", { class: "plots" });
  fill(main,
    h("h1", { tabindex: "-1", class: "hidden" }, "Now"),
    h("section", { class: "hero" },
      h("div", {}, h("p", { class: "over" }, "Height of the chain"), height, tip),
      h("div", { class: "pulse" }, act,
        h("p", { class: "since" }, since), bar,
        h("p", { class: "about" }, `A block is a page of the ledger that everybody agrees on. The network aims at one every ${duration(params.block_interval_ms)} and makes finding one harder or easier to keep that pace.`))),
    strip, facts, plots);

  /** @type {Head[]} */
  let heads = await get(`/v1/headers?limit=${KEPT}`, signal);
  let tipTime = Date.now();
  let seenHeight = -1;
  let seenAt = 0;
  let rate = 0; // blocks a second while catching up

  const drawStrip = () => {
    const shown = heads.slice(-STRIP).reverse();
    fill(strip, shown.map((b) => h("li", {}, h("a", { href: "#/block/" + b.hash, title: `Block ${b.height}, ${clock(b.timestamp)}` },
      glyph(b.hash, 34), h("b", {}, count(b.height)), h("span", {}, b.tx_count === 0 ? "empty" : plural(b.tx_count, "tx", "txs"))))));
  };
  const drawPlots = () => {
    const c = curves(heads);
    const span = c.times.length > 1 ? duration(c.times[c.times.length - 1].x - c.times[0].x) : "";
    fill(plots,
      chart({ title: "Time between blocks", about: "The mean of ten. The dashed line is the pace aimed at.", points: c.times, format: duration, span, mark: params.block_interval_ms }),
      chart({ title: "Difficulty", about: "How many hashes it takes on average to find a block.", points: c.difficulty, format: rough, span }),
      chart({ title: "Hash rate of the network", about: "Hashes per second of all miners together, worked out from difficulty and time.", points: c.rate, format: (y) => rough(y, "H/s"), span }));
  };
  const drawFacts = (/** @type {Status} */ st) => fill(facts,
    fact("Difficulty", rough(st.difficulty), "The number of hashes a miner must try, on average, to find the next block."),
    fact("Network", rough(networkRate(heads), "H/s"), "Hashes per second of all miners together, estimated from the last 60 blocks."),
    fact("Waiting", h("a", { href: "#/pool" }, plural(st.pool, "transaction")), "The pool holds transactions that no block has taken yet."),
    fact("Peers", h("a", { href: "#/peers" }, count(st.peers)), "Other nodes this one is connected to. Each checks everything for itself."),
    fact("Clock", st.peers === 0 ? "no peer to compare" : Math.abs(st.time_offset_ms) < 1000 ? "in step" : duration(st.time_offset_ms) + " off",
      "This node’s clock against the median of its peers. Blocks carry times, so clocks must roughly agree."),
    fact("Work", rough(Number(st.work)), "The sum of all difficulties: the chain with the most is the one that counts."),
    fact("Chain", st.chain_id, "The name of this ledger. Its first block, genesis, has the hash " + st.genesis.slice(0, 16) + "…"),
    fact("Node", st.agent, `Its peer id is ${short(st.peer_id)}; it has been running for ${duration(Date.now() - Date.parse(st.started))}.`));

  const tick = () => {
    const passed = Math.max(0, Date.now() - tipTime);
    say(since, `Last block ${ago(tipTime)}`);
    const part = Math.min(passed / params.block_interval_ms, 3) / 3;
    /** @type {HTMLElement} */ (bar.firstElementChild).style.inlineSize = `${(part * 100).toFixed(1)}%`;
    bar.classList.toggle("late", passed > 3 * params.block_interval_ms);
  };
  const drawTip = () => {
    const b = heads[heads.length - 1];
    if (!b) return;
    tipTime = b.timestamp;
    say(height, count(b.height));
    fill(tip, glyph(b.hash, 28), h("a", { href: "#/block/" + b.hash, class: "hash", title: b.hash }, short(b.hash)),
      h("span", { class: "about" }, b.height === 0 ? "genesis, the block that everybody begins with" : "the newest block, called the tip"));
    tick();
  };
  const onStatus = (/** @type {Status} */ st) => {
    if (seenHeight >= 0 && st.height > seenHeight) rate = (st.height - seenHeight) / (Date.now() - seenAt) * 1000;
    if (st.height !== seenHeight) [seenHeight, seenAt] = [st.height, Date.now()];
    say(act, doing(st, rate));
    drawFacts(st);
  };
  const drawChain = throttled(250, () => { if (!signal.aborted) { drawTip(); drawStrip(); } });
  const drawCurves = throttled(5000, () => { if (!signal.aborted) drawPlots(); });

  drawTip();
  drawStrip();
  drawPlots();
  if (live.status) onStatus(live.status);
  live.on("block", (b) => {
    if (heads.length > 0 && b.height <= heads[heads.length - 1].height) return; // it was in what we fetched
    heads.push(b);
    if (heads.length > KEPT + 200) heads = heads.slice(-KEPT);
    drawChain();
    drawCurves();
  }, signal);
  live.on("revert", (b) => {
    if (heads.length > 0 && heads[heads.length - 1].hash === b.hash) heads.pop();
    drawChain();
  }, signal);
  live.on("status", onStatus, signal);
  const timer = window.setInterval(tick, 500);
  signal.addEventListener("abort", () => window.clearInterval(timer));
}
