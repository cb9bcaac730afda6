// Ed25519 signatures as protocol §5 wants them checked: RFC 8032 §5.1.7 with
// ZIP-215's choices (cofactored equation, non-canonical points accepted,
// S < L required). WebCrypto chooses otherwise, so this one is our own. It
// works on what is public only, and need not hide how long it takes.

import { concat } from "./bytes.js";
import { sha512 } from "./sha512.js";

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * invert(121666n));
const ROOT = power(2n, (P - 1n) / 4n); // of −1
const BASE = /** @type {Point} */ (decodePoint(encodeY(mod(4n * invert(5n)))));

/** @typedef {{x: bigint, y: bigint, z: bigint, t: bigint}} Point of extended coordinates */

/** @param {bigint} a */
function mod(a) {
  const r = a % P;
  return r < 0n ? r + P : r;
}

/** @param {bigint} base @param {bigint} exponent */
function power(base, exponent) {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = b * b % P) {
    if (e & 1n) result = result * b % P;
  }
  return result;
}

/** @param {bigint} a */
function invert(a) {
  return power(a, P - 2n);
}

/** @param {Uint8Array} bytes least significant first */
function littleEndian(bytes) {
  let n = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes[i]);
  return n;
}

/** @param {bigint} y */
function encodeY(y) {
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++, y >>= 8n) bytes[i] = Number(y & 255n);
  return bytes;
}

/**
 * Reads a point; null if there is none. y may be P or more, and x = 0 may
 * have its sign set: ZIP-215 takes both.
 * @param {Uint8Array} bytes
 * @returns {Point | null}
 */
function decodePoint(bytes) {
  const n = littleEndian(bytes);
  const y = mod(n & (2n ** 255n - 1n));
  const u = mod(y * y - 1n);
  const v = mod(D * y * y + 1n);
  let x = mod(u * v ** 3n) * power(u * v ** 7n, (P - 5n) / 8n) % P;
  const vxx = v * x * x % P;
  if (vxx !== u) {
    if (vxx !== mod(-u)) return null;
    x = x * ROOT % P;
  }
  if ((x & 1n) !== n >> 255n) x = mod(-x);
  return { x, y, z: 1n, t: x * y % P };
}

/** @param {Point} a @param {Point} b @returns {Point} */
function add(a, b) {
  const A = (a.y - a.x) * (b.y - b.x);
  const B = (a.y + a.x) * (b.y + b.x);
  const C = 2n * a.t * D % P * b.t;
  const Z = 2n * a.z * b.z;
  const E = mod(B - A);
  const F = mod(Z - C);
  const G = mod(Z + C);
  const H = mod(B + A);
  return { x: E * F % P, y: G * H % P, z: F * G % P, t: E * H % P };
}

/** @param {bigint} n @param {Point} point */
function multiply(n, point) {
  let sum = /** @type {Point} */ ({ x: 0n, y: 1n, z: 1n, t: 0n });
  for (let p = point; n > 0n; n >>= 1n, p = add(p, p)) {
    if (n & 1n) sum = add(sum, p);
  }
  return sum;
}

/**
 * Tells whether a signature of 64 bytes over a message holds.
 * @param {Uint8Array} key @param {Uint8Array} message @param {Uint8Array} signature
 */
export function verifySignature(key, message, signature) {
  const s = littleEndian(signature.slice(32));
  const A = decodePoint(key);
  const R = decodePoint(signature.slice(0, 32));
  if (s >= L || A === null || R === null) return false;
  const k = littleEndian(sha512(concat(signature.slice(0, 32), key, message))) % L;
  // 8·(S·B − k·A − R) = 0
  const minus = (/** @type {Point} */ p) => ({ x: mod(-p.x), y: p.y, z: p.z, t: mod(-p.t) });
  const left = multiply(8n, add(multiply(s, BASE), add(minus(multiply(k, A)), minus(R))));
  return left.x === 0n && left.y === left.z;
}
