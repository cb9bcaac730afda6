// Pieces that several views use.

import { h, s } from "./dom.js";
import { clock, short } from "./format.js";

/**
 * A label, its value and what it means in a sentence.
 * @param {string} label
 * @param {any} value
 * @param {string} about
 * @param {Record<string, any>} [attributes]
 */
export function fact(label, value, about, attributes = {}) {
  return h("div", { class: "fact", ...attributes }, h("dt", {}, label), h("dd", { class: "value" }, value), about && h("dd", { class: "about" }, about));
}

/**
 * A picture of a hash, so that people tell two apart at a glance. It is drawn
 * from the last bytes: the first ones are zeros, by the work.
 * @param {string} hash @param {number} [size] pixels
 */
export function glyph(hash, size = 20) {
  const number = parseInt(hash.slice(-8), 16) || 0;
  const hue = (number >>> 15) % 360;
  const cells = [];
  for (let i = 0; i < 15; i++) {
    const [x, y] = [Math.floor(i / 5), i % 5];
    if ((number >>> i) % 2 === 0 && (x !== 2 || y % 2 !== 0)) continue; // the middle is never empty
    cells.push(s("rect", { x, y, width: 1.02, height: 1.02 }));
    if (x < 2) cells.push(s("rect", { x: 4 - x, y, width: 1.02, height: 1.02 }));
  }
  const g = s("g", {}, cells);
  /** @type {SVGElement} */ (g).style.fill = `hsl(${Math.round(hue)} 42% var(--glyph))`;
  return s("svg", { class: "glyph", viewBox: "-0.5 -0.5 6 6", width: size, height: size, "aria-hidden": "true" }, g);
}

/** @param {string} hash @param {any} [text] */
export function blockLink(hash, text) {
  return h("a", { class: "hash", href: "#/block/" + hash, title: hash }, glyph(hash, 16), text === undefined ? short(hash) : text);
}

/** @param {string} id */
export function txLink(id) {
  return h("a", { class: "hash", href: "#/tx/" + id, title: id }, short(id));
}

/** @param {string} address @param {string} [me] the address of this node */
export function accountLink(address, me) {
  if (address === "") return h("span", { class: "quiet" }, "nobody");
  return h("a", { class: "hash", href: "#/account/" + address, title: address }, short(address), address === me && h("span", { class: "tag" }, "this node"));
}

/**
 * A whole hash, with a button that copies it.
 * @param {string} text
 */
export function copyable(text) {
  const button = h("button", {
    type: "button", class: "copy", "aria-label": "Copy " + short(text),
    click: async () => {
      try {
        await navigator.clipboard.writeText(text);
      } catch { // not on plain http from elsewhere: select it, so that people can
        const range = document.createRange();
        range.selectNodeContents(code);
        getSelection()?.removeAllRanges();
        getSelection()?.addRange(range);
        return;
      }
      button.textContent = "copied";
      window.setTimeout(() => { button.textContent = "copy"; }, 1500);
    },
  }, "copy");
  const code = h("code", {}, text);
  return h("span", { class: "copyable" }, code, button);
}

/** @param {number | string} time Unix ms or RFC 3339 */
export function moment(time) {
  return h("time", { datetime: new Date(time).toISOString() }, clock(time));
}

/**
 * A table in which every cell of a row knows its column, so that narrow
 * screens can show rows as cards.
 * @param {string} caption @param {string[]} head @param {any[][]} rows
 */
export function table(caption, head, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, head.map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((c, i) => h("td", { "data-label": head[i] }, c)))))));
}

/** @param {unknown} error */
export function trouble(error) {
  return h("p", { class: "trouble", role: "alert" }, error instanceof Error ? error.message : String(error));
}

/** @param {string} title @param {string} about @param {...any} children */
export function section(title, about, ...children) {
  return h("section", { class: "card" }, h("h2", {}, title), about && h("p", { class: "about" }, about), children);
}

/**
 * Lets the user keep bytes as a file.
 * @param {string} name
 * @param {Uint8Array | string} content
 */
export function saveAs(name, content) {
  const url = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  const a = h("a", { href: url, download: name });
  document.body.append(a);
  a.click();
  a.remove();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
