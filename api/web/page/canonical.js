// Canonical JSON (protocol §1): RFC 8785, restricted to integers 0 … 2^53−1.

import { sameBytes, shorten, utf8 } from "./bytes.js";

const DEEPEST = 16;

/**
 * Returns the one text of a value.
 * @param {any} value
 * @param {number} [depth]
 * @returns {string}
 */
export function canonical(value, depth = 0) {
  if (depth > DEEPEST) throw new Error("nested too deep");
  switch (typeof value) {
    case "string":
      return canonicalString(value);
    case "number":
      if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
        throw new Error(`want an integer from 0 to 2^53 - 1, got ${value}`);
      }
      return String(value);
    case "object":
      if (value === null) break;
      if (Array.isArray(value)) return "[" + value.map((v) => canonical(v, depth + 1)).join(",") + "]";
      // Array.prototype.sort orders strings by UTF-16 code units, as RFC 8785 §3.2.3 wants.
      return "{" + Object.keys(value).sort().map((k) => canonicalString(k) + ":" + canonical(value[k], depth + 1)).join(",") + "}";
  }
  throw new Error(`want a string, an integer, an object or an array, got ${shorten(value)}`);
}

/** @param {string} text */
function canonicalString(text) {
  // A lone surrogate is no Unicode scalar value. Of the rest JSON.stringify
  // escapes what RFC 8785 §3.2.2.2 wants escaped, and in its way.
  if (/[\ud800-\udbff](?![\udc00-\udfff])|(?:[^\ud800-\udbff]|^)[\udc00-\udfff]/.test(text)) {
    throw new Error("a string has a lone surrogate");
  }
  return JSON.stringify(text);
}

/**
 * Reads canonical bytes: decodes, encodes again and compares.
 * @param {Uint8Array} bytes
 * @returns {any}
 */
export function parseCanonical(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("not UTF-8");
  }
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error("not JSON: " + /** @type {Error} */ (error).message);
  }
  const again = canonical(value);
  if (!sameBytes(utf8(again), bytes)) {
    let at = 0;
    while (at < again.length && again[at] === text[at]) at++;
    throw new Error(`not canonical: at character ${at} want ${shorten(again.slice(at, at + 20))}, got ${shorten(text.slice(at, at + 20))}`);
  }
  return value;
}
