/**
 * The floor: one grid with one tab stop. Arrow keys, Home and End move; Enter or Space selects, and
 * Enter on the selected seat buys; a click selects; Escape clears the selection.
 *
 * Tells the page with bubbling events: `seat-select` (detail: label or null), `seat-buy` (label),
 * `seat-sold` (label: a sold seat was chosen), `seat-lost` (label: the selected seat was sold).
 */

import { OPEN, SOLD, STATES, unpack } from "./floor-state.js";

/** @type {Record<string, string>} */
const SPOKEN = { open: "available", sold: "sold", held: "on hold", withheld: "not for sale" };
const FLASH_MS = 150;

export class SeatFloor extends HTMLElement {
  /** @type {HTMLElement} */
  grid;
  /** @type {HTMLElement[]} in index order */
  cells = [];
  /** @type {HTMLElement[][]} */
  rows = [];
  /** @type {Map<string, HTMLElement>} */
  byLabel = new Map();
  /** @type {HTMLElement | null} */
  selected = null;
  readOnly = false;

  connectedCallback() {
    this.grid = /** @type {HTMLElement} */ (this.querySelector('[role="grid"]'));
    this.rows = [...this.grid.querySelectorAll('[role="row"]')].map((row) => [
      .../** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll(".seat")),
    ]);
    this.cells = this.rows.flat();
    this.byLabel = new Map(this.cells.map((cell) => [cell.dataset.label ?? "", cell]));
    this.readOnly = this.hasAttribute("data-read-only");
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.grid.addEventListener("click", (event) => {
      const cell = /** @type {Element} */ (event.target).closest(".seat");
      if (cell) this.choose(/** @type {HTMLElement} */ (cell));
    });
    this.grid.addEventListener("focusin", (event) => {
      const cell = /** @type {Element} */ (event.target).closest(".seat");
      if (cell) this.moveTabStop(/** @type {HTMLElement} */ (cell));
    });
  }

  /** Labels of the open seats, in index order. */
  get open() {
    return this.cells.filter((cell) => cell.dataset.state === "open").map(labelOf);
  }

  /** @param {string} label */
  isOpen(label) {
    return this.byLabel.get(label)?.dataset.state === "open";
  }

  /** @param {string} label */
  isMine(label) {
    return this.byLabel.get(label)?.hasAttribute("data-mine") ?? false;
  }

  /** @param {import("./floor-state.js").FloorView} floor */
  replace(floor) {
    const states = unpack(floor.states, floor.seat_count);
    this.cells.forEach((cell, index) => this.setState(cell, states[index]));
    this.checkSelection();
  }

  /** @param {[number, number][]} seats */
  change(seats) {
    for (const [index, state] of seats) {
      if (this.cells[index]) this.setState(this.cells[index], state);
    }
    this.checkSelection();
  }

  /**
   * @param {HTMLElement} cell
   * @param {number} state
   */
  setState(cell, state) {
    const name = STATES[state];
    if (cell.dataset.state === name) return;
    cell.dataset.state = name;
    cell.dataset.changed = "";
    setTimeout(() => delete cell.dataset.changed, FLASH_MS);
    if (state === OPEN) delete cell.dataset.mine;
    this.say(cell);
  }

  /**
   * The answer to my own purchase is faster than the stream.
   * @param {string} label
   */
  markSold(label) {
    const cell = this.byLabel.get(label);
    if (cell) this.setState(cell, SOLD);
  }

  /** @param {Iterable<string>} labels of my own seats on this floor */
  setMine(labels) {
    const mine = new Set(labels);
    for (const cell of this.cells) {
      const is = mine.has(labelOf(cell));
      if (is === cell.hasAttribute("data-mine")) continue;
      cell.toggleAttribute("data-mine", is);
      this.say(cell);
    }
  }

  /** @param {string} label of the stampede's target, or an empty text */
  setTarget(label) {
    for (const cell of this.cells) {
      const is = labelOf(cell) === label;
      if (is === cell.hasAttribute("data-target")) continue;
      cell.toggleAttribute("data-target", is);
      this.say(cell);
    }
  }

  /**
   * @param {string} label
   * @param {boolean} pending
   */
  setPending(label, pending) {
    const cell = this.byLabel.get(label);
    if (!cell) return;
    cell.toggleAttribute("data-pending", pending);
    cell.ariaBusy = pending ? "true" : null;
  }

