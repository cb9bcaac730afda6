// The tree of blocks: which were there at a time, which chain was the best
// then, and where each is drawn. No document is touched here.

/**
 * @typedef {import("./api.js").Fork} Fork
 * @typedef {{block: Fork, lane: number, best: boolean, tip: boolean}} Row
 */

/**
 * The blocks that were here at a time.
 * @param {Fork[]} blocks
 * @param {number} at Unix ms
 */
export function seenBy(blocks, at) {
  return blocks.filter((b) => Date.parse(b.seen) <= at);
}

/**
 * The tip at the time when these blocks, and no others, were here: the heaviest,
 * of equals the one seen first (protocol §7).
 * @param {Fork[]} blocks
 */
export function tipOf(blocks) {
  /** @type {Fork | null} */
  let best = null;
  for (const b of blocks.slice().sort((a, c) => Date.parse(a.seen) - Date.parse(c.seen) || a.height - c.height)) {
    if (best === null || BigInt(b.work) > BigInt(best.work)) best = b;
  }
  return best;
}

/**
 * The hashes of a chain from its tip downwards, as far as they are here.
 * @param {Map<string, Fork>} byHash
 * @param {Fork | null} tip
 */
function pathDown(byHash, tip) {
  const path = new Set();
  for (let b = tip; b; b = byHash.get(b.parent) || null) path.add(b.hash);
  return path;
}

/**
 * Where each block is drawn, the highest first: the best chain in lane 0, each
 * side branch in the first lane that is free from its tip down to its fork.
 * @param {Fork[]} blocks
 * @param {string} [tip] hash of the best chain's tip, if it is known better than by the blocks
 * @returns {Row[]}
 */
export function layOut(blocks, tip) {
  const byHash = new Map(blocks.map((b) => [b.hash, b]));
  const best = pathDown(byHash, (tip && byHash.get(tip)) || tipOf(blocks));
  const top = [...best][0];
  const order = blocks.slice().sort((a, b) => b.height - a.height || Number(best.has(b.hash)) - Number(best.has(a.hash)) || Date.parse(a.seen) - Date.parse(b.seen));
  const rowOf = new Map(order.map((b, i) => [b.hash, i]));
  const parents = new Set(blocks.map((b) => b.parent));
  /** @type {Map<string, number>} */
  const lanes = new Map();
  /** @type {[number, number][][]} the rows that each side lane is taken for */
  const taken = [];
  for (const leaf of order) {
    if (best.has(leaf.hash) || parents.has(leaf.hash)) continue;
    const branch = [];
    /** @type {Fork | undefined} */
    let b = leaf;
    for (; b && !best.has(b.hash) && !lanes.has(b.hash); b = byHash.get(b.parent)) branch.push(b.hash);
    const from = /** @type {number} */ (rowOf.get(leaf.hash));
    const to = b ? /** @type {number} */ (rowOf.get(b.hash)) : order.length;
    let lane = taken.findIndex((rows) => rows.every(([x, y]) => to < x || from > y));
    if (lane < 0) lane = taken.push([]) - 1;
    taken[lane].push([from, to]);
    for (const hash of branch) lanes.set(hash, lane + 1);
  }
  return order.map((block) => ({ block, lane: best.has(block.hash) ? 0 : lanes.get(block.hash) || 1, best: best.has(block.hash), tip: block.hash === top }));
}

/**
 * The branches at hand: the tip of each, its work, and how much less that is
 * than the best one's.
 * @param {Fork[]} blocks
 * @param {string} [tip]
 */
export function branches(blocks, tip) {
  const parents = new Set(blocks.map((b) => b.parent));
  const best = (tip && blocks.find((b) => b.hash === tip)) || tipOf(blocks);
  if (!best) return [];
  return blocks.filter((b) => !parents.has(b.hash) || b === best).map((b) => ({ tip: b, best: b === best, behind: BigInt(best.work) - BigInt(b.work) }))
    .sort((a, b) => (a.best ? -1 : b.best ? 1 : a.behind < b.behind ? -1 : 1));
}
