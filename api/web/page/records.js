// The view Records: find what was recorded, record something, check a receipt.

import { get, getBytes, post, Problem, token } from "./api.js";
import { toHex } from "./bytes.js";
import { fill, h, say } from "./dom.js";
import { bytes, clock, count, plural } from "./format.js";
import { canSign, exportKey, fileRecord, forgetKey, keepKey, keptKey, makeKey, readKey, sign, sizeOf } from "./keys.js";
import { sha256OfBlob } from "./sha256.js";
import { compareTip, dropZone, receiptForm } from "./stepsview.js";
import { accountLink, blockLink, copyable, moment, saveAs, section, txLink } from "./ui.js";

/** @typedef {import("./main.js").App} App */

/** @param {App} app @param {HTMLElement} main @param {string[]} args @param {AbortSignal} signal */
export async function show(app, main, args, signal) {
  const receipt = receiptPart(app);
  fill(main, h("h1", { tabindex: "-1" }, "Record and verify"),
    h("p", { class: "about" }, "A record says: this was there at that time. It holds the SHA-256 of a file, its fingerprint, and not the file. Nobody can change or remove it once blocks stand on it."),
    h("div", { class: "columns" }, findPart(app, args[0] === "find" ? args[1] : ""), await writePart(app, signal)),
    receipt.part);
  if (args[0] === "receipt") {
    const raw = await getBytes(`/v1/transactions/${encodeURIComponent(args[1])}/receipt`);
    await receipt.offer(args[1], raw);
  }
}

/** @param {App} app @param {string} hash */
function findPart(app, hash) {
  const out = h("div", { id: "found", role: "status" });
  const look = async (/** @type {string} */ digest, /** @type {string} */ what) => {
    /** @type {import("./api.js").RecordEntry[]} */
    const list = await get(`/v1/records/${digest}?limit=20`);
    fill(out,
      h("p", { class: "lead " + (list.length > 0 ? "holds" : "") }, list.length === 0 ? `No block on this node’s best chain records ${what}.`
        : `Recorded ${list.length === 1 ? "once" : list.length + " times"}. The first time was in block ${count(list[0].height)}, dated ${clock(list[0].timestamp)}.`),
      h("p", { class: "about" }, "SHA-256 ", copyable(digest)),
      list.length > 0 && h("ul", { class: "records" }, list.map((r) => h("li", {},
        h("p", {}, "In ", blockLink(r.block, "block " + count(r.height)), ", ", moment(r.timestamp), ", with ", plural(r.confirmations, "confirmation"), ", signed by ", accountLink(r.from)),
        h("pre", { class: "text", tabindex: "0" }, r.data),
        h("p", { class: "pager" }, h("a", { class: "button", href: "#/tx/" + r.id }, "The transaction"), r.confirmations > 1 && h("a", { class: "button", href: "#/records/receipt/" + r.id }, "Its receipt"))))));
  };
  const guarded = (/** @type {() => Promise<void>} */ f) => f().catch((error) => fill(out, h("p", { class: "trouble", role: "alert" }, error.message)));
  if (hash) guarded(() => look(hash, "this hash"));
  return section("Was it recorded?", "Your browser computes the file’s SHA-256 and asks for that; the file stays here.",
    dropZone("findfile", "Choose a file, or drop it here", (file) => guarded(async () => {
      fill(out, h("p", { class: "quiet" }, `Hashing ${bytes(file.size)}…`));
      const digest = toHex(await sha256OfBlob(file, (done) => fill(out, h("p", { class: "quiet" }, `Hashing: ${bytes(done)} of ${bytes(file.size)}`))));
      await look(digest, file.name);
    })), out);
}

/** @param {App} app @param {AbortSignal} signal */
async function writePart(app, signal) {
  const part = section("Record something", "It becomes a signed transaction that everybody can read, for ever.");
  const body = h("div", {});
  part.append(body);
  if (!await canSign()) {
    fill(body, h("p", {}, "This browser cannot sign on this page: it has no Ed25519, or keeps it from pages that come by plain http from another machine. Record with the command line instead; the key stays with you there too:"),
      h("pre", { tabindex: "0" }, `lp2pnode key new\nlp2pnode record --file FILE --api ${location.origin}`));
    return part;
  }
  const draw = async () => {
    const key = await keptKey();
    fill(body, key === null ? noKey(draw) : [keyLine(key, draw), writeForm(app, key, signal)]);
  };
  await draw();
  return part;
}

/** @param {() => Promise<void>} again */
function noKey(again) {
  const said = h("p", { class: "trouble", role: "alert", hidden: true });
  const text = /** @type {HTMLInputElement} */ (h("input", { type: "password", id: "importkey", autocomplete: "off" }));
  return h("div", {},
    h("p", {}, "You need a key to sign with. It is made in this browser and kept in it; the node never sees it. Whoever uses this browser profile has it."),
    h("p", {}, h("button", { type: "button", id: "makekey", class: "primary", click: async () => {
      await makeKey();
      await again();
    } }, "Make a key")),
    h("details", {}, h("summary", {}, "Or bring one from the command line"), h("form", { submit: async (/** @type {Event} */ e) => {
      e.preventDefault();
      try {
        keepKey(await readKey(text.value));
        await again();
      } catch (error) {
        said.hidden = false;
        say(said, /** @type {Error} */ (error).message);
      }
    } }, h("label", { for: "importkey" }, "What lp2pnode key export --clear prints"), text, h("button", {}, "Keep it here"), said)));
}

