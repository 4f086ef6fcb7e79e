/** Says when the floor stands still: no news, or news whose database time does not move on. */

import { clock } from "./format.js";

const STALE_MS = 2_500;
const LOOK_MS = 250;

export class Freshness {
  /** @param {(stale: boolean, asOf: string) => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.asOf = "";
    this.movedAt = performance.now();
    this.stale = false;
    setInterval(() => this.look(), LOOK_MS);
  }

  /** @param {string} asOf the database's time of the last good read */
  heard(asOf) {
    if (asOf === this.asOf) return;
    this.asOf = asOf;
    this.movedAt = performance.now();
    this.look();
  }

  look() {
    const stale = performance.now() - this.movedAt > STALE_MS;
    if (stale === this.stale) return;
    this.stale = stale;
    this.changed(stale, clock(this.asOf));
  }
}
