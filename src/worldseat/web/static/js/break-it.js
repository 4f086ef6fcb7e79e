/**
 * The stress test: fires a stampede, shows how far it is, then the verdict right under the button.
 * Tells the page `run-over` when the panels should be read anew, `floor-reset` after a reset, and
 * `target-change` when the target seat changed.
 */

import { announce } from "./announce.js";
import { ask, Problem } from "./api.js";
import { count } from "./format.js";
import { ResetFloor } from "./reset-floor.js";

const POLL_MS = 250;
const POLL_FAILURES_MAX = 20;
const UNREAD = "The run is over, and its result cannot be read right now. Reload the page.";

export class BreakIt extends HTMLElement {
  /** @type {HTMLFormElement} */
  form;
  /** @type {HTMLElement} */
  bar;
  /** The run that is being followed, or an empty text. */
  following = "";

  connectedCallback() {
    this.form = /** @type {HTMLFormElement} */ (this.querySelector("form"));
    this.bar = /** @type {HTMLElement} */ (this.querySelector(".progress"));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.fire();
    });
    this.target.addEventListener("input", () => {
      this.target.removeAttribute("aria-invalid");
      this.tell("target-change", this.target.value.trim());
    });
    this.reset = new ResetFloor(this);
    const { running } = this.dataset;
    if (running) this.follow(running);
  }

  get target() {
    return /** @type {HTMLInputElement} */ (this.form.elements.namedItem("seat"));
  }

  get status() {
    return /** @type {HTMLElement | null} */ (this.querySelector('[data-panel="verdict"]'));
  }

  get button() {
    return /** @type {HTMLButtonElement} */ (this.form.elements.namedItem("break"));
  }

  /** @param {string} seat */
  aim(seat) {
    this.target.value = seat;
    this.tell("target-change", seat);
  }

  async fire() {
    if (this.button.ariaBusy) return;
    const data = new FormData(this.form);
    const seat = String(data.get("seat")).trim();
    const buyers = Number(data.get("buyers"));
    const spread = data.get("arrival") === "spread";
    this.begin(buyers, `Firing ${count(buyers)} buyers at ${seat || "the first open seat"} …`);
    try {
      const run = await ask("POST", "/api/stampedes", {
        body: {
          event_id: this.dataset.event,
          store: this.dataset.store,
          seat: seat || null,
          buyers,
          code: data.get("code"),
          arrival: spread ? `spread:${Number(data.get("spread"))}ms` : "burst",
        },
      });
      if (!seat) this.aim(run.seat);
      await this.follow(run.run_id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.failed(error);
    }
  }

  /**
   * Follow a run until it is over, whoever fired it.
   * @param {string} runId
   */
  async follow(runId) {
    if (this.following) return;
    this.following = runId;
    let failures = 0;
    let problem = null;
    for (;;) {
      try {
        const run = await ask("GET", `/api/stampedes/${encodeURIComponent(runId)}`);
        failures = 0;
        if (run.status !== "running") break;
        const { answered, buyers } = run.progress ?? { answered: 0, buyers: run.buyers };
        this.begin(buyers, `${count(answered)} of ${count(buyers)} answered`, answered);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        failures += 1;
        if (error.status === 404 || failures > POLL_FAILURES_MAX) {
          problem = error;
          break;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.following = "";
    if (problem) this.failed(problem);
    else this.tell("run-over", runId);
  }

  /**
   * The run is over, and the panels tell it, unless they could not be read.
   * @param {boolean} told
   */
  over(told) {
    if (!told) {
      this.explain(new Problem({ status: 0, code: "no-answer", detail: UNREAD }));
      return;
    }
    this.bar.hidden = true;
    this.button.ariaBusy = null;
    if (this.status) {
      this.status.hidden = false;
      announce(this.status.textContent?.trim() ?? "");
    }
  }

  /**
   * @param {number} buyers
   * @param {string} words
   * @param {number} [answered]
   */
  begin(buyers, words, answered = 0) {
    const progress = /** @type {HTMLProgressElement} */ (this.bar.querySelector("progress"));
    progress.max = buyers || 1;
    progress.value = answered;
    /** @type {HTMLElement} */ (this.bar.querySelector("span")).textContent = words;
    if (this.bar.hidden) announce(words);
    this.bar.hidden = false;
    this.button.ariaBusy = "true";
    if (this.status) this.status.hidden = true;
  }

  /** @param {Problem} problem */
  failed(problem) {
    if (["unknown-seat", "seat-of-a-fan"].includes(problem.code)) {
      this.target.setAttribute("aria-invalid", "true");
      this.target.focus();
    }
    this.explain(problem);
  }

  /** @param {Problem} problem */
  explain(problem) {
    this.bar.hidden = true;
    this.button.ariaBusy = null;
    const { status } = this;
    if (!status) return;
    status.hidden = false;
    status.className = "status bad";
    const mark = document.createElement("span");
    mark.className = "mark";
    mark.ariaHidden = "true";
    mark.textContent = "✕ ";
    const id = document.createElement("span");
    id.className = "fine";
    id.textContent = problem.requestId ? ` Request ${problem.requestId}` : "";
    status.replaceChildren(mark, problem.words, id);
    announce(problem.words);
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

customElements.define("break-it", BreakIt);
