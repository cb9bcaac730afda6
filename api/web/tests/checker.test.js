// The checker against the vectors of the protocol, which share no code with it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { webcrypto } from "node:crypto";

import { addressOf, keyOf } from "../page/address.js";
import { fromHex, toHex, utf8 } from "../page/bytes.js";
import { canonical, parseCanonical } from "../page/canonical.js";
import { verifySignature } from "../page/ed25519.js";
import { checkProof, merkleRoot, rootOfProof } from "../page/merkle.js";
import { hashOf, parseBlock, parseTransaction, sealOf, signedBytes, targetOf, transactionID } from "../page/protocol.js";
import { checkReceipt } from "../page/receipt.js";
import { Sha256, ownSha256, sha256 } from "../page/sha256.js";
import { sha512 } from "../page/sha512.js";

/** @type {any} */
const vectors = JSON.parse(readFileSync(new URL("../../../chain/testdata/vectors.json", import.meta.url), "utf8"));
const genesis = vectors.genesis.hash;

test("keys have their addresses", () => {
  for (const k of vectors.keys) {
    assert.equal(addressOf(fromHex(k.public, 32)), k.address);
    assert.equal(toHex(keyOf(k.address)), k.public);
  }
});

test("genesis names the chain", async () => {
  assert.equal(canonical(vectors.genesis.parameters), vectors.genesis.canonical);
  const block = await parseBlock(utf8(vectors.blocks[0].canonical));
  assert.equal(block.hash, genesis);
  assert.equal(block.prev_hash, toHex(await sha256(utf8(vectors.genesis.canonical))));
});

test("transactions keep bytes, id and signature", async () => {
  for (const want of [...vectors.transactions, vectors.small_order]) {
    const tx = parseTransaction(utf8(want.canonical), genesis);
    assert.equal(canonical(tx), want.canonical);
    assert.equal(new TextDecoder().decode(signedBytes(tx, genesis)), want.signed_bytes);
    if (want.id) assert.equal(await transactionID(tx), want.id);
  }
});

test("what is no transaction is refused, for its reason", () => {
  for (const not of vectors.not_transactions) {
    const why = /** @type {{what: string, bytes: string, why: string}} */ (not);
    assert.throws(() => parseTransaction(utf8(why.bytes), genesis), why.why === "signature" ? /signature does not hold/ : /^(?!.*signature does not hold)/s, why.what);
  }
});

test("Merkle roots and proofs", async () => {
  for (const tree of vectors.merkle) {
    const entries = tree.entries.map(utf8);
    const root = await merkleRoot(entries);
    assert.equal(toHex(root), tree.root);
    for (const [i, texts] of tree.proofs.entries()) {
      const proof = texts.map((/** @type {string} */ t) => fromHex(t, 32));
      await checkProof(entries[i], i, entries.length, proof, root);
      await assert.rejects(rootOfProof(entries[i], i, entries.length, [...proof, root]), /want a proof of/);
      if (proof.length > 0) await assert.rejects(rootOfProof(entries[i], i, entries.length, proof.slice(1)), /want a proof of/);
      for (let other = 0; other < entries.length; other++) {
        if (other !== i) await assert.rejects(checkProof(entries[i], other, entries.length, proof, root));
      }
    }
  }
});

test("blocks have their seal, hash and target", async () => {
  for (const want of vectors.blocks) {
    const block = await parseBlock(utf8(want.canonical));
    assert.equal(canonical(block), want.canonical);
    assert.equal(toHex(await sealOf(block)), want.seal);
    assert.equal(toHex(await hashOf(block)), want.hash);
    assert.equal(targetOf(block.difficulty).toString(16).padStart(64, "0"), want.target);
  }
});

test("the work of the chain is the sum of its difficulties", () => {
  const sum = vectors.blocks.reduce((/** @type {bigint} */ n, /** @type {any} */ b) => n + BigInt(JSON.parse(b.canonical).difficulty), 0n);
  assert.equal(sum, BigInt(vectors.total_work));
});

