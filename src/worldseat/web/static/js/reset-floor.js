/** Reset floor: asks in place, says what it does, and opens a new round. */

import { announce } from "./announce.js";
import { ask, Problem } from "./api.js";

export class ResetFloor {
  /** @param {import("./break-it.js").BreakIt} host */
  constructor(host) {
    this.host = host;
    this.box = /** @type {HTMLElement} */ (host.querySelector(".confirm"));
    this.press = /** @type {HTMLButtonElement} */ (host.querySelector('[name="reset"]'));
    this.yes = /** @type {HTMLButtonElement} */ (this.box.querySelector('[name="yes"]'));
    const no = /** @type {HTMLButtonElement} */ (this.box.querySelector('[name="no"]'));
    this.press.ariaExpanded = "false";
    this.press.addEventListener("click", () => this.show(this.box.hidden));
    no.addEventListener("click", () => this.show(false));
    this.yes.addEventListener("click", () => this.go());
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.show(false);
    });
  }

  /** @param {boolean} asking */
  show(asking) {
    this.box.hidden = !asking;
    this.press.ariaExpanded = String(asking);
    (asking ? this.yes : this.press).focus();
    if (asking) announce(this.box.querySelector("p")?.textContent ?? "");
  }

  async go() {
    this.yes.disabled = true;
    try {
      const eventId = this.host.dataset.event ?? "";
      const { round_id: roundId } = await ask("POST", `/api/events/${eventId}/rounds`, {
        body: {},
      });
      announce("A new round is open: every seat is free.");
      this.host.tell("floor-reset", roundId);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.host.explain(error);
    } finally {
      this.yes.disabled = false;
      this.show(false);
    }
  }
}
