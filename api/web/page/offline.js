// The file that `lp2pnode verify --html` writes.

import { toHex } from "./bytes.js";
import { fill, h } from "./dom.js";
import { sha256OfBlob } from "./sha256.js";
import { compareTip, dropZone, receiptForm } from "./stepsview.js";

let recorded = "";

function startOffline() {
  const place = document.getElementById("place");
  const file = document.getElementById("file");
  if (place === null || file === null) return;
  const out = h("div", { role: "status", id: "filefound" });
  place.append(receiptForm((v) => {
    recorded = "";
    fill(out);
    if (!v.receipt || !v.holds) return null;
    recorded = v.receipt.transaction.data;
    return compareTip(v.receipt.tip.hash, v.receipt.tip.height);
  }).form);
  file.append(dropZone("thefile", "Choose the file, or drop it here", async (chosen) => {
    const digest = toHex(await sha256OfBlob(chosen));
    const named = recorded.toLowerCase().includes(digest);
    fill(out, h("p", {}, "SHA-256 ", h("code", {}, digest)),
      h("p", { class: named ? "holds" : "fails" }, recorded === "" ? "Check a receipt that holds first." : named ? "The receipt’s record names this file’s SHA-256." : "The receipt’s record does not name this file’s SHA-256."));
  }), out);
}

startOffline();