  /** @param {HTMLElement} cell */
  say(cell) {
    const state = cell.hasAttribute("data-mine") ? "yours" : SPOKEN[cell.dataset.state ?? "open"];
    const target = cell.hasAttribute("data-target") ? ", Break-it target" : "";
    cell.ariaLabel = `${cell.dataset.name}, ${state}${target}`;
  }

  /** The selected seat may be gone with the last change: say so, never silently. */
  checkSelection() {
    const cell = this.selected;
    if (!cell || cell.dataset.state === "open" || cell.hasAttribute("data-pending")) return;
    this.select(null, { quiet: true });
    if (!cell.hasAttribute("data-mine")) this.tell("seat-lost", labelOf(cell));
  }

  /** @param {HTMLElement} cell */
  choose(cell) {
    this.moveTabStop(cell);
    if (this.readOnly) return;
    if (cell.dataset.state !== "open") this.tell("seat-sold", labelOf(cell));
    else this.select(cell);
  }

  /**
   * @param {HTMLElement | null} cell
   * @param {{quiet?: boolean}} [how] quiet: do not tell the page
   */
  select(cell, { quiet = false } = {}) {
    this.selected?.setAttribute("aria-selected", "false");
    this.selected = cell;
    cell?.setAttribute("aria-selected", "true");
    if (!quiet) this.tell("seat-select", cell && labelOf(cell));
  }

  /** @param {string} label */
  selectLabel(label) {
    const cell = this.byLabel.get(label);
    if (!cell) return;
    this.moveTabStop(cell);
    this.select(cell);
  }

  /** Put the keyboard's focus on the seat where it was. */
  focusSeat() {
    /** @type {HTMLElement | null} */ (this.grid.querySelector('[tabindex="0"]'))?.focus();
  }

  /** @param {HTMLElement} cell */
  moveTabStop(cell) {
    this.grid.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    cell.tabIndex = 0;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const cell = /** @type {HTMLElement} */ (event.target);
    if (!cell.classList.contains("seat") || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (cell === this.selected && event.key === "Enter") this.tell("seat-buy", labelOf(cell));
      else this.choose(cell);
      return;
    }
    if (event.key === "Escape") {
      if (this.selected) this.select(null);
      return;
    }
    const next = this.neighbour(cell, event);
    if (!next) return;
    event.preventDefault();
    this.moveTabStop(next);
    next.focus();
  }

  /**
   * @param {HTMLElement} cell
   * @param {KeyboardEvent} event
   */
  neighbour(cell, event) {
    const at = this.rows.findIndex((row) => row.includes(cell));
    const row = this.rows[at];
    const place = row.indexOf(cell);
    switch (event.key) {
      case "ArrowRight":
        return row[place + 1];
      case "ArrowLeft":
        return row[place - 1];
      case "ArrowDown":
        return this.across(cell, this.rows[at + 1]);
      case "ArrowUp":
        return this.across(cell, this.rows[at - 1]);
      case "Home":
        return event.ctrlKey ? this.cells[0] : row[0];
      case "End":
        return event.ctrlKey ? this.cells.at(-1) : row.at(-1);
      default:
        return undefined;
    }
  }

  /**
   * The seat of another row that stands straight across, however long the rows are.
   * @param {HTMLElement} cell
   * @param {HTMLElement[] | undefined} row
   */
  across(cell, row) {
    const distance = (/** @type {HTMLElement} */ other) =>
      Math.abs(other.offsetLeft - cell.offsetLeft);
    return row?.reduce((best, each) => (distance(each) < distance(best) ? each : best));
  }

  /**
   * Labels of the open seats nearest to one, as the server reckons it: a row is two seats away.
   * @param {string} label
   * @param {number} wanted
   */
  nearest(label, wanted) {
    const here = this.byLabel.get(label);
    if (!here) return [];
    const place = (/** @type {HTMLElement} */ cell) => {
      const row = this.rows.findIndex((each) => each.includes(cell));
      return [row, Number(cell.textContent)];
    };
    const [row, number] = place(here);
    return this.cells
      .filter((cell) => cell !== here && cell.dataset.state === "open")
      .map((cell) => {
        const [otherRow, otherNumber] = place(cell);
        return { cell, far: 4 * (otherRow - row) ** 2 + (otherNumber - number) ** 2 };
      })
      .sort((one, other) => one.far - other.far)
      .slice(0, wanted)
      .map(({ cell }) => labelOf(cell));
  }

  /**
   * @param {string} name
   * @param {string | null} detail
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/** @param {HTMLElement} cell */
function labelOf(cell) {
  return cell.dataset.label ?? "";
}

customElements.define("seat-floor", SeatFloor);
