// SHA-512 (FIPS 180-4), for signatures only, whose messages are small.

const MASK = (1n << 64n) - 1n;
/** @type {bigint[]} */
const K512 = [];
/** @type {bigint[]} */
const START512 = [];

for (let n = 2n; K512.length < 80; n++) {
  let prime = true;
  for (let d = 2n; d * d <= n; d++) if (n % d === 0n) prime = false;
  if (!prime) continue;
  if (START512.length < 8) START512.push(fraction64(n, 2n));
  K512.push(fraction64(n, 3n));
}

/**
 * The first 64 bits of the fractional part of a root.
 * @param {bigint} n
 * @param {bigint} degree
 */
function fraction64(n, degree) {
  const want = n << (64n * degree);
  let low = 0n;
  let high = 1n << 72n;
  while (high - low > 1n) {
    const mid = (low + high) >> 1n;
    if (mid ** degree <= want) low = mid;
    else high = mid;
  }
  return low & MASK;
}

/** @param {bigint} x @param {bigint} n */
function rotate(x, n) {
  return ((x >> n) | (x << (64n - n))) & MASK;
}

/** @param {Uint8Array} bytes */
export function sha512(bytes) {
  const size = Math.ceil((bytes.length + 17) / 128) * 128;
  const padded = new Uint8Array(size);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(size - 8, BigInt(bytes.length) * 8n);
  const state = START512.slice();
  /** @type {bigint[]} */
  const w = new Array(80);
  for (let at = 0; at < size; at += 128) {
    for (let i = 0; i < 16; i++) w[i] = view.getBigUint64(at + 8 * i);
    for (let i = 16; i < 80; i++) {
      const s0 = rotate(w[i - 15], 1n) ^ rotate(w[i - 15], 8n) ^ (w[i - 15] >> 7n);
      const s1 = rotate(w[i - 2], 19n) ^ rotate(w[i - 2], 61n) ^ (w[i - 2] >> 6n);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) & MASK;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 80; i++) {
      const s1 = rotate(e, 14n) ^ rotate(e, 18n) ^ rotate(e, 41n);
      const t1 = h + s1 + ((e & f) ^ (~e & MASK & g)) + K512[i] + w[i];
      const s0 = rotate(a, 28n) ^ rotate(a, 34n) ^ rotate(a, 39n);
      const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) & MASK, c, b, a, (t1 + t2) & MASK];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => { state[i] = (state[i] + x) & MASK; });
  }
  const out = new Uint8Array(64);
  state.forEach((x, i) => new DataView(out.buffer).setBigUint64(8 * i, x));
  return out;
}
