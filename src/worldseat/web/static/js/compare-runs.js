/**
 * Measuring from the page: fires what is missing in a set of cells, follows the comparison that is
 * under way, whoever started it, and has the page's panels read anew as results come in.
 */

import { announce } from "./announce.js";
import { ask, Problem } from "./api.js";
import { plan } from "./compare-plan.js";
import { refreshPanels } from "./panels.js";

const POLL_MS = 400;
const POLL_IDLE_MS = 3_000;
const PANELS_EVERY_MS = 1_500;
const FAILURES_MAX = 5;
const SILENT = "The server does not answer; what is shown here may be old.";

class CompareRuns extends HTMLElement {
  /** Null where there is no rehearsal to fire at. @type {HTMLFormElement | null} */
  form = null;
  /** What the page shows of the newest comparison. */
  shown = { id: "", done: "", busy: false };
  failures = 0;
  /** Whether a panel could not be renewed because it held the focus. */
  stale = false;
  readAt = -PANELS_EVERY_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  reading;
  /** Whether something was done that will soon be seen. */
  hurry = false;
  wake = () => {};

  connectedCallback() {
    this.form = this.querySelector("form");
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    this.form?.addEventListener("input", () => this.showPlan());
    this.button("stop")?.addEventListener("click", () => this.stop());
    document.addEventListener("focusout", () => {
      if (this.stale) this.panelsSoon();
    });
    document.addEventListener("visibilitychange", () => this.lookSoon());
    this.look({ first: true });
    this.follow();
  }

  /** @param {string} name */
  button(name) {
    return /** @type {HTMLButtonElement | null} */ (this.form?.elements.namedItem(name) ?? null);
  }

  get now() {
    return /** @type {HTMLElement} */ (this.querySelector('[data-panel="now"]'));
  }

  /** The cells of the chosen set, as the server last told them. */
  get cells() {
    const chosen = String(new FormData(this.form ?? undefined).get("set"));
    const set = document.querySelector(`[data-set="${chosen}"]`);
    return JSON.parse(/** @type {HTMLElement | null} */ (set)?.dataset.cells ?? "[]");
  }

  get runs() {
    return Number(new FormData(this.form ?? undefined).get("runs"));
  }

  showPlan() {
    const line = this.querySelector("#plan");
    if (line) line.textContent = this.shown.busy ? "" : plan(this.cells, this.runs);
  }

  async start() {
    const measure = this.button("measure");
    if (!this.form || !measure || measure.ariaBusy) return;
    measure.ariaBusy = "true";
    const data = new FormData(this.form);
    const cells = this.cells.map((/** @type {{body: unknown}} */ each) => each.body);
    const body = { event_id: data.get("event"), cells, runs: this.runs, top_up: true };
    await this.tried(() => ask("POST", "/api/comparisons", { body }));
    if (!this.shown.busy) measure.ariaBusy = null;
    this.lookSoon();
  }

  async stop() {
    const path = `/api/comparisons/${encodeURIComponent(this.shown.id)}/stop`;
    await this.tried(() => ask("POST", path, { body: {} }));
    this.lookSoon();
  }

  lookSoon() {
    this.hurry = true;
    this.wake();
  }

  /**
   * Do what an operator asks for; a refusal is told under the form.
   * @param {() => Promise<unknown>} act
   */
  async tried(act) {
    try {
      await act();
      this.tell("");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const id = error.requestId ? ` Request ${error.requestId}` : "";
      this.tell(`${error.words}${id}`);
    }
  }

  /** @param {string} words */
  tell(words) {
    const line = /** @type {HTMLElement} */ (this.querySelector("[data-told]"));
    if (words && line.textContent !== words) announce(words);
    line.textContent = words;
    line.hidden = !words;
  }

  /** Ask how far it is, for as long as the page is open and somebody can see it. */
  async follow() {
    for (;;) {
      const pause = this.shown.busy || this.hurry ? POLL_MS : POLL_IDLE_MS;
      this.hurry = false;
      await new Promise((resolve) => {
        this.wake = () => resolve(undefined);
        setTimeout(resolve, pause);
      });
      if (document.hidden) continue;
      if (await refreshPanels("now")) {
        if (this.failures >= FAILURES_MAX) this.tell("");
        this.failures = 0;
        this.look({ first: false });
      } else {
        this.failures += 1;
        if (this.failures >= FAILURES_MAX) this.tell(SILENT);
      }
    }
  }

  /**
   * Take in what the server said last of the newest comparison.
   * @param {{first: boolean}} how
   */
  look({ first }) {
    const { comparison = "", done = "", running, ending } = this.now.dataset;
    const busy = running !== undefined || ending !== undefined;
    const before = this.shown;
    this.shown = { id: comparison, done, busy };
    const measure = this.button("measure");
    const stop = this.button("stop");
    if (measure) measure.ariaBusy = busy ? "true" : null;
    if (stop) {
      if (document.activeElement === stop && running === undefined) measure?.focus();
      stop.hidden = running === undefined;
    }
    this.showPlan();
    if (first) return;
    const news = before.id !== comparison || before.busy !== busy;
    if (news) announce(this.now.innerText.trim().replace(/\s+/g, " "));
    if (news || before.done !== done) this.panelsSoon();
  }

  /** Read the panels anew soon: many runs a second are a few requests. */
  panelsSoon() {
    if (this.reading) return;
    const pause = Math.max(0, this.readAt + PANELS_EVERY_MS - performance.now());
    this.reading = setTimeout(() => this.readPanels(), pause);
  }

  async readPanels() {
    this.stale = false;
    this.readAt = performance.now();
    const read = await refreshPanels();
    this.reading = undefined;
    // A panel that holds the focus is not changed under the reader; it is read when they leave.
    this.stale = !read || Boolean(document.activeElement?.closest("[data-panel]"));
    this.showPlan();
  }
}

customElements.define("compare-runs", CompareRuns);
