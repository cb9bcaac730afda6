// The view Peers: who is connected and how, who is not and why, and the mesh.

import { get } from "./api.js";
import { fill, h, s, throttled } from "./dom.js";
import { ago, count, duration, plural, short } from "./format.js";
import { copyable, glyph, section, table } from "./ui.js";

/** @typedef {import("./api.js").Peer} Peer */

const TRANSPORTS = /** @type {Record<string, string>} */ ({ tcp: "TCP", ws: "WebSocket", "quic-v1": "QUIC", relay: "a relay", other: "another way" });

/**
 * The mesh as a drawing: this node in the middle, peers around it.
 * @param {Peer[]} peers
 * @param {string} me
 */
function drawMesh(peers, me) {
  const R = 120;
  const shown = peers.slice(0, 24);
  const at = (/** @type {number} */ i) => {
    const angle = -Math.PI / 2 + i * 2 * Math.PI / Math.max(shown.length, 1);
    return [Math.cos(angle) * R * 1.5, Math.sin(angle) * R];
  };
  const inMesh = shown.filter((p) => p.mesh).length;
  const ys = shown.map((_, i) => at(i)[1]);
  const [top, bottom] = [Math.min(-30, ...ys) - 40, Math.max(50, ...ys) + 42];
  return s("svg", { class: "mesh", viewBox: `-260 ${top} 520 ${bottom - top}`, role: "img", "aria-label": `This node and ${plural(shown.length, "peer")}, ${inMesh} of them in the mesh` },
    shown.map((p, i) => s("line", { x1: 0, y1: 0, x2: at(i)[0], y2: at(i)[1], class: p.mesh ? "in" : "out" })),
    shown.map((p, i) => s("g", { transform: `translate(${at(i).join(" ")})`, class: p.mesh ? "in" : "out" },
      s("circle", { r: 13 }), s("text", { y: at(i)[1] < 0 ? -20 : 29, "text-anchor": "middle" }, short(p.id)))),
    s("g", { class: "me" }, s("circle", { r: 19 }), s("text", { y: 38, "text-anchor": "middle" }, "this node " + short(me))));
}

/**
 * Why a peer is gone or refused, in a sentence for people.
 * @param {Peer} p
 */
export function reason(p) {
  return [p.reason || "no reason is known", p.detail].filter((x) => x).join(": ");
}

/** @param {import("./main.js").App} app @param {HTMLElement} main @param {string[]} _args @param {AbortSignal} signal */
export async function show(app, main, _args, signal) {
  const { live } = app;
  const body = h("div", {});
  fill(main, h("h1", { tabindex: "-1" }, "Peers"),
    h("p", { class: "about" }, "Peers are other nodes of the same chain. There is no server: each node talks to a few others, and news spreads from one to the next."), body);
  const draw = async () => {
    /** @type {Peer[]} */
    const all = await get("/v1/peers", signal);
    const here = all.filter((p) => p.state === "connected" || p.state === "greeting");
    const gone = all.filter((p) => p.state !== "connected" && p.state !== "greeting");
    const tip = live.status ? live.status.height : 0;
    fill(body,
      section("Mesh", "New blocks go at once to the peers with a solid line (the mesh of the topic “blocks”). The others hear that there is one, and ask for it.",
        here.length === 0 ? h("p", { class: "quiet" }, "No peer is connected. Start another node on this network, or name one with --bootstrap.") : drawMesh(here, live.status ? live.status.peer_id : "")),
      section(plural(here.length, "peer") + " connected", "Latency is the time that a question and its answer take; height is what the peer said of its chain last.",
        here.length > 0 && table("Connected peers", ["Peer", "Agent", "Height", "Latency", "Transport", "Direction", "Since"], here.map((p) => [
          h("span", { title: p.id }, glyph([...p.id.slice(-4)].map((c) => c.charCodeAt(0).toString(16)).join(""), 16), " ", h("code", {}, short(p.id)), p.mesh && h("span", { class: "tag" }, "mesh"),
            p.pause_reason && h("span", { class: "tag side" }, "left alone: " + p.pause_reason)),
          h("span", { class: "note" }, p.agent || (p.state === "greeting" ? "not yet introduced" : "")),
          h("span", {}, count(p.height), p.height < tip && h("span", { class: "quiet" }, ` −${count(tip - p.height)}`)),
          p.latency_ms === undefined ? "" : duration(p.latency_ms),
          h("span", { title: p.address }, TRANSPORTS[p.transport || "other"] || p.transport),
          p.direction === "inbound" ? "it dialled us" : "we dialled it",
          ago(Date.parse(p.since))]))),
      section("Gone and refused", "Who left or was turned away, and why.",
        gone.length === 0 ? h("p", { class: "quiet" }, "Nobody.") : table("Peers that are gone or were refused", ["Peer", "State", "Why", "When", "Address"], gone.map((p) => [
          h("code", { title: p.id }, short(p.id)), h("span", { class: "tag " + (p.state === "refused" ? "side" : "") }, p.state), h("span", { class: "note" }, reason(p)), ago(Date.parse(p.since)), h("span", { class: "note" }, p.address || "")]))),
      section("How others reach this node", "Give one of these to somebody who wants to join: lp2pnode --bootstrap ADDRESS",
        live.status && live.status.addresses.length > 0 ? h("ul", { class: "plain" }, live.status.addresses.map((a) => h("li", {}, copyable(a)))) : h("p", { class: "quiet" }, "No address is known.")));
  };
  await draw();
  const soon = throttled(1000, () => {
    if (!signal.aborted && !body.contains(document.activeElement)) draw().catch(() => {});
  });
  live.on("peer", soon, signal);
  live.on("status", soon, signal);
}
