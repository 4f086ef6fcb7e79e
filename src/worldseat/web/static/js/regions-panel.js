/**
 * The Regions panel: reads itself anew once a second while somebody looks at it, says aloud when
 * the Regions stand otherwise than before, and gives orders to the local cluster. The server makes
 * every sentence, number and picture; here they are only put in place, and no button is taken from
 * under the focus.
 */

import { announce } from "./announce.js";
import { ask, Problem } from "./api.js";
import { clock } from "./format.js";

const READ_EVERY_MS = 1_000;
const READ_WITHIN_MS = 5_000;
const PATH = "/regions?part=panel";
const ORDERS = "/api/regions/orders";

export class RegionsPanel extends HTMLElement {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;
  reading = false;
  /** An order was followed while the panel was being read: read it once more, at once. */
  again = false;
  readAt = new Date();

  connectedCallback() {
    this.addEventListener("click", (event) => {
      const at = /** @type {Element} */ (event.target).closest("button");
      if (at) this.pressed(at);
    });
    this.querySelector("form")?.addEventListener("submit", (event) => event.preventDefault());
    document.addEventListener("visibilitychange", () => this.soon(0));
    this.soon(READ_EVERY_MS);
  }

  /** @param {number} afterMs */
  soon(afterMs) {
    clearTimeout(this.timer);
    if (document.visibilityState === "visible") {
      this.timer = setTimeout(() => this.read(), afterMs);
    }
  }

  async read() {
    if (this.reading) return;
    this.reading = true;
    try {
      const signal = AbortSignal.timeout(READ_WITHIN_MS);
      const answer = await fetch(PATH, { headers: { accept: "text/html" }, signal });
      if (answer.ok) this.show(await answer.text());
      this.still(!answer.ok);
    } catch {
      this.still(true);
    } finally {
      this.reading = false;
      this.soon(this.again ? 0 : READ_EVERY_MS);
      this.again = false;
    }
  }

  /** @param {string} text */
  show(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.querySelector("regions-panel");
    if (!fresh) return;
    const before = this.said;
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const name = /** @type {HTMLElement} */ (part).dataset.part;
      const old = this.querySelector(`[data-part="${name}"]`);
      if (old && !old.isEqualNode(part)) old.replaceWith(document.importNode(part, true));
    }
    this.relabel([...fresh.querySelectorAll("fieldset button, #slow-link option")]);
    if (this.said === before) return;
    announce(this.said);
    this.alarm();
  }

  /** The command center says trouble above the floor too, where the operator looks. */
  alarm() {
    const line = /** @type {HTMLElement | null} */ (
      document.querySelector("[data-regions-alarm]")
    );
    const words = line?.querySelector("span");
    if (!line || !words) return;
    words.textContent = this.said;
    line.hidden = !this.querySelector(".verdict.bad");
  }

  /**
   * Turn "Take down" into "Bring back" and the like, in place. Order for order they are the same.
   * @param {Element[]} fresh
   */
  relabel(fresh) {
    const old = [...this.querySelectorAll("fieldset button, #slow-link option")];
    if (old.length !== fresh.length) return;
    old.forEach((each, index) => {
      const made = fresh[index];
      if (each.isEqualNode(made)) return;
      each.innerHTML = made.innerHTML;
      const kind = made.getAttribute("data-kind");
      if (kind) each.setAttribute("data-kind", kind);
    });
  }

  get said() {
    return this.querySelector("[data-said]")?.textContent ?? "";
  }

  /** @param {boolean} still whether what is shown could not be read anew */
  still(still) {
    const line = /** @type {HTMLElement} */ (this.querySelector("[data-still]"));
    if (!still) this.readAt = new Date();
    if (line.hidden !== still) return;
    line.hidden = !still;
    const words = `The server does not answer: this is of ${clock(this.readAt.toISOString())}.`;
    line.textContent = still ? words : "";
    if (still) announce(words);
  }

  /** @param {HTMLButtonElement} button */
  async pressed(button) {
    const body = this.order(button);
    if (!body || button.ariaBusy) return;
    button.ariaBusy = "true";
    this.refused("");
    try {
      await ask("POST", ORDERS, { body });
      // What it changes is told when it is read; a planned fault changes nothing yet.
      announce(`${button.textContent?.trim()}: ordered.`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.refused(error.words);
    } finally {
      button.ariaBusy = null;
      this.again = this.reading;
      this.soon(0);
    }
  }

  /**
   * What a button orders: its own words, or those of the fields beside it.
   * @param {HTMLButtonElement} button
   */
  order(button) {
    const { kind, region, send } = button.dataset;
    if (kind) return { kind, region: region ?? null };
    const form = button.form;
    if (!send || !form) return null;
    const data = new FormData(form);
    if (send === "slow") {
      const [one, other] = String(data.get("link")).split(" ");
      return { kind: "slow", region: one, other, ms: Number(data.get("ms")) };
    }
    const where = String(data.get("region")) || null;
    return { kind: data.get("kind"), region: where, count: Number(data.get("count")) };
  }

  /** @param {string} words */
  refused(words) {
    const line = /** @type {HTMLElement | null} */ (this.querySelector("[data-refused]"));
    const said = line?.querySelector("span:not(.mark)");
    if (!line || !said) return;
    line.hidden = !words;
    said.textContent = words;
    if (words) announce(words);
  }
}

customElements.define("regions-panel", RegionsPanel);
