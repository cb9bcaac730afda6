// How a receipt's check is shown, on the node's page and in the file that works
// without one.

import { utf8 } from "./bytes.js";
import { fill, h } from "./dom.js";
import { clock, count, plural } from "./format.js";
import { checkReceipt } from "./receipt.js";

/** @typedef {import("./receipt.js").Verdict} Verdict */

const WORDS = { holds: "holds", fails: "does not hold", skipped: "not looked at" };

/**
 * The verdict, step by step.
 * @param {Verdict} v
 * @param {any} trust what is said about the tip's hash
 */
export function showVerdict(v, trust) {
  const r = v.receipt;
  const failed = v.steps.find((x) => x.outcome === "fails");
  return h("div", { class: "verdict" },
    h("p", { class: "lead " + (v.holds ? "holds" : "fails"), role: "status", id: "verdict" }, v.holds
      ? "Verified by this page. Every hash, both paths and both proofs of work were computed here."
      : `This receipt does not hold. It fails at the step “${failed ? failed.title : ""}”.`),
    v.holds && r && h("div", { class: "proved" },
      h("p", {}, `The transaction is number ${count(r.tx_index + 1)} of ${count(r.tx_count)} in block ${count(r.header.height)}, which its miner dated ${clock(r.header.timestamp)}, and ${plural(r.tip.height - r.header.height, "block")} of work ${r.tip.height - r.header.height === 1 ? "stands" : "stand"} on it up to the tip.`),
      h("h3", {}, "What was recorded"), h("pre", { class: "text", tabindex: "0" }, r.transaction.data || "(no data)"),
      h("p", {}, "Signed by ", h("code", {}, r.transaction.from)),
      h("h3", {}, "What you still have to trust"), trust),
    h("ol", { class: "steps" }, v.steps.map((x) => h("li", { class: x.outcome, "data-step": x.name },
      h("h3", {}, h("span", { class: "mark" }, WORDS[x.outcome]), " ", x.title), h("p", { class: "about" }, x.about), h("p", { class: "detail" }, x.detail)))));
}

/**
 * The hash of the tip, and a field in which to put the one that you were told.
 * @param {string} hash @param {number} height
 */
export function compareTip(hash, height) {
  const said = h("p", { role: "status", id: "trusted" });
  const field = h("input", {
    type: "text", id: "trust", autocomplete: "off", spellcheck: "false", placeholder: "64 hex digits",
    input: () => {
      const got = /** @type {HTMLInputElement} */ (field).value.trim().toLowerCase();
      const complete = /^[0-9a-f]{64}$/.test(got);
      said.className = complete ? (got === hash ? "holds" : "fails") : "quiet";
      said.textContent = !complete ? (got === "" ? "" : "That is not a whole hash: it has 64 hex digits.")
        : got === hash ? "It is the same: the receipt is true if that hash is."
          : "It is another block’s hash, or another chain’s: do not trust this receipt before you know why.";
    },
  });
  return h("div", { class: "compare" },
    h("p", {}, `That block ${count(height)} of the chain really has this hash. Compare it with what somebody you trust says: another node, a colleague, a newspaper.`),
    h("p", {}, h("code", { id: "tiphash" }, hash)),
    h("label", { for: "trust" }, "The hash you were told"), field, said);
}

/**
 * A place to give a receipt: a file, dropped or chosen, or text.
 * @param {(v: Verdict) => any} shown is told each verdict; what to show under one that holds
 */
export function receiptForm(shown) {
  const out = h("div", { id: "result" });
  let latest = 0;
  const check = async (/** @type {Uint8Array} */ raw) => {
    const mine = ++latest;
    fill(out, h("p", { class: "quiet" }, "Checking…"));
    const verdict = await checkReceipt(raw);
    if (mine === latest) fill(out, showVerdict(verdict, shown(verdict))); // else another one was given meanwhile
  };
  const text = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: "receipt", rows: 4, spellcheck: "false", placeholder: '{"header":{…' }));
  const form = h("div", {},
    dropZone("receiptfile", "Choose a receipt, or drop it here", async (file) => check(new Uint8Array(await file.arrayBuffer()))),
    h("details", {}, h("summary", {}, "Or paste its text"), h("form", { submit: (/** @type {Event} */ e) => {
      e.preventDefault();
      check(utf8(text.value.trim()));
    } }, h("label", { for: "receipt" }, "The receipt’s text"), text, h("button", {}, "Check"))),
    out);
  return { form, check };
}

/**
 * A field for one file, which can also be dropped on it.
 * @param {string} id
 * @param {string} label
 * @param {(file: File) => any} use
 */
export function dropZone(id, label, use) {
  const field = /** @type {HTMLInputElement} */ (h("input", { type: "file", id, change: () => {
    if (field.files && field.files[0]) use(field.files[0]);
    field.value = "";
  } }));
  /** @type {HTMLElement} */
  const zone = h("div", { class: "drop", dragover: (/** @type {Event} */ e) => {
    e.preventDefault();
    zone.classList.add("over");
  }, dragleave: () => zone.classList.remove("over"), drop: (/** @type {DragEvent} */ e) => {
    e.preventDefault();
    zone.classList.remove("over");
    const file = e.dataTransfer && e.dataTransfer.files[0];
    if (file) use(file);
  } }, h("label", { for: id }, label), field);
  return zone;
}
