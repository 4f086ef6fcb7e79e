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
  /** The run or comparison that is being followed, or an empty text. */
  following = "";
  /** What is to be told instead of the verdict, once the panels are new. @type {Problem | null} */
  problem = null;

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
    const { comparing, running } = this.dataset;
    if (comparing) this.followComparison(comparing);
    else if (running) this.follow(running);
  }

  get stores() {
    return (this.dataset.stores ?? "").split(" ");
  }

  /** The stores whose lag of replication can be chosen. */
  get lagged() {
    return new Set((this.dataset.lagged ?? "").split(" "));
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
    const lag = data.has("lag") ? Number(data.get("lag")) : null;
    const cells = this.stores.map((store) => ({
      store,
      buyers,
      code: data.get("code"),
      arrival: spread ? `spread:${Number(data.get("spread"))}ms` : "burst",
      reach: data.get("reach"),
      lag_ms: this.lagged.has(store) ? lag : null,
    }));
    const where = { event_id: this.dataset.event, seat: seat || null };
    this.begin(buyers, `Firing ${count(buyers)} buyers at ${seat || "the first open seat"} …`);
    try {
      if (cells.length > 1) {
        const body = { ...where, cells };
        const made = await ask("POST", "/api/comparisons", { body });
        await this.followComparison(made.comparison_id);
      } else {
        const run = await ask("POST", "/api/stampedes", { body: { ...where, ...cells[0] } });
        if (!seat) this.aim(run.seat);
        await this.follow(run.run_id);
      }
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
    await this.untilOver(runId, `/api/stampedes/${encodeURIComponent(runId)}`, (run) => {
      const { answered, buyers } = run.progress ?? { answered: 0, buyers: run.buyers };
      this.begin(buyers, `${count(answered)} of ${count(buyers)} answered`, answered);
    });
  }

  /**
   * Follow a comparison until it is over. What could not be fired is told once the panels are new.
   * @param {string} id
   */
  async followComparison(id) {
    const made = await this.untilOver(id, `/api/comparisons/${encodeURIComponent(id)}`, (it) => {
      const { answered, buyers } = it.progress ?? { answered: 0, buyers: it.now?.buyers ?? 0 };
      const turn = `${count(it.done + 1)} of ${count(it.planned)}`;
      const words = `${it.now?.title ?? ""}: ${count(answered)} of ${count(buyers)} answered`;
      this.begin(buyers, `${words} (run ${turn})`, answered);
    });
    if (made?.problems.length) {
      const detail = made.problems.join(" ");
      this.problem = new Problem({ status: 0, code: "not-compared", detail });
    }
  }

  /**
   * Ask again and again until what was fired is over, whoever fired it.
   * @param {string} id
   * @param {string} path
   * @param {(answer: any) => void} show
   * @returns {Promise<any>}
   */
  async untilOver(id, path, show) {
    if (this.following) return null;
    this.following = id;
    let failures = 0;
    let problem = null;
    let answer = null;
    for (;;) {
      try {
        answer = await ask("GET", path);
        failures = 0;
        if (answer.status !== "running") break;
        show(answer);
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
    else this.tell("run-over", id);
    return problem ? null : answer;
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
    if (this.problem) {
      this.explain(this.problem);
      this.problem = null;
    } else if (this.status) {
      this.status.hidden = false;
      announce(this.status.textContent?.trim().replace(/\s+/g, " ") ?? "");
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
    const line = document.createElement("p");
    line.className = "status bad";
    const mark = document.createElement("span");
    mark.className = "mark";
    mark.ariaHidden = "true";
    mark.textContent = "✕ ";
    const id = document.createElement("span");
    id.className = "fine";
    id.textContent = problem.requestId ? ` Request ${problem.requestId}` : "";
    line.replaceChildren(mark, problem.words, id);
    status.replaceChildren(line);
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