/** protocol §6. @param {any} run @param {number} height */
function difficultyOf(run, height) {
  const { initial_difficulty: initial, block_interval_ms: T, retarget_window: window, timestamps: ts, difficulties: ds } = run;
  const parent = height - 1;
  if (window === 0 || parent === 0) return BigInt(initial);
  const N = Math.min(window, parent);
  let L = 0n;
  let sum = 0n;
  for (let i = 1; i <= N; i++) {
    const h = parent - N + i;
    const s = h === 1 ? T : Math.min(ts[h] - ts[h - 1], 12 * T);
    L += BigInt(i) * BigInt(s);
    sum += BigInt(ds[h]);
  }
  const least = BigInt(N) * BigInt(N) * BigInt(T) / 20n;
  if (L < least) L = least;
  let base = sum * BigInt(T) * BigInt(N + 1) / (2n * L);
  if (base < 1n) base = 1n;
  if (base > 2n ** 53n - 1n) base = 2n ** 53n - 1n;
  const F = Math.max(15000, 3 * T);
  const k = Math.min(Math.floor((ts[height] - ts[parent]) / (4 * F)), 20);
  const d = base >> BigInt(k);
  return d < 1n ? 1n : d;
}

test("difficulty runs", () => {
  for (const run of vectors.difficulty) {
    for (let h = 1; h < run.timestamps.length; h++) {
      assert.equal(difficultyOf(run, h), BigInt(run.difficulties[h]), `${run.name}, height ${h}`);
    }
  }
});

test("executing the blocks leaves the accounts as they must be", () => {
  const { allocations, reward, halving_interval: halving } = vectors.genesis.parameters;
  /** @type {Record<string, {balance: number, nonce: number}>} */
  const accounts = {};
  const at = (/** @type {string} */ a) => (accounts[a] ??= { balance: 0, nonce: 0 });
  for (const [a, units] of Object.entries(allocations)) at(a).balance = /** @type {number} */ (units);
  for (const raw of vectors.blocks.slice(1)) {
    const block = JSON.parse(raw.canonical);
    let fees = 0;
    for (const tx of block.transactions) {
      assert.equal(at(tx.from).nonce, tx.nonce);
      assert.ok(at(tx.from).balance >= tx.amount + tx.fee);
      at(tx.from).balance -= tx.amount + tx.fee;
      at(tx.from).nonce++;
      if (tx.to !== "") at(tx.to).balance += tx.amount;
      fees += tx.fee;
    }
    const shift = halving === 0 ? 0 : Math.floor(block.height / halving);
    at(block.miner).balance += fees + (shift >= 53 ? 0 : Math.floor(reward / 2 ** shift));
  }
  assert.deepEqual(accounts, vectors.accounts_after);
});

test("receipts hold", async () => {
  for (const receipt of vectors.receipts) {
    const bytes = utf8(canonical(receipt));
    for (const raw of [bytes, Uint8Array.of(...bytes, 10)]) {
      const verdict = await checkReceipt(raw);
      assert.deepEqual(verdict.steps.filter((s) => s.outcome !== "holds"), []);
      assert.ok(verdict.holds);
      assert.equal(verdict.id, await transactionID(receipt.transaction));
    }
  }
});

test("a receipt fails on every changed byte", async () => {
  const bytes = utf8(canonical(vectors.receipts[0]));
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 0x20]) {
      const changed = bytes.slice();
      changed[at] ^= flip;
      assert.equal((await checkReceipt(changed)).holds, false, `byte ${at}`);
    }
  }
});

