// Addresses (protocol §2): base58btc of 00 24 08 01 12 20 ‖ public key.

import { concat, shorten } from "./bytes.js";

const LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);
const ADDRESS_LENGTH = 52;

/** @param {Uint8Array} key of 32 bytes */
export function addressOf(key) {
  const bytes = concat(PREFIX, key);
  let n = 0n;
  for (const b of bytes) n = n * 256n + BigInt(b);
  let text = "";
  for (; n > 0n; n /= 58n) text = LETTERS[Number(n % 58n)] + text;
  for (const b of bytes) {
    if (b !== 0) break;
    text = "1" + text;
  }
  return text;
}

/**
 * Returns the public key of an address.
 * @param {string} text
 */
export function keyOf(text) {
  let n = 0n;
  const bad = () => new Error(`want an address of ${ADDRESS_LENGTH} characters (12D3KooW…), got ${shorten(text)}`);
  if (typeof text !== "string" || text.length !== ADDRESS_LENGTH) throw bad();
  for (const letter of text) {
    const digit = LETTERS.indexOf(letter);
    if (digit < 0) throw bad();
    n = n * 58n + BigInt(digit);
  }
  const key = new Uint8Array(32);
  for (let i = 31; i >= 0; i--, n >>= 8n) key[i] = Number(n & 255n);
  if (addressOf(key) !== text) throw bad();
  return key;
}
