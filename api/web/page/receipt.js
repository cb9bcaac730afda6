// Receipts (protocol §9), checked step by step.

import { fromHex, shorten, toHex, utf8 } from "./bytes.js";
import { canonical, parseCanonical } from "./canonical.js";
import { checkProof } from "./merkle.js";
import { carriesWork, checkFields, checkHeaderForm, checkTransactionForm, hashOf, targetOf, transactionID } from "./protocol.js";

/**
 * @typedef {import("./protocol.js").Header} Header
 * @typedef {import("./protocol.js").Transaction} Transaction
 * @typedef {{header: Header, history_proof: string[], history_size: number, tip: Header, transaction: Transaction,
 *   tx_count: number, tx_index: number, tx_proof: string[]}} Receipt
 * @typedef {"holds" | "fails" | "skipped"} Outcome
 * @typedef {{name: string, title: string, about: string, outcome: Outcome, detail: string}} Step
 * @typedef {{steps: Step[], holds: boolean, receipt: Receipt | null, id: string}} Verdict
 */

const MOST_BYTES = 8388608 + 65536;

/** @param {any} v */
function wantHashes(v) {
  if (!Array.isArray(v)) throw new Error(`want an array of hashes, got ${shorten(v)}`);
  v.forEach((h) => fromHex(h, 32));
}

/** @param {any} v */
function wantCount(v) {
  if (typeof v !== "number") throw new Error(`want an integer, got ${shorten(v)}`);
}

const RECEIPT_FIELDS = {
  header: (/** @type {any} */ v) => checkHeaderForm(v),
  history_proof: wantHashes,
  history_size: wantCount,
  tip: (/** @type {any} */ v) => checkHeaderForm(v, "tip"),
  transaction: (/** @type {any} */ v) => checkTransactionForm(v),
  tx_count: wantCount,
  tx_index: wantCount,
  tx_proof: wantHashes,
};

/**
 * The steps of the proof, in order. Each returns what it found, or throws what
 * does not hold.
 * @type {{name: string, title: string, about: string, check: (r: Receipt) => Promise<string>}[]}
 */
const STEPS = [
  {
    name: "header hash",
    title: "The block hashes to its hash",
    about: "A block’s hash is computed from its header. Whoever changes one letter of the header gets another hash.",
    check: (r) => checkHash(r.header),
  },
  {
    name: "tip hash",
    title: "The tip hashes to its hash",
    about: "The tip is a later block of the same chain, the one that you compare with others at the end.",
    check: (r) => checkHash(r.tip),
  },
  {
    name: "header work",
    title: "The block carries its work",
    about: "Read as a number, the hash must be below a target: somebody had to try that many times to find it.",
    check: (r) => checkWork(r.header),
  },
  {
    name: "tip work",
    title: "The tip carries its work",
    about: "The same for the tip.",
    check: (r) => checkWork(r.tip),
  },
  {
    name: "places",
    title: "The places fit together",
    about: "The transaction has a number within its block, and the block a height below the tip’s.",
    check: checkPlaces,
  },
  {
    name: "transaction path",
    title: "The transaction is in the block",
    about: "Hashing the transaction together with the hashes of its neighbours must lead to tx_root in the block’s header.",
    check: async (r) => {
      const steps = await checkProof(utf8(canonical(r.transaction)), r.tx_index, r.tx_count, hashes(r.tx_proof), fromHex(r.header.tx_root, 32));
      return `${hashCount(steps.length)} from transaction ${r.tx_index + 1} of ${r.tx_count} to tx_root ${r.header.tx_root}`;
    },
  },
  {
    name: "history path",
    title: "The block is in the tip’s history",
    about: "Hashing the block’s hash together with those of other blocks must lead to history_root in the tip’s header.",
    check: async (r) => {
      const steps = await checkProof(fromHex(r.header.hash, 32), r.header.height, r.history_size, hashes(r.history_proof), fromHex(r.tip.history_root, 32));
      return `${hashCount(steps.length)} from block ${r.header.height} of ${r.history_size} to history_root ${r.tip.history_root}`;
    },
  },
];

