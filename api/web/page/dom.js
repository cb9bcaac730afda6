// Small helpers for the document. Text always goes in as text, never as markup.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Makes an element. Attributes that are functions listen to the event of their
 * name; true sets an empty attribute, false, null and undefined none.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  set(e, attributes);
  e.append(...nodes(children));
  return e;
}

/**
 * Makes an element of a drawing.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {SVGElement}
 */
export function s(name, attributes = {}, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  set(e, attributes);
  e.append(...nodes(children));
  return e;
}

/** @param {Element} e @param {Record<string, any>} attributes */
function set(e, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") e.addEventListener(key, value);
    else if (value === true) e.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) e.setAttribute(key, String(value));
  }
}

/** @param {(Child | Child[])[]} children */
function nodes(children) {
  return children.flat().filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : String(c)));
}

/**
 * Puts other children into an element.
 * @param {Element} e
 * @param {...(Child | Child[])} children
 */
export function fill(e, ...children) {
  e.replaceChildren(...nodes(children));
}

/**
 * Sets an element's text if it is another one.
 * @param {Element} e
 * @param {string} text
 */
export function say(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

/**
 * Returns a function that calls f soon, but no more often than every so many
 * ms: blocks may come faster than anybody reads.
 * @param {number} ms @param {() => void} f
 */
export function throttled(ms, f) {
  let timer = 0;
  let last = 0;
  return () => {
    if (timer !== 0) return;
    timer = window.setTimeout(() => {
      timer = 0;
      last = Date.now();
      f();
    }, Math.max(0, last + ms - Date.now()));
  };
}
