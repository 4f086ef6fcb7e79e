/** One EventSource for one event, kept whole: gaps are noticed and filled with a fresh floor. */

import { advance } from "./floor-state.js";

const RETRY_MS = 1_000;
const RETRY_MAX_MS = 8_000;

/** @typedef {{type: "floor" | "seats" | "run" | "beat", data: any}} News */

export class Stream {
  /**
   * @param {string} eventId
   * @param {(news: News) => void} tell
   */
  constructor(eventId, tell) {
    this.eventId = eventId;
    this.tell = tell;
    /** @type {import("./floor-state.js").FloorView | null} */
    this.floor = null;
    this.retryMs = RETRY_MS;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.closed = false;
    this.refetching = false;
    this.open();
  }

  open() {
    const source = new EventSource(`/api/events/${encodeURIComponent(this.eventId)}/stream`);
    this.source = source;
    source.addEventListener("open", () => {
      this.retryMs = RETRY_MS;
    });
    source.addEventListener("error", () => this.lost());
    source.addEventListener("floor", (event) => this.replace(JSON.parse(event.data)));
    source.addEventListener("seats", (event) => this.change(JSON.parse(event.data)));
    source.addEventListener("run", (event) => {
      this.tell({ type: "run", data: JSON.parse(event.data) });
    });
    source.addEventListener("beat", (event) => this.beat(JSON.parse(event.data)));
  }

  /** The browser comes back by itself, except after an answer that was no stream at all. */
  lost() {
    if (this.closed || this.source?.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.retryMs * (0.5 + Math.random() / 2));
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
  }

  /** @param {import("./floor-state.js").FloorView} floor */
  replace(floor) {
    this.floor = floor;
    this.tell({ type: "floor", data: floor });
  }

  /** @param {import("./floor-state.js").Delta} delta */
  change(delta) {
    const next = this.floor && advance(this.floor, delta);
    if (!next) {
      this.refetch();
      return;
    }
    this.floor = next;
    this.tell({ type: "seats", data: delta });
  }

  /** @param {{change: string, as_of_at: string}} beat */
  beat(beat) {
    if (!this.floor) return;
    if (beat.change !== this.floor.change) {
      this.refetch();
      return;
    }
    this.floor = { ...this.floor, as_of_at: beat.as_of_at };
    this.tell({ type: "beat", data: beat });
  }

  /** Something between two numbers is missing: take the whole floor. */
  async refetch() {
    if (this.refetching) return;
    this.refetching = true;
    try {
      const path = `/api/events/${encodeURIComponent(this.eventId)}/floor`;
      const response = await fetch(path, { headers: { accept: "application/json" } });
      if (response.ok && !this.closed) this.replace(await response.json());
    } catch {
      // The next beat asks again; until then the page says that the floor stands still.
    } finally {
      this.refetching = false;
    }
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.source?.close();
  }
}
