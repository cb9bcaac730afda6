// The views of one block, one transaction, one account, and the pool.

import { get, getBytes, Problem } from "./api.js";
import { toHex, utf8 } from "./bytes.js";
import { canonical, parseCanonical } from "./canonical.js";
import { fill, h, say } from "./dom.js";
import { ago, bytes, count, plural } from "./format.js";
import { merkleRoot } from "./merkle.js";
import { carriesWork, hashOf, sealOf, signatureHolds, targetOf, transactionID } from "./protocol.js";
import { accountLink, blockLink, copyable, fact, glyph, moment, saveAs, section, table, txLink } from "./ui.js";

/** @typedef {import("./main.js").App} App */
/** @typedef {import("./protocol.js").Block} Block */
/** @typedef {import("./protocol.js").Transaction} Transaction */

/**
 * A line of what this page found out by itself.
 * @param {boolean} ok
 * @param {string} text
 */
function finding(ok, text) {
  return h("li", { class: ok ? "holds" : "fails" }, h("b", {}, ok ? "holds" : "fails"), " ", text);
}

/**
 * Checks a block by its bytes alone.
 * @param {Block} block
 */
async function findings(block) {
  const root = await merkleRoot(block.transactions.map((t) => utf8(canonical(t))));
  return [
    finding(toHex(await hashOf(block)) === block.hash, "the header hashes to the hash"),
    block.height > 0 && finding(carriesWork(block), "the hash is below the target of its difficulty: the work was done"),
    finding(toHex(root) === block.tx_root && block.transactions.length === block.tx_count, "the transactions are those of tx_root"),
  ].filter((x) => x !== false);
}

/**
 * The header's fields, each with what it is for.
 * @param {Block} b
 * @param {string} seal
 * @param {string} me
 */
function headerFacts(b, seal, me) {
  return h("dl", { class: "fields" },
    fact("height", count(b.height), "How many blocks come before this one."),
    fact("hash", copyable(b.hash), "The block’s name, computed from its seal and nonce. It begins with zeros because small ones are rare: that is the proof of work."),
    fact("prev_hash", b.height === 0 ? copyable(b.prev_hash) : h("a", { class: "hash", href: "#/block/" + b.prev_hash }, glyph(b.prev_hash, 16), h("code", {}, b.prev_hash)),
      b.height === 0 ? "Genesis has no block before it: this is the hash of the chain’s parameters." : "The hash of the block before. This is what makes it a chain."),
    fact("timestamp", moment(b.timestamp), "When the miner says it began to look for it, later than the block before."),
    fact("difficulty", count(b.difficulty), `How many hashes it takes on average. The hash must not be above ${targetOf(b.difficulty).toString(16).padStart(64, "0").slice(0, 20)}…`),
    fact("nonce", count(b.nonce), "The number that the miner changed until the hash was small enough."),
    fact("miner", accountLink(b.miner, me), "Who found the block, and gets the reward and the fees."),
    fact("data", b.data === "" ? h("span", { class: "quiet" }, "empty") : h("span", { class: "text" }, b.data), "A note that the miner is free to leave, up to 256 bytes."),
    fact("tx_count", count(b.tx_count), "How many transactions the block holds."),
    fact("tx_root", copyable(b.tx_root), "One hash over all transactions (a Merkle root): a short path proves that one is in the block."),
    fact("history_root", copyable(b.history_root), "One hash over all blocks before: a short path proves that a block is in this one’s past."),
    fact("version", count(b.version), "Which rules the block follows."),
    fact("seal", copyable(seal), "SHA-256 of the header without hash and nonce. With the nonce behind it, it is hashed again to give the hash."));
}

/** @param {App} app @param {HTMLElement} main @param {string[]} args @param {AbortSignal} signal */
export async function showBlock(app, main, args, signal) {
  const { live } = app;
  const raw = await getBytes("/v1/blocks/" + encodeURIComponent(args[0]));
  const text = new TextDecoder().decode(raw);
  const block = /** @type {Block} */ (parseCanonical(raw));
  const me = (live.status && live.status.miner) || "";
  const standing = h("p", { class: "lead", role: "status" });
  const next = h("span", {});
  const ids = await Promise.all(block.transactions.slice(0, 500).map(transactionID));
  fill(main,
    h("h1", { tabindex: "-1" }, glyph(block.hash, 40), `Block ${count(block.height)}`),
    standing,
    h("nav", { class: "pager", "aria-label": "Neighbours" },
      block.height > 0 && h("a", { class: "button", href: "#/block/" + block.prev_hash }, "The block before"), next),
    section("Checked by this page", "Not the node’s word: your browser has computed these from the block’s bytes.", h("ul", { class: "findings" }, await findings(block))),
    section("Header", "Everything about the block but its transactions. This is what is hashed.", headerFacts(block, toHex(await sealOf(block)), me)),
    section(plural(block.tx_count, "transaction"), block.tx_count === 0 ? "An empty block: it still adds work to the chain." : "In the order in which they took effect.",
      block.tx_count > 0 && txTable("Transactions of the block", block.transactions.slice(0, 500).map((t, i) => ({ id: ids[i], tx: t })), me),
      block.tx_count > 500 && h("p", { class: "about" }, "The first 500. All are in the bytes below.")),
    h("details", { class: "card" }, h("summary", {}, `Canonical JSON, ${bytes(raw.length)}`),
      h("p", { class: "about" }, "The one way in which this block is written, byte for byte, on every node."),
      h("button", { type: "button", click: () => saveAs(`block-${block.height}.json`, raw) }, "Save as a file"),
      h("pre", { tabindex: "0" }, text.length > 200_000 ? text.slice(0, 200_000) + "…" : text)));
  const place = async () => {
    const headers = await get(`/v1/headers?from=${block.height}&limit=2`, signal);
    const best = headers.length > 0 && headers[0].hash === block.hash;
    const depth = Math.max(0, (live.status ? live.status.height : block.height) - block.height);
    say(standing, best ? `On the best chain, found ${ago(block.timestamp)}, with ${plural(depth, "block")} after it.`
      : "On a side branch: another block of this height is on the chain with more work, and this one does not count.");
    fill(next, best && headers[1] && h("a", { class: "button", href: "#/block/" + headers[1].hash }, "The block after"));
  };
  await place();
  live.on("status", () => { place().catch(() => {}); }, signal);
}