/** @param {import("./keys.js").Key} key @param {() => Promise<void>} again */
function keyLine(key, again) {
  return h("p", {}, "You sign as ", accountLink(key.address), ". ", h("button", { type: "button", class: "small", click: () => saveAs(`lp2pnode-${key.address.slice(-8)}.key`, exportKey(key) + "\n") }, "Export the key"), " ",
    h("button", { type: "button", class: "small", click: async () => {
      if (!window.confirm("Forget the key? Without an exported copy nobody can sign as this account again.")) return;
      forgetKey();
      await again();
    } }, "Forget it"));
}

/** @param {App} app @param {import("./keys.js").Key} key @param {AbortSignal} signal */
function writeForm(app, key, signal) {
  const { live, params } = app;
  const data = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: "data", rows: 4, required: true }));
  const fee = /** @type {HTMLInputElement} */ (h("input", { id: "fee", type: "number", min: 0, step: 1, value: 0, inputmode: "numeric" }));
  const secret = /** @type {HTMLInputElement} */ (h("input", { id: "token", type: "password", autocomplete: "off", value: token.get() }));
  const tokenPart = h("div", { hidden: true }, h("label", { for: "token" }, "Token of the node"), secret,
    h("p", { class: "about" }, "From another machine the node wants its token, which stands in the file api.token of its data directory. It is kept until you close this tab."));
  const said = h("div", { role: "status", id: "recorded" });
  const submit = async () => {
    const text = data.value;
    if (sizeOf(text) > params.max_data_bytes) throw new Error(`This chain takes at most ${bytes(params.max_data_bytes)} of data, this is ${bytes(sizeOf(text))}. Record a file’s SHA-256 instead.`);
    if (secret.value !== "") token.set(secret.value);
    const account = await get("/v1/accounts/" + key.address);
    const genesis = (await get("/v1/status")).genesis;
    const raw = await sign(key, { amount: 0, data: text, fee: Number(fee.value), nonce: account.next_nonce, to: "" }, genesis);
    const { id } = await post("/v1/transactions", raw);
    data.value = "";
    const words = h("span", {}, "It waits for a block.");
    const receipt = h("a", { class: "button", href: "#/records/receipt/" + id, hidden: true }, "Get its receipt");
    fill(said, h("p", { class: "lead" }, "Handed in: ", txLink(id)), h("p", { id: "fate", class: "about" }, words, " ", receipt));
    const watch = async () => {
      const st = await get("/v1/transactions/" + id, signal);
      if (!said.contains(words)) return;
      if (st.state !== "included") say(words, `It is ${st.state}.`);
      else fill(words, "It is in ", blockLink(st.included.block, "block " + count(st.included.height)), ", with ", plural(st.included.confirmations, "confirmation"), ".");
      receipt.hidden = st.state !== "included" || st.included.confirmations < 2; // else it stays, and keeps the focus
    };
    live.on("block", () => { watch().catch(() => {}); }, signal);
  };
  return h("form", { submit: async (/** @type {Event} */ e) => {
    e.preventDefault();
    try {
      await submit();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) tokenPart.hidden = false;
      fill(said, h("p", { class: "trouble", role: "alert" }, /** @type {Error} */ (error).message));
    }
  } },
  dropZone("recordfile", "Choose a file to record its name, size and SHA-256", async (file) => {
    data.value = fileRecord(file.name, toHex(await sha256OfBlob(file)), file.size);
  }),
  h("label", { for: "data" }, "What is recorded"), data,
  h("label", { for: "fee" }, "Fee, in units"), fee, h("p", { class: "about" }, "0 is fine for a record as long as blocks have room."),
  tokenPart, h("button", { class: "primary", id: "record" }, "Sign and record"), said);
}

/** @param {App} app */
function receiptPart(app) {
  const kept = h("p", { class: "pager" });
  const { form, check } = receiptForm((v) => {
    if (!v.receipt || !v.holds) return null;
    const r = v.receipt;
    const word = h("p", { class: "about" });
    get(`/v1/headers?from=${r.tip.height}&limit=1`).then((headers) => {
      const same = headers.length > 0 && headers[0].hash === r.tip.hash;
      say(word, same ? "This node says that it is: the tip is on its best chain. That is one node’s word." : "This node’s best chain has another block there.");
      word.className = same ? "about" : "fails";
    }).catch(() => {});
    return [compareTip(r.tip.hash, r.tip.height), word];
  });
  return {
    part: section("Check a receipt", "A receipt proves to anybody, without a node, that a transaction is in the chain. All of it is computed by this page. To check without any node, save the checker with: lp2pnode verify --html > verify.html", kept, form),
    /** @param {string} id @param {Uint8Array} raw */
    offer: async (id, raw) => {
      fill(kept, h("button", { type: "button", id: "savereceipt", click: () => saveAs(`receipt-${id.slice(0, 12)}.json`, raw) }, "Save the receipt"), h("span", { class: "about" }, `of transaction ${id.slice(0, 12)}…, to hand to others`));
      await check(raw);
      form.scrollIntoView({ block: "start" });
    },
  };
}
