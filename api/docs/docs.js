"use strict";

// Renders /openapi.json. Texts go in as text, never as markup.

function element(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) e.setAttribute(key, value);
  e.append(...children.filter((c) => c !== undefined && c !== ""));
  return e;
}

function table(head, rows) {
  if (rows.length === 0) return "";
  return element("table", {},
    element("thead", {}, element("tr", {}, ...head.map((h) => element("th", {}, h)))),
    element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((c) => element("td", {}, c))))));
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return element("a", { href: "#schema-" + name }, name);
  }
  if (schema.type === "array") return element("span", {}, "list of ", typeOf(schema.items));
  if (schema.additionalProperties && typeof schema.additionalProperties === "object") {
    return element("span", {}, "map to ", typeOf(schema.additionalProperties));
  }
  const limits = [];
  if (schema.enum) limits.push(schema.enum.join(" | "));
  if (schema.pattern) limits.push(schema.pattern);
  if (schema.minimum !== undefined) limits.push("≥ " + schema.minimum);
  if (schema.maximum !== undefined) limits.push("≤ " + schema.maximum);
  if (schema.default !== undefined) limits.push("default " + schema.default);
  return [schema.type || "any", ...limits].join(", ");
}

function bodies(content) {
  return element("span", {}, ...Object.entries(content || {}).flatMap(([type, c], i) => [i ? "; " : "", type + ": ", typeOf(c.schema)]));
}

function route(path, method, op) {
  const e = element("article", {},
    element("h3", { id: op.operationId }, element("span", { class: "method" }, method.toUpperCase()), path),
    element("p", {}, op.summary || ""),
    table(["Parameter", "Type", "Meaning"], (op.parameters || []).map((p) => [p.name + " (" + p.in + ")", typeOf(p.schema), p.description || ""])));
  if (op.requestBody) e.append(element("p", {}, "Takes ", bodies(op.requestBody.content)));
  e.append(table(["Status", "Content", "Meaning"], Object.entries(op.responses || {}).map(([status, r]) =>
    [status, bodies(r.content), element("span", { class: "pre" }, r.description || "")])));
  return e;
}

function schema(name, s) {
  const required = new Set(s.required || []);
  return element("article", {},
    element("h3", { id: "schema-" + name }, name),
    table(["Field", "Type", "Meaning"], Object.entries(s.properties || {}).map(([field, p]) =>
      [field, typeOf(p), (required.has(field) ? "" : "(may be absent) ") + (p.description || "")])));
}

async function show() {
  const about = document.getElementById("about");
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error("/openapi.json: " + answer.status);
  const api = await answer.json();
  about.textContent = api.info.description;
  const routes = Object.entries(api.paths).flatMap(([path, ops]) => Object.entries(ops).map(([method, op]) => [path, method, op]));
  document.getElementById("list").append(element("ul", {}, ...routes.map(([path, method, op]) =>
    element("li", {}, element("span", { class: "method" }, method.toUpperCase()), element("a", { href: "#" + op.operationId }, path)))));
  document.getElementById("routes").append(element("h2", {}, "Routes"), ...routes.map((r) => route(...r)));
  document.getElementById("schemas").append(element("h2", {}, "Objects"), ...Object.entries(api.components.schemas).map(([n, s]) => schema(n, s)));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

show().catch((error) => { document.getElementById("about").textContent = String(error); });
