// A key with which to sign, made and kept in this browser. The node never sees
// it. It is exported in the form that `lp2pnode key import` reads: base64 of
// libp2p's protobuf form, 08 01 12 40 ‖ seed ‖ public key.

import { addressOf } from "./address.js";
import { concat, sameBytes, utf8, toHex } from "./bytes.js";
import { canonical } from "./canonical.js";
import { signedBytes } from "./protocol.js";

const NAME = "lp2pnode.key";
const LIBP2P = Uint8Array.of(0x08, 0x01, 0x12, 0x40);
// PKCS #8 of an Ed25519 seed (RFC 8410 §7), and what comes before a public key.
const PKCS8 = Uint8Array.of(0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20);

/** @typedef {{seed: Uint8Array, public: Uint8Array, address: string}} Key */

/** @param {Uint8Array} bytes */
function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** @param {string} text */
function fromBase64(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** Whether this browser can sign on this page: not all can, and none on plain http from another machine. */
export async function canSign() {
  try {
    await crypto.subtle.importKey("pkcs8", concat(PKCS8, new Uint8Array(32)), "Ed25519", false, ["sign"]);
    return true;
  } catch {
    return false;
  }
}

/** @param {Uint8Array} seed */
async function privateKey(seed) {
  return crypto.subtle.importKey("pkcs8", concat(PKCS8, seed), "Ed25519", true, ["sign"]);
}

/** @param {Uint8Array} seed @returns {Promise<Key>} */
async function keyOfSeed(seed) {
  const jwk = await crypto.subtle.exportKey("jwk", await privateKey(seed));
  const digits = /** @type {string} */ (jwk.x).replace(/-/g, "+").replace(/_/g, "/");
  const half = fromBase64(digits + "=".repeat((4 - digits.length % 4) % 4));
  return { seed, public: half, address: addressOf(half) };
}

/**
 * Reads an exported key.
 * @param {string} text
 * @returns {Promise<Key>}
 */
export async function readKey(text) {
  const trimmed = text.trim();
  if (/^-----BEGIN AGE/.test(trimmed)) throw new Error("This key is encrypted. Export it with `lp2pnode key export --clear` first.");
  let bytes;
  try {
    bytes = fromBase64(trimmed);
  } catch {
    throw new Error("want what `lp2pnode key export --clear` prints: base64 in one line");
  }
  if (bytes.length !== 68 || !sameBytes(bytes.slice(0, 4), LIBP2P)) throw new Error("this is not an Ed25519 key in libp2p’s form");
  const key = await keyOfSeed(bytes.slice(4, 36));
  if (!sameBytes(key.public, bytes.slice(36))) throw new Error("the public half belongs to another key");
  return key;
}

/** @param {Key} key */
export function exportKey(key) {
  return toBase64(concat(LIBP2P, key.seed, key.public));
}

/** Makes a new key and keeps it. */
export async function makeKey() {
  const key = await keyOfSeed(crypto.getRandomValues(new Uint8Array(32)));
  keepKey(key);
  return key;
}

/** @param {Key} key */
export function keepKey(key) {
  localStorage.setItem(NAME, exportKey(key));
}

export function forgetKey() {
  localStorage.removeItem(NAME);
}

/**
 * The key kept here, or null.
 * @returns {Promise<Key | null>}
 */
export async function keptKey() {
  const text = localStorage.getItem(NAME);
  return text === null ? null : readKey(text);
}

/**
 * Signs a transaction for the chain of a genesis hash and returns its canonical
 * JSON (protocol §5).
 * @param {Key} key
 * @param {{amount: number, data: string, fee: number, nonce: number, to: string}} tx
 * @param {string} genesis
 */
export async function sign(key, tx, genesis) {
  const unsigned = { ...tx, from: key.address, signature: "" };
  const signature = await crypto.subtle.sign("Ed25519", await privateKey(key.seed), signedBytes(unsigned, genesis));
  return canonical({ ...unsigned, signature: toHex(new Uint8Array(signature)) });
}

/**
 * What is recorded of a file, as `lp2pnode record --file` does.
 * @param {string} name
 * @param {string} sha256
 * @param {number} size
 */
export function fileRecord(name, sha256, size) {
  return canonical({ name, sha256, size });
}

/** @param {string} data */
export function sizeOf(data) {
  return utf8(data).length;
}
