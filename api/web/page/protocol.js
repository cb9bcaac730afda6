// Blocks and transactions (protocol §4 and §5), their hashes and work.

import { keyOf } from "./address.js";
import { concat, fromHex, shorten, toBigInt, toHex, utf8 } from "./bytes.js";
import { canonical, parseCanonical } from "./canonical.js";
import { verifySignature } from "./ed25519.js";
import { merkleRoot } from "./merkle.js";
import { sha256 } from "./sha256.js";

/**
 * @typedef {{data: string, difficulty: number, hash: string, height: number, history_root: string, miner: string,
 *   nonce: number, prev_hash: string, timestamp: number, tx_count: number, tx_root: string, version: number}} Header
 * @typedef {{amount: number, data: string, fee: number, from: string, nonce: number, signature: string, to: string}} Transaction
 * @typedef {Header & {transactions: Transaction[]}} Block
 * @typedef {Record<string, (value: any) => void>} Fields
 */

const NOTE_BYTES = 256;

/** @param {any} v */
function wantInteger(v) {
  if (typeof v !== "number") throw new Error(`want an integer, got ${shorten(v)}`);
}

/** @param {any} v */
function wantText(v) {
  if (typeof v !== "string") throw new Error(`want a string, got ${shorten(v)}`);
}

/** @param {any} v */
function wantHash(v) {
  fromHex(v, 32);
}

/** @type {Fields} */
const HEADER_FIELDS = {
  data: (v) => {
    wantText(v);
    if (utf8(v).length > NOTE_BYTES) throw new Error(`want at most ${NOTE_BYTES} bytes`);
  },
  difficulty: (v) => {
    wantInteger(v);
    if (v < 1) throw new Error("want at least 1");
  },
  hash: wantHash,
  height: wantInteger,
  history_root: wantHash,
  miner: wantText, // an address, but for genesis: see checkHeaderForm
  nonce: wantInteger,
  prev_hash: wantHash,
  timestamp: wantInteger,
  tx_count: wantInteger,
  tx_root: wantHash,
  version: (v) => {
    if (v !== 1) throw new Error(`want 1, got ${shorten(v)}`);
  },
};

/** @type {Fields} */
const TRANSACTION_FIELDS = {
  amount: wantInteger,
  data: wantText,
  fee: wantInteger,
  from: keyOf,
  nonce: wantInteger,
  signature: (v) => { fromHex(v, 64); },
  to: (v) => { if (v !== "") keyOf(v); },
};

/**
 * Checks that an object has these fields, each as it must be, and no other.
 * @param {any} value @param {Fields} fields @param {string} what
 */
export function checkFields(value, fields, what) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${what}: want an object, got ${shorten(value)}`);
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(fields, name)) throw new Error(`${what}: unknown field ${shorten(name)}`);
  }
  for (const [name, check] of Object.entries(fields)) {
    if (!Object.hasOwn(value, name)) throw new Error(`${what}: field ${name} is missing`);
    try {
      check(value[name]);
    } catch (error) {
      throw new Error(`${what}.${name}: ${/** @type {Error} */ (error).message}`);
    }
  }
}

/** @param {any} h @param {string} [what] */
export function checkHeaderForm(h, what = "header") {
  checkFields(h, HEADER_FIELDS, what);
  if (h.height === 0) {
    if (h.miner !== "") throw new Error(`${what}.miner: want "" in genesis`);
    return;
  }
  try {
    keyOf(h.miner);
  } catch (error) {
    throw new Error(`${what}.miner: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {any} tx @param {string} [what] */
export function checkTransactionForm(tx, what = "transaction") {
  checkFields(tx, TRANSACTION_FIELDS, what);
  if (tx.to === "" && tx.amount !== 0) throw new Error(`${what}: an amount needs somebody to go to`);
}

/**
 * seal = SHA-256 of the block without hash, nonce and transactions.
 * @param {Header} header
 */
export function sealOf(header) {
  const { hash: _h, nonce: _n, transactions: _t, ...rest } = /** @type {any} */ (header);
  return sha256(utf8(canonical(rest)));
}

/**
 * hash = SHA-256(seal ‖ nonce as 8 bytes big-endian).
 * @param {Header} header
 */
export async function hashOf(header) {
  const nonce = new Uint8Array(8);
  new DataView(nonce.buffer).setBigUint64(0, BigInt(header.nonce));
  return sha256(concat(await sealOf(header), nonce));
}

/**
 * The highest hash that carries a difficulty.
 * @param {number} difficulty
 */
export function targetOf(difficulty) {
  return ((1n << 256n) - 1n) / BigInt(difficulty);
}

/**
 * Whether a header's hash carries its difficulty; genesis needs none.
 * @param {Header} header
 */
export function carriesWork(header) {
  return header.height === 0 || toBigInt(fromHex(header.hash, 32)) <= targetOf(header.difficulty);
}

/** @param {Transaction} tx */
export async function transactionID(tx) {
  return toHex(await sha256(utf8(canonical(tx))));
}

/**
 * What a signature is over (protocol §5).
 * @param {any} tx
 * @param {string} genesis
 */
export function signedBytes(tx, genesis) {
  const { signature: _, ...rest } = tx;
  return utf8(canonical({ ...rest, chain: genesis }));
}

/** @param {Transaction} tx @param {string} genesis */
export function signatureHolds(tx, genesis) {
  return verifySignature(keyOf(tx.from), signedBytes(tx, genesis), fromHex(tx.signature, 64));
}

/**
 * Reads a transaction in its canonical bytes and checks all that it shows by
 * itself, on the chain of a genesis hash.
 * @param {Uint8Array} bytes @param {string} genesis
 * @returns {Transaction}
 */
export function parseTransaction(bytes, genesis) {
  const tx = parseCanonical(bytes);
  checkTransactionForm(tx);
  if (!signatureHolds(tx, genesis)) throw new Error("the signature does not hold");
  return tx;
}

/**
 * Checks all that a block shows by itself but its signatures.
 * @param {Uint8Array} bytes
 * @returns {Promise<Block>}
 */
export async function parseBlock(bytes) {
  const block = parseCanonical(bytes);
  const { transactions, ...header } = block;
  checkHeaderForm(header);
  if (!Array.isArray(transactions)) throw new Error("transactions: want an array");
  transactions.forEach((t, i) => checkTransactionForm(t, `transactions[${i}]`));
  if (toHex(await hashOf(header)) !== header.hash) throw new Error("it does not hash to its hash");
  if (!carriesWork(header)) throw new Error(`its hash does not carry a difficulty of ${header.difficulty}`);
  if (header.tx_count !== transactions.length) throw new Error(`want ${header.tx_count} transactions, got ${transactions.length}`);
  const root = await merkleRoot(transactions.map((t) => utf8(canonical(t))));
  if (toHex(root) !== header.tx_root) throw new Error("the transactions are not those of tx_root");
  return block;
}