test("each step fails for its own reason, and the rest is skipped", async () => {
  const good = vectors.receipts[0];
  const other = "ab".repeat(32);
  /** @type {[string, (r: any) => void][]} */
  const rows = [
    ["form", (r) => { r.extra = 1; }],
    ["form", (r) => { delete r.tx_count; }],
    ["form", (r) => { r.header.miner = "nobody"; }],
    ["header hash", (r) => { r.header.data += "x"; }],
    ["tip hash", (r) => { r.tip.nonce++; }],
    ["places", (r) => { r.history_size--; }],
    ["places", (r) => { r.tx_index = r.tx_count; }],
    ["transaction path", (r) => { r.transaction.data += "x"; }],
    ["transaction path", (r) => { r.tx_proof[0] = other; }],
    ["transaction path", (r) => { r.tx_proof.push(other); }],
    ["history path", (r) => { r.history_proof[0] = other; }],
    ["history path", (r) => { r.history_proof.pop(); }],
  ];
  for (const [name, change] of rows) {
    const r = structuredClone(good);
    change(r);
    const verdict = await checkReceipt(utf8(canonical(r)));
    const failed = verdict.steps.findIndex((s) => s.outcome === "fails");
    assert.equal(verdict.steps[failed]?.name, name);
    assert.ok(verdict.steps.slice(failed + 1).every((s) => s.outcome === "skipped"));
  }
});

test("a header without work fails at its work", async () => {
  const r = structuredClone(vectors.receipts[0]);
  r.header.difficulty = 2 ** 40;
  r.header.hash = toHex(await hashOf(r.header));
  const verdict = await checkReceipt(utf8(canonical(r)));
  assert.equal(verdict.steps.find((s) => s.outcome === "fails")?.name, "header work");
});

test("our SHA-256 and SHA-512 are those of the platform", async () => {
  for (const n of [0, 1, 55, 56, 63, 64, 65, 111, 112, 119, 127, 128, 1000, 100_003]) {
    const bytes = Uint8Array.from({ length: n }, (_, i) => (i * 31 + n) & 255);
    const want = toHex(new Uint8Array(await webcrypto.subtle.digest("SHA-256", bytes)));
    assert.equal(toHex(ownSha256(bytes)), want);
    assert.equal(toHex(await sha256(bytes)), want);
    const pieces = new Sha256();
    for (let at = 0; at < n; at += 37) pieces.update(bytes.subarray(at, at + 37));
    assert.equal(toHex(pieces.digest()), want);
    if (n < 2000) assert.equal(toHex(sha512(bytes)), toHex(new Uint8Array(await webcrypto.subtle.digest("SHA-512", bytes))));
  }
});

test("canonical JSON has one text", () => {
  assert.equal(canonical({ b: [1, "x"], a: "é\u2028\u0000\"\\", "\ue000": 1, "\u{1f600}": 2 }), '{"a":"é\u2028\\u0000\\"\\\\","b":[1,"x"],"\u{1f600}":2,"\ue000":1}');
  for (const bad of [-1, 1.5, 2 ** 53, NaN, -0, null, true, undefined, "\ud800", ["\udc00"], { "\ud800": 1 }]) {
    assert.throws(() => canonical(bad), undefined, String(bad));
  }
  for (const bad of ["", " 1", "1 ", "1.0", "-0", "1e2", "9007199254740993", '{"a":1,"a":1}', '{"b":1,"a":1}', '"\\u0041"', "\ufeff1", "[1,]"]) {
    assert.throws(() => parseCanonical(utf8(bad)), undefined, bad);
  }
  assert.throws(() => parseCanonical(Uint8Array.of(0x22, 0xff, 0x22)), /UTF-8/);
  assert.throws(() => parseCanonical(utf8("[".repeat(50_000) + "]".repeat(50_000))));
});

test("signatures made by the platform hold, and no longer once changed", async () => {
  const { generateKeyPairSync, sign } = await import("node:crypto");
  for (let i = 0; i < 3; i++) {
    const pair = generateKeyPairSync("ed25519");
    const key = new Uint8Array(pair.publicKey.export({ type: "spki", format: "der" }).subarray(12));
    const message = utf8("message " + i);
    const signature = new Uint8Array(sign(null, message, pair.privateKey));
    assert.ok(verifySignature(key, message, signature));
    signature[i * 20] ^= 1;
    assert.equal(verifySignature(key, message, signature), false);
  }
});
