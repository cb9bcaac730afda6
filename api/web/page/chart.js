// A curve over time.

import { h, s } from "./dom.js";

const WIDTH = 600;
const HEIGHT = 120;

/**
 * Thins points to at most n by the mean of each bin.
 * @param {{x: number, y: number}[]} points @param {number} n
 */
export function thin(points, n) {
  if (points.length <= n) return points;
  const out = [];
  for (let i = 0; i < n; i++) {
    const bin = points.slice(Math.floor(i * points.length / n), Math.floor((i + 1) * points.length / n));
    out.push({
      x: bin.reduce((sum, p) => sum + p.x, 0) / bin.length,
      y: bin.reduce((sum, p) => sum + p.y, 0) / bin.length,
    });
  }
  return out;
}

/**
 * @param {{title: string, about: string, points: {x: number, y: number}[], format: (y: number) => string, span: string, mark?: number}} o
 * mark is a value to which the curve is compared
 */
export function chart(o) {
  const points = thin(o.points, 240);
  const figure = h("figure", { class: "chart" }, h("figcaption", {}, h("b", {}, o.title), h("span", { class: "about" }, o.about)));
  if (points.length < 2) {
    figure.append(h("p", { class: "quiet" }, "A curve needs two blocks."));
    return figure;
  }
  const ys = points.map((p) => p.y).concat(o.mark === undefined ? [] : [o.mark]);
  const top = Math.max(...ys) * 1.08 || 1;
  const [first, last] = [points[0].x, points[points.length - 1].x];
  const at = (/** @type {{x: number, y: number}} */ p) => `${((p.x - first) / (last - first || 1) * WIDTH).toFixed(1)} ${(HEIGHT - p.y / top * HEIGHT).toFixed(1)}`;
  const line = "M" + points.map(at).join("L");
  const now = points[points.length - 1].y;
  const drawing = s("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${o.title}: ${o.format(now)} now, between ${o.format(Math.min(...points.map((p) => p.y)))} and ${o.format(Math.max(...points.map((p) => p.y)))} over ${o.span}`,
  }, s("path", { class: "area", d: `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }),
  o.mark !== undefined && s("line", { class: "mark", x1: 0, x2: WIDTH, y1: HEIGHT - o.mark / top * HEIGHT, y2: HEIGHT - o.mark / top * HEIGHT }),
  s("path", { class: "line", d: line }));
  figure.append(drawing, h("div", { class: "axis" }, h("span", {}, o.span + " ago"), h("span", { class: "value" }, o.format(now)), h("span", {}, "now")));
  return figure;
}
