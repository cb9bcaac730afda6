// Reorganisations told in words. No document is touched here.

import { clock, count, origin, plural, rough, short } from "./format.js";

/** @typedef {import("./api.js").Reorganisation} Reorganisation */
/** @typedef {import("./api.js").Moved} Moved */

/**
 * Blocks 7 to 9, or block 7.
 * @param {number} fork
 * @param {number} length
 */
function heights(fork, length) {
  return length === 1 ? `block ${count(fork + 1)}` : `blocks ${count(fork + 1)} to ${count(fork + length)}`;
}

/**
 * What happened and why, in sentences.
 * @param {Reorganisation} r
 * @returns {string[]}
 */
export function tell(r) {
  const base = BigInt(r.fork_work);
  const [before, after] = [BigInt(r.old.work) - base, BigInt(r.new.work) - base];
  const longer = r.new.length > r.old.length;
  const sentences = [
    `At ${clock(r.at)} this node changed over to another branch: ${heights(r.fork.height, r.old.length)} (${plural(r.old.length, "block")}) gave way to ${heights(r.fork.height, r.new.length)} (${plural(r.new.length, "block")}).`,
    `Both branches stand on block ${count(r.fork.height)}. The new one won because it carries more work since then: ${rough(Number(after))} hashes against ${rough(Number(before))}${longer ? "" : ", though it is not longer: work counts, not length"}.`,
  ];
  sentences.push(r.source.via === "miner" ? "The block that tipped the scale was mined by this node." : `The block that tipped the scale was ${origin(r.source)}.`);
  return sentences;
}

const FATES = /** @type {[string, string][]} */ ([
  ["included", "in the chain again"],
  ["pending", "waiting in the pool for the next block"],
  ["replaced", "replaced by another of the same sender"],
  ["expired", "dropped from the pool"],
  ["unknown", "not known any more"],
]);

/**
 * What became of the transactions of the branch that gave way, in a sentence.
 * @param {Moved[]} moved
 */
export function fates(moved) {
  if (moved.length === 0) return "The branch that gave way held no transactions: nobody’s record moved.";
  const parts = FATES.map(([state, words]) => [moved.filter((m) => m.state === state).length, words]).filter(([n]) => n !== 0).map(([n, words]) => `${n} ${words}`);
  const one = moved.length === 1;
  return `The branch that gave way held ${plural(moved.length, "transaction")}. ${one ? "It is" : "Of them are"} ${one ? parts[0].replace(/^1 /, "") : parts.join(", ")}.`;
}

/**
 * Where one transaction was and is, in words.
 * @param {Moved} m
 */
export function moved(m) {
  const was = `was in block ${count(m.was.height)} (${short(m.was.block)})`;
  if (m.state === "included" && m.now) return `${was}, is now in block ${count(m.now.height)} (${short(m.now.block)})`;
  return `${was}, is now ${(FATES.find(([s]) => s === m.state) || ["", m.state])[1]}`;
}
