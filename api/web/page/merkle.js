// Merkle trees and inclusion proofs (RFC 9162 §2.1).

import { concat, sameBytes } from "./bytes.js";
import { sha256 } from "./sha256.js";

/** @param {Uint8Array} entry */
export function leafHash(entry) {
  return sha256(concat(Uint8Array.of(0), entry));
}

/** @param {Uint8Array} left @param {Uint8Array} right */
export function nodeHash(left, right) {
  return sha256(concat(Uint8Array.of(1), left, right));
}

/** @param {Uint8Array[]} entries @returns {Promise<Uint8Array>} */
export async function merkleRoot(entries) {
  if (entries.length === 0) return sha256(new Uint8Array());
  return subtreeRoot(await Promise.all(entries.map(leafHash)));
}

/** @param {Uint8Array[]} leaves @returns {Promise<Uint8Array>} */
async function subtreeRoot(leaves) {
  if (leaves.length === 1) return leaves[0];
  let split = 1; // the largest power of two below the number of leaves
  while (2 * split < leaves.length) split *= 2;
  return nodeHash(await subtreeRoot(leaves.slice(0, split)), await subtreeRoot(leaves.slice(split)));
}

/**
 * How many hashes an inclusion proof has: RFC 9162 gives exactly one number.
 * @param {number} index @param {number} size
 */
export function proofLength(index, size) {
  let n = 0;
  for (let i = BigInt(index), last = BigInt(size) - 1n; last > 0n; i >>= 1n, last >>= 1n) {
    if (i % 2n === 1n || i < last) n++; // a node that is the last of its level and even has no sibling
  }
  return n;
}

/**
 * Works out the root to which a proof leads (RFC 9162 §2.1.3.2). Each step is
 * told, so that people can follow it.
 * @param {Uint8Array} entry
 * @param {number} index
 * @param {number} size
 * @param {Uint8Array[]} proof
 */
export async function rootOfProof(entry, index, size, proof) {
  if (index >= size) throw new Error(`want an index below ${size}, got ${index}`);
  const want = proofLength(index, size);
  if (proof.length !== want) throw new Error(`want a proof of ${want} hashes for number ${index} of ${size}, got ${proof.length}`);
  let at = BigInt(index);
  let last = BigInt(size) - 1n;
  let hash = await leafHash(entry);
  /** @type {{side: "left" | "right", hash: Uint8Array}[]} */
  const steps = [];
  for (const sibling of proof) {
    while (at % 2n === 0n && at === last) { // it goes up unchanged
      at >>= 1n;
      last >>= 1n;
    }
    const left = at % 2n === 1n;
    hash = left ? await nodeHash(sibling, hash) : await nodeHash(hash, sibling);
    steps.push({ side: left ? "left" : "right", hash });
    at >>= 1n;
    last >>= 1n;
  }
  return { root: hash, steps };
}

/**
 * @param {Uint8Array} entry @param {number} index @param {number} size
 * @param {Uint8Array[]} proof @param {Uint8Array} root
 */
export async function checkProof(entry, index, size, proof, root) {
  const found = await rootOfProof(entry, index, size, proof);
  if (!sameBytes(found.root, root)) throw new Error("the path leads to another root");
  return found.steps;
}
