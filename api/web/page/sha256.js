// SHA-256 (FIPS 180-4). Browsers keep WebCrypto from pages that came by plain
// http from another machine, and it takes no stream: hence one of our own.

const K = new Uint32Array(64);
const START = new Uint32Array(8);

// The first 32 bits of the fractional parts of the roots of the first primes.
for (let n = 2, found = 0; found < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
  if (!prime) continue;
  if (found < 8) START[found] = fractionOfRoot(n, 2n);
  K[found++] = fractionOfRoot(n, 3n);
}

/** @param {number} n @param {bigint} degree */
function fractionOfRoot(n, degree) {
  const want = BigInt(n) << (32n * degree); // root(want) = root(n)·2^32
  let low = 0n;
  let high = 1n << 40n;
  while (high - low > 1n) {
    const mid = (low + high) >> 1n;
    if (mid ** degree <= want) low = mid;
    else high = mid;
  }
  return Number(low & 0xffffffffn);
}

/** Hashes what comes piece by piece. */
export class Sha256 {
  constructor() {
    this.state = START.slice();
    this.block = new Uint8Array(64);
    this.filled = 0;
    this.length = 0;
    this.w = new Uint32Array(64);
  }

  /** @param {Uint8Array} bytes */
  update(bytes) {
    this.length += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const n = Math.min(64 - this.filled, bytes.length - at);
      this.block.set(bytes.subarray(at, at + n), this.filled);
      this.filled += n;
      at += n;
      if (this.filled === 64) {
        this.compress(this.block);
        this.filled = 0;
      }
    }
    return this;
  }

  /** @param {Uint8Array} block */
  compress(block) {
    const { w, state } = this;
    for (let i = 0; i < 16; i++) {
      w[i] = (block[4 * i] << 24) | (block[4 * i + 1] << 16) | (block[4 * i + 2] << 8) | block[4 * i + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => { state[i] += x; });
  }

  /** Returns the 32 bytes; nothing can be added afterwards. */
  digest() {
    const bits = BigInt(this.length) * 8n;
    const end = new Uint8Array(this.filled < 56 ? 64 - this.filled : 128 - this.filled);
    end[0] = 0x80;
    new DataView(end.buffer).setBigUint64(end.length - 8, bits);
    this.update(end);
    const out = new Uint8Array(32);
    const view = new DataView(out.buffer);
    this.state.forEach((x, i) => view.setUint32(4 * i, x));
    return out;
  }
}

/** @param {Uint8Array} bytes */
export function ownSha256(bytes) {
  return new Sha256().update(bytes).digest();
}

/** Whether the browser lends its own hashing to this page. */
export function hasWebCrypto() {
  return globalThis.crypto !== undefined && globalThis.crypto.subtle !== undefined;
}

/** @param {Uint8Array} bytes @returns {Promise<Uint8Array>} */
export async function sha256(bytes) {
  if (!hasWebCrypto()) return ownSha256(bytes);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/**
 * Hashes a file of any size without holding all of it.
 * @param {Blob} blob
 * @param {(done: number) => void} [progress] is told the bytes read
 */
export async function sha256OfBlob(blob, progress) {
  const most = 16 << 20;
  if (blob.size <= most) return sha256(new Uint8Array(await blob.arrayBuffer()));
  const hash = new Sha256();
  for (let at = 0; at < blob.size; at += 1 << 20) {
    hash.update(new Uint8Array(await blob.slice(at, at + (1 << 20)).arrayBuffer()));
    if (progress) progress(Math.min(at + (1 << 20), blob.size));
  }
  return hash.digest();
}