/** @param {string} caption @param {{id: string, tx: Transaction, when?: any}[]} list @param {string} me */
function txTable(caption, list, me) {
  return table(caption, ["Id", "From", "To", "Amount", "Fee", "Data"], list.map(({ id, tx }) =>
    [txLink(id), accountLink(tx.from, me), accountLink(tx.to, me), count(tx.amount), count(tx.fee), h("span", { class: "note" }, preview(tx.data))]));
}

/** @param {string} data */
function preview(data) {
  return data.length > 80 ? data.slice(0, 80) + "…" : data;
}

const STATES = /** @type {Record<string, string>} */ ({
  pending: "waits for a block. Every node that knows it keeps it in its pool.",
  included: "is in the chain.",
  replaced: "was replaced: another transaction of the same sender with the same nonce took its place.",
  expired: "has left the pool without getting into a block.",
  unknown: "is not known to this node: it never came here, or long ago.",
});

/** @param {App} app @param {HTMLElement} main @param {string[]} args @param {AbortSignal} signal */
export async function showTransaction(app, main, args, signal) {
  const { live } = app;
  const id = args[0];
  const me = (live.status && live.status.miner) || "";
  const state = h("p", { class: "lead", role: "status" });
  const rest = h("div", {});
  const actions = h("p", { class: "pager" });
  fill(main, h("h1", { tabindex: "-1" }, "Transaction"), h("p", {}, copyable(id)), state, actions, rest);
  let drawn = false;
  const draw = async () => {
    /** @type {import("./api.js").TxStatus} */
    const st = await get("/v1/transactions/" + encodeURIComponent(id), signal);
    const at = st.included;
    fill(state, h("b", { class: "state " + st.state }, st.state), " It ", STATES[st.state] || st.state, " ",
      at && h("span", {}, blockLink(at.block, `Block ${count(at.height)}`), `, number ${at.index + 1}, with `, h("b", {}, plural(at.confirmations, "confirmation")), ": the blocks from its own to the tip. The more, the harder to undo."),
      st.pending && h("span", {}, st.pending.waiting ? "An earlier transaction of its sender is missing, so it cannot be mined yet." : `${plural(st.pending.position, "transaction")} would be mined before it.`),
      st.detail && ` ${st.detail}.`, st.replaced_by && h("span", {}, "It was ", txLink(st.replaced_by)));
    fill(actions, at && at.confirmations > 1 && h("a", { class: "button", href: "#/records/receipt/" + id }, "Receipt: prove it to others"),
      at && at.confirmations === 1 && h("span", { class: "about" }, "Its receipt can be had with the next block."));
    if (st.transaction && !drawn) {
      drawn = true;
      const tx = st.transaction;
      const genesis = live.status ? live.status.genesis : "";
      fill(rest,
        section("Checked by this page", "Computed by your browser from the transaction’s bytes.", h("ul", { class: "findings" },
          finding(await transactionID(tx) === id, "the transaction hashes to its id"),
          finding(signatureHolds(tx, genesis), "the signature is the sender’s, for this chain and no other"))),
        section("What it says", "", h("dl", { class: "fields" },
          fact("from", accountLink(tx.from, me), "Who signed it, and pays."),
          fact("to", accountLink(tx.to, me), "Who gets the amount. A mere record goes to nobody."),
          fact("amount", count(tx.amount), "Units that change hands."),
          fact("fee", count(tx.fee), "Units for the miner who puts it into a block."),
          fact("nonce", count(tx.nonce), "How many transactions the sender made before: it keeps them in order, and none can be played twice."),
          fact("data", tx.data === "" ? h("span", { class: "quiet" }, "empty") : h("pre", { class: "text", tabindex: "0" }, tx.data), "What is recorded. Everybody can read it, for ever."),
          fact("signature", copyable(tx.signature), "Ed25519: only the owner of the sender’s key can make it, and anybody can check it."))));
    }
  };
  await draw();
  const again = () => { draw().catch(() => {}); };
  live.on("block", again, signal);
  live.on("revert", again, signal);
}

