// The node's event stream, followed without a gap: each event of the chain has
// a place, and after a cut the stream goes on from the last one.

import { get } from "./api.js";

/**
 * Told to listeners: "block" and "revert" with a header, "transaction" and
 * "peer" with their data, "status" with the node's status, "state" when the
 * connection is lost or back, "reset" when the node does not know our place.
 */
export class Live extends EventTarget {
  constructor() {
    super();
    this.connected = false;
    this.lostSince = 0;
    this.place = "";
    /** @type {import("./api.js").Status | null} */
    this.status = null;
    /** @type {EventSource | null} */
    this.source = null;
    this.timer = 0;
    this.clock = 0; // the node's clock minus this one's, ms, roughly
  }

  start() {
    this.open();
    this.poll();
  }

  /** @param {string} kind @param {any} [detail] */
  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  /**
   * Listens until the signal ends.
   * @param {string} kind @param {(detail: any) => void} f @param {AbortSignal} signal
   */
  on(kind, f, signal) {
    this.addEventListener(kind, (e) => f(/** @type {CustomEvent} */ (e).detail), { signal });
  }

  open() {
    if (this.source) this.source.close();
    const from = this.place === "" ? "" : "&from=" + encodeURIComponent(this.place);
    const source = new EventSource("/v1/events?headers=true" + from);
    this.source = source;
    for (const kind of ["start", "block", "revert", "transaction", "peer"]) {
      source.addEventListener(kind, (e) => {
        if (e.lastEventId !== "") this.place = e.lastEventId;
        this.setConnected(true);
        if (kind !== "start") this.tell(kind, JSON.parse(e.data));
      });
    }
    source.addEventListener("open", () => this.setConnected(true));
    source.addEventListener("error", () => {
      this.setConnected(false);
      if (source.readyState === EventSource.CLOSED) this.reopen(); // it was refused, and will not come again by itself
    });
  }

  reopen() {
    window.setTimeout(async () => {
      const answer = await fetch(`/v1/events?headers=true&from=${encodeURIComponent(this.place || "genesis")}`, { method: "HEAD" }).catch(() => null);
      if (answer && answer.status === 410) { // another node or another chain's directory
        this.place = "";
        this.tell("reset");
      }
      this.open();
    }, 1500);
  }

  /** @param {boolean} now */
  setConnected(now) {
    if (now === this.connected && (now || this.lostSince !== 0)) return;
    this.connected = now;
    this.lostSince = now ? 0 : Date.now();
    this.tell("state", now);
    if (now) this.poll();
  }

  /** Asks for the status now and every few seconds. */
  async poll() {
    window.clearTimeout(this.timer);
    try {
      const before = this.status;
      this.status = /** @type {import("./api.js").Status} */ (await get("/v1/status"));
      if (before && before.genesis !== this.status.genesis) this.tell("reset");
      if (!this.connected && this.source && this.source.readyState === EventSource.CLOSED) this.open();
      this.tell("status", this.status);
    } catch {
      this.setConnected(false);
    }
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.poll(), document.hidden ? 30_000 : 3000);
  }
}
