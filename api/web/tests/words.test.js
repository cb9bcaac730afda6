// What the views compute and say, without a document.

import assert from "node:assert/strict";
import { test } from "node:test";

import { thin } from "../page/chart.js";
import { ago, bytes, count, duration, origin, plural, rough, short } from "../page/format.js";
import { curves, doing, networkRate } from "../page/now.js";
import { fates, moved, tell } from "../page/story.js";
import { branches, layOut, seenBy, tipOf } from "../page/tree.js";

test("numbers, times and hashes are written for people", () => {
  assert.equal(count(1234567), "1\u202f234\u202f567");
  assert.equal(count(999), "999");
  assert.equal(rough(16777216, "H/s"), "16.8\u202fMH/s");
  assert.equal(rough(7), "7");
  assert.equal(rough(999_600), "1.00\u202fM");
  assert.equal(bytes(12), "12 bytes");
  assert.equal(plural(1, "block"), "1 block");
  assert.equal(plural(2, "block"), "2 blocks");
  assert.equal(duration(90), "90 ms");
  assert.equal(duration(61_000), "61 s");
  assert.equal(duration(3_600_000), "60 min");
  assert.equal(ago(1000, 1200), "just now");
  assert.equal(ago(10_000, 4000), "in 6.0 s");
  assert.equal(short("0".repeat(58) + "abcdef"), "000000…abcdef");
  assert.equal(origin({ via: "miner" }), "mined by this node");
  assert.match(origin({ via: "gossip", peer: "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN" }), /heard by gossip from peer …4kx6nXTN/);
});

/** @param {string} hash @param {string} parent @param {number} height @param {number} work @param {number} seen */
function block(hash, parent, height, work, seen) {
  return { hash, parent, height, work: String(work), seen: new Date(seen).toISOString(), difficulty: 1, timestamp: seen, miner: "", tx_count: 0, source: { via: "gossip" }, best: false };
}

// g─a─b─c and on a: x, which came first, and on x: y.
const TREE = [
  block("g", "", 0, 1, 0), block("a", "g", 1, 2, 10), block("x", "a", 2, 3, 20), block("b", "a", 2, 3, 30),
  block("y", "x", 3, 4, 40), block("c", "b", 3, 5, 50),
];

test("the best chain at a time is the heaviest, of equals the first seen", () => {
  const at = (/** @type {number} */ time) => tipOf(seenBy(TREE, time))?.hash;
  assert.deepEqual([0, 10, 20, 30, 40, 50].map(at), ["g", "a", "x", "x", "y", "c"]);
  assert.equal(tipOf([]), null);
});

test("work beyond 2^53 is compared exactly", () => {
  const [a, b] = [block("a", "g", 1, 0, 1), block("b", "g", 1, 0, 2)];
  a.work = "9007199254740993000000001";
  b.work = "9007199254740993000000002";
  assert.equal(tipOf([a, b])?.hash, "b");
});

test("the tree keeps the best chain in lane 0 and side branches beside it", () => {
  const rows = layOut(TREE);
  assert.deepEqual(rows.map((r) => r.block.hash + r.lane), ["c0", "y1", "b0", "x1", "a0", "g0"]);
  assert.deepEqual(rows.filter((r) => r.tip).map((r) => r.block.hash), ["c"]);
  const two = layOut([...TREE, block("z", "b", 3, 4, 60)]);
  assert.deepEqual(two.filter((r) => r.lane > 0).map((r) => r.block.hash + r.lane).sort(), ["x1", "y1", "z2"]);
  const apart = layOut([...TREE, block("d", "c", 4, 6, 70), block("e", "d", 5, 7, 80), block("p", "d", 5, 6, 90)]);
  assert.equal(apart.find((r) => r.block.hash === "p")?.lane, 1, "a lane is free again below a fork");
  assert.deepEqual(layOut(TREE, "y").filter((r) => r.best).map((r) => r.block.hash), ["y", "x", "a", "g"], "the node knows its tip better");
});

test("branches tell their work and how far they are behind", () => {
  assert.deepEqual(branches(TREE).map((b) => [b.tip.hash, b.best, String(b.behind)]), [["c", true, "0"], ["y", false, "1"]]);
});

/** @type {import("../page/api.js").Reorganisation} */
const REORGANISATION = {
  number: 0, at: "2026-01-02T03:04:05Z", source: { via: "gossip", peer: "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN" },
  fork: { height: 7, hash: "f" }, fork_work: "100",
  old: { tip: { height: 9, hash: "o" }, length: 2, work: "120" }, new: { tip: { height: 10, hash: "n" }, length: 3, work: "130" },
};

test("a reorganisation is told with what gave way, to what, and why", () => {
  const text = tell(REORGANISATION).join(" ");
  for (const words of ["blocks 8 to 9 (2 blocks) gave way to blocks 8 to 10 (3 blocks)", "stand on block 7", "30 hashes against 20", "heard by gossip"]) assert.ok(text.includes(words), text);
  const shorter = { ...REORGANISATION, new: { tip: { height: 8, hash: "n" }, length: 1, work: "121" }, source: { via: "miner" } };
  assert.match(tell(shorter).join(" "), /gave way to block 8 \(1 block\).*work counts, not length.*mined by this node/);
});

test("the fates of transactions are counted and told one by one", () => {
  const was = { height: 8, block: "b".repeat(64), index: 0 };
  const list = [
    { id: "1", was, state: "included", now: { height: 10, block: "c".repeat(64), index: 1 } },
    { id: "2", was, state: "pending" }, { id: "3", was, state: "replaced" }, { id: "4", was, state: "included", now: was },
  ];
  assert.equal(fates(list), "The branch that gave way held 4 transactions. Of them are 2 in the chain again, 1 waiting in the pool for the next block, 1 replaced by another of the same sender.");
  assert.equal(fates(list.slice(1, 2)), "The branch that gave way held 1 transaction. It is waiting in the pool for the next block.");
  assert.match(fates([]), /nobody’s record moved/);
  assert.match(moved(list[0]), /was in block 8 .*, is now in block 10/);
  assert.match(moved(list[1]), /is now waiting in the pool/);
});

test("what the node is doing is a sentence", () => {
  /** @type {any} */
  const st = { synced: true, mining: false, height: 10, hashrate: 0 };
  assert.match(doing(st, 0), /does not mine/);
  assert.match(doing({ ...st, mining: true, hashrate: 2e6 }, 0), /Looking for the next block, at 2\.00\u202fMH\/s/);
  assert.match(doing({ ...st, miner: "x", mining_held: "waiting for a peer" }, 0), /Not mining yet: waiting for a peer/);
  assert.match(doing({ ...st, synced: false, sync_target: 110 }, 10), /100 blocks behind.*about 10 s to go/);
  assert.match(doing({ ...st, synced: false, sync_target: 5 }, 0), /Asking its peers/);
});

test("curves and rate come from the headers", () => {
  const heads = Array.from({ length: 30 }, (_, i) => ({ height: i, hash: "", timestamp: 1000 + i * 2000, difficulty: 100, miner: "", tx_count: 0 }));
  const c = curves(heads);
  assert.equal(c.times.length, 28);
  assert.ok(c.times.every((p) => p.y === 2000));
  assert.ok(c.rate.every((p) => p.y === 50));
  assert.equal(networkRate(heads), 50);
  assert.equal(networkRate([]), 0);
  assert.equal(thin(c.times, 7).length, 7);
});