/** @param {string[]} texts */
function hashes(texts) {
  return texts.map((t) => fromHex(t, 32));
}

/** @param {number} n */
function hashCount(n) {
  return n === 1 ? "one hash leads" : `${n} hashes lead`;
}

/** @param {Header} h */
async function checkHash(h) {
  const got = toHex(await hashOf(h));
  if (got !== h.hash) throw new Error(`block ${h.height} says ${h.hash}, but hashes to ${got}`);
  return `block ${h.height} hashes to ${got}`;
}

/** @param {Header} h */
async function checkWork(h) {
  const target = targetOf(h.difficulty).toString(16).padStart(64, "0");
  if (!carriesWork(h)) throw new Error(`${h.hash} is above the target ${target} of difficulty ${h.difficulty}`);
  return `${h.hash.slice(0, 16)}… is not above the target ${target.slice(0, 16)}… of difficulty ${h.difficulty}`;
}

/** @param {Receipt} r */
async function checkPlaces(r) {
  if (r.history_size !== r.tip.height) throw new Error(`want history_size = tip.height = ${r.tip.height}, got ${r.history_size}`);
  if (r.tip.height <= r.header.height) throw new Error(`want a tip above height ${r.header.height}, got ${r.tip.height}`);
  if (r.tx_count !== r.header.tx_count) throw new Error(`want tx_count = header.tx_count = ${r.header.tx_count}, got ${r.tx_count}`);
  if (r.tx_index >= r.tx_count) throw new Error(`want a tx_index below ${r.tx_count}, got ${r.tx_index}`);
  return `transaction ${r.tx_index + 1} of ${r.tx_count} in block ${r.header.height}; the tip is ${r.tip.height - r.header.height} higher`;
}

/**
 * Reads a receipt in its canonical bytes.
 * @param {Uint8Array} bytes
 * @returns {Receipt}
 */
export function parseReceipt(bytes) {
  if (bytes.length > MOST_BYTES) throw new Error(`want at most ${MOST_BYTES} bytes, got ${bytes.length}`);
  const r = parseCanonical(bytes);
  checkFields(r, RECEIPT_FIELDS, "receipt");
  return r;
}

/**
 * Checks a receipt. The newline that editors put at the end of a file is not
 * one of its bytes. After the first step that does not hold the rest is
 * skipped. That tip.hash is to be trusted is for people to say.
 * @param {Uint8Array} bytes
 * @returns {Promise<Verdict>}
 */
export async function checkReceipt(bytes) {
  if (bytes.length > 0 && bytes[bytes.length - 1] === 10) bytes = bytes.subarray(0, bytes.length - 1);
  /** @type {Step[]} */
  const steps = [];
  let holds = true;
  /** @type {(name: string, title: string, about: string, check: () => Promise<string>) => Promise<void>} */
  const step = async (name, title, about, check) => {
    if (!holds) {
      steps.push({ name, title, about, outcome: "skipped", detail: "not looked at, because a step before it does not hold" });
      return;
    }
    try {
      steps.push({ name, title, about, outcome: "holds", detail: await check() });
    } catch (error) {
      holds = false;
      steps.push({ name, title, about, outcome: "fails", detail: /** @type {Error} */ (error).message });
    }
  };
  /** @type {Receipt | null} */
  let receipt = null;
  await step("form", "It is a receipt, in its one form", "A receipt has exactly one way to be written (canonical JSON), so that not one byte can be added or changed unseen.", async () => {
    receipt = parseReceipt(bytes);
    return `${bytes.length} bytes of canonical JSON with all fields and no other`;
  });
  for (const s of STEPS) await step(s.name, s.title, s.about, () => s.check(/** @type {Receipt} */ (receipt)));
  return { steps, holds, receipt, id: receipt && holds ? await transactionID(/** @type {Receipt} */ (receipt).transaction) : "" };
}
