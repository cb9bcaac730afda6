// How numbers, times and hashes are written for people.

/** @param {number | bigint} n */
export function count(n) {
  return n.toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/**
 * 1 block, 2 blocks.
 * @param {number} n
 * @param {string} one
 * @param {string} [more]
 */
export function plural(n, one, more = one + "s") {
  return `${count(n)} ${n === 1 ? one : more}`;
}

/**
 * A number in few digits: 4.2 k, 17 M.
 * @param {number} n
 * @param {string} [unit]
 */
export function rough(n, unit = "") {
  const steps = ["", "k", "M", "G", "T", "P", "E"];
  let i = 0;
  while (n >= 999.5 && i < steps.length - 1) {
    n /= 1000;
    i++;
  }
  const digits = n >= 99.5 || (i === 0 && Number.isInteger(n)) ? 0 : n >= 9.95 ? 1 : 2;
  return `${n.toFixed(digits)}\u202f${steps[i]}${unit}`.trim();
}

/** @param {number} ms */
export function duration(ms) {
  const abs = Math.abs(ms);
  if (abs < 1000) return `${Math.round(ms)} ms`;
  if (abs < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (abs < 120_000) return `${Math.round(ms / 1000)} s`;
  if (abs < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (abs < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

/**
 * How long ago a time is, in words.
 * @param {number} then
 * @param {number} [now] Unix ms
 */
export function ago(then, now = Date.now()) {
  const ms = now - then;
  if (ms < -1000) return `in ${duration(-ms)}`;
  return ms < 1000 ? "just now" : `${duration(ms < 120_000 ? Math.floor(ms / 1000) * 1000 : ms)} ago`;
}

/** @param {number | string} time Unix ms, or a date in RFC 3339 */
export function clock(time) {
  const d = new Date(time);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/**
 * The first and last digits of a hash or address. Hashes begin with zeros, so the end tells more.
 * @param {string} text
 */
export function short(text) {
  if (text.length <= 14) return text;
  return text.startsWith("12D3KooW") ? "…" + text.slice(-8) : text.slice(0, 6) + "…" + text.slice(-6);
}

/** @param {number} bytes */
export function bytes(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return rough(bytes, "B");
}

/**
 * Where a block or transaction came from, in words.
 * @param {{via: string, peer?: string}} source
 */
export function origin(source) {
  const from = source.peer ? ` from peer ${short(source.peer)}` : "";
  switch (source.via) {
    case "miner": return "mined by this node";
    case "api": return "handed in through this node’s API";
    case "gossip": return "heard by gossip" + from;
    case "sync": return "fetched" + from;
    case "": return "part of the beginning";
  }
  return source.via + from;
}