/** @param {App} app @param {HTMLElement} main @param {string[]} args @param {AbortSignal} signal */
export async function showAccount(app, main, args, signal) {
  const { live } = app;
  const address = args[0];
  const facts = h("dl", { class: "facts" });
  const list = h("div", {});
  const more = h("p", {});
  fill(main, h("h1", { tabindex: "-1" }, "Account"), h("p", {}, copyable(address)),
    h("p", { class: "about" }, "An account is a key. Whoever has its secret half can sign for it; its public half is the address."),
    facts, section("History", "What concerns it on the best chain, the latest first.", list, more));
  const head = async () => {
    /** @type {import("./api.js").Account} */
    const a = await get("/v1/accounts/" + encodeURIComponent(address), signal);
    fill(facts, fact("Balance", count(a.balance), "Units it has at the tip."),
      fact("Nonce", count(a.nonce), "Transactions it has made."),
      fact("Waiting", count(a.pending), `Of its transactions, in the pool. The next one takes nonce ${a.next_nonce}.`));
  };
  /** @type {any[][]} */
  const rows = [];
  const load = async (/** @type {string} */ before) => {
    /** @type {{entries: import("./api.js").HistoryEntry[], next?: string}} */
    const page = await get(`/v1/accounts/${encodeURIComponent(address)}/history?limit=25` + (before ? "&before=" + before : ""), signal);
    for (const e of page.entries) rows.push([blockLink(e.block, count(e.height)), moment(e.timestamp), h("span", { class: "tag " + e.kind }, e.kind), ...what(e, address)]);
    fill(list, rows.length === 0 ? h("p", { class: "quiet" }, "Nothing yet.") : table("History of the account", ["Block", "When", "Kind", "Units", "With", "Data"], rows));
    fill(more, page.next && h("button", { type: "button", click: () => load(/** @type {string} */ (page.next)) }, "Older"));
  };
  await Promise.all([head(), load("")]);
  live.on("block", () => { head().catch(() => {}); }, signal);
}

/** @param {import("./api.js").HistoryEntry} e @param {string} address */
function what(e, address) {
  const tx = e.transaction;
  if (!tx || !e.id) return ["+" + count(e.reward || 0), h("span", { class: "quiet" }, "reward and fees"), ""];
  const out = tx.from === address;
  const units = out ? tx.amount + tx.fee : tx.amount;
  return [(units === 0 ? "" : out ? "−" : "+") + count(units), out ? accountLink(tx.to) : accountLink(tx.from), h("span", { class: "note" }, txLink(e.id), " ", preview(tx.data))];
}

/** @param {App} app @param {HTMLElement} main @param {string[]} _args @param {AbortSignal} signal */
export async function showPool(app, main, _args, signal) {
  const { live } = app;
  const body = h("div", {});
  fill(main, h("h1", { tabindex: "-1" }, "Pool"), h("p", { class: "about" }, "Transactions that wait for a block, in the order in which they would be mined: those that pay more per byte come first."), body);
  const draw = async () => {
    const pool = await get("/v1/pool?limit=100", signal);
    fill(body, h("p", { class: "lead" }, `${plural(pool.count, "transaction")}, ${bytes(pool.bytes)}.`, pool.count > 100 && " The first 100:"),
      pool.count > 0 && table("Waiting transactions", ["Id", "From", "Amount", "Fee", "Since", "Data"], pool.transactions.map((/** @type {any} */ e) =>
        [h("span", {}, txLink(e.id), e.waiting && h("span", { class: "tag" }, "waits for an earlier one")), accountLink(e.transaction.from), count(e.transaction.amount), count(e.transaction.fee), ago(Date.parse(e.seen)), h("span", { class: "note" }, preview(e.transaction.data))])));
  };
  await draw();
  live.on("status", () => { draw().catch(() => {}); }, signal);
}

/**
 * Where something that somebody looks for is: a height, a hash of a block, an
 * id, an address, or what was recorded.
 * @param {string} text
 */
export async function find(text) {
  const wanted = text.trim();
  if (/^\d[\d\u202f ,.]*$/.test(wanted) && wanted.length < 18) return "#/block/" + wanted.replace(/\D/g, "");
  if (/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/.test(wanted)) return "#/account/" + wanted;
  const hash = wanted.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hash)) {
    const tx = await get("/v1/transactions/" + hash);
    if (tx.state !== "unknown") return "#/tx/" + hash;
    if ((await get(`/v1/records/${hash}?limit=1`)).length > 0) return "#/records/find/" + hash;
    try {
      await getBytes("/v1/blocks/" + hash);
      return "#/block/" + hash;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return "#/records/find/" + hash; // which says that there is none
    }
  }
  throw new Error("Looking for " + JSON.stringify(wanted.slice(0, 40)) + ": want a height, a hash or id of 64 hex digits, or an address (12D3KooW…).");
}

