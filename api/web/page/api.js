// Asking the node.

/**
 * @typedef {{agent: string, chain_id: string, genesis: string, height: number, tip: string, tip_timestamp: number, difficulty: number,
 *   work: string, peer_id: string, addresses: string[], peers: number, synced: boolean, sync_target?: number, mining: boolean,
 *   mining_held?: string, miner?: string, hashrate: number, pool: number, time_offset_ms: number, started: string}} Status
 * @typedef {{block_interval_ms: number, chain_id: string, consensus: string, halving_interval: number, initial_difficulty: number,
 *   max_block_bytes: number, max_data_bytes: number, retarget_window: number, reward: number, timestamp: number}} Params
 * @typedef {{via: string, peer?: string}} Source
 * @typedef {{height: number, hash: string, parent: string, work: string, difficulty: number, timestamp: number, miner: string,
 *   tx_count: number, seen: string, source: Source, best: boolean}} Fork
 * @typedef {{height: number, hash: string}} Cursor
 * @typedef {{height: number, block: string, index: number}} Place
 * @typedef {{tip: Cursor, length: number, work: string, blocks?: Fork[]}} Branch
 * @typedef {{id: string, was: Place, state: string, now?: Place}} Moved
 * @typedef {{number: number, at: string, source: Source, fork: Cursor, fork_work: string, old: Branch, new: Branch, transactions?: Moved[]}} Reorganisation
 * @typedef {{id: string, state: string, since: string, reason?: string, detail?: string, address?: string, direction?: string,
 *   transport?: string, agent?: string, height: number, tip?: string, work?: string, latency_ms?: number, mesh?: boolean,
 *   paused_until?: string, pause_reason?: string}} Peer
 * @typedef {import("./protocol.js").Transaction} Transaction
 * @typedef {{id: string, state: string, pending?: {position: number, waiting: boolean}, included?: {block: string, height: number,
 *   index: number, confirmations: number}, replaced_by?: string, detail?: string, transaction?: Transaction}} TxStatus
 * @typedef {Place & {kind: string, timestamp: number, reward?: number, id?: string, transaction?: Transaction}} HistoryEntry
 * @typedef {Place & {id: string, from: string, data: string, timestamp: number, confirmations: number}} RecordEntry
 * @typedef {{address: string, balance: number, nonce: number, next_nonce: number, pending: number}} Account
 */

/** What the node says when it says no (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    super((body && body.detail) || (body && body.title) || `the node answers with status ${status}`);
    this.status = status;
    this.rule = (body && body.rule) || "";
  }
}

/** The node does not answer. */
export class Unreachable extends Error {
  constructor() {
    super("the node does not answer");
  }
}

/** The token for writing from another machine; kept until the tab is closed. */
export const token = {
  get: () => sessionStorage.getItem("lp2pnode.token") || "",
  /** @param {string} text */
  set: (text) => sessionStorage.setItem("lp2pnode.token", text.trim()),
};

/** @param {string} path @param {RequestInit} [options] */
async function ask(path, options = {}) {
  const late = new AbortController();
  const timer = window.setTimeout(() => late.abort(), 30_000);
  let answer;
  try {
    answer = await fetch(path, { signal: late.signal, ...options });
  } catch (error) {
    if (options.signal && options.signal.aborted) throw error;
    throw new Unreachable();
  } finally {
    window.clearTimeout(timer);
  }
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => null));
  return answer;
}

/**
 * Returns parsed JSON.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, signal) {
  return (await ask(path, signal ? { signal } : {})).json();
}

/**
 * Returns the bytes as they came.
 * @param {string} path
 */
export async function getBytes(path) {
  return new Uint8Array(await (await ask(path)).arrayBuffer());
}

/**
 * Hands in canonical JSON.
 * @param {string} path
 * @param {string} body
 * @returns {Promise<any>}
 */
export async function post(path, body) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/json" };
  if (token.get() !== "") headers.Authorization = "Bearer " + token.get();
  return (await ask(path, { method: "POST", headers, body })).json();
}
