/** The selection and its one button: price, Region, Buy; then the answer, whatever it is. */

import { announce } from "./announce.js";
import { unsettled } from "./intents.js";
import { buy } from "./purchase.js";

const OFFERS = 3;

export class BuyBar extends HTMLElement {
  /** @type {import("./seat-floor.js").SeatFloor} */
  floor;
  /** @type {HTMLElement} */
  words;
  /** @type {HTMLElement} */
  acts;
  eventId = "";
  isIdle = true;
  /** The seat that is being bought, or an empty text. */
  busy = "";

  connectedCallback() {
    this.words = /** @type {HTMLElement} */ (this.querySelector(".say"));
    this.acts = /** @type {HTMLElement} */ (this.querySelector(".acts"));
  }

  /** @param {import("./seat-floor.js").SeatFloor} floor */
  attach(floor) {
    this.floor = floor;
    this.eventId = floor.dataset.event ?? "";
    floor.addEventListener("seat-select", (event) => this.selected(detail(event)));
    floor.addEventListener("seat-buy", (event) => this.buy(detail(event)));
    floor.addEventListener("seat-sold", (event) => this.chosenSold(detail(event)));
    floor.addEventListener("seat-lost", (event) => this.lost(detail(event)));
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.busy) {
        floor.select(null);
        floor.focusSeat();
      }
    });
  }

  /** Ask for the answers that a reload or the back button cut off. */
  async resume() {
    for (const intent of unsettled(this.eventId)) {
      if (intent.roundId === this.floor.dataset.round) {
        const words = `You pressed Buy on ${intent.seat} before: asking for the answer …`;
        await this.buy(intent.seat, words);
      }
    }
  }

  /** @param {string} seat or an empty text */
  selected(seat) {
    if (this.busy) return;
    if (!seat) {
      this.isIdle = true;
      this.invite();
      return;
    }
    const { price, region } = this.floor.dataset;
    this.show([bold(seat), ` · ${price} · served by ${region}`], [this.button(seat, true)]);
  }

  /** While nothing is selected, say what can be done here. */
  invite() {
    if (!this.isIdle) return;
    const { price } = this.floor.dataset;
    const words = this.floor.open.length
      ? `Click a seat to select it. Every seat is ${price}.`
      : "Every seat is sold.";
    if (this.words.textContent === words) return;
    this.show([words]);
    this.isIdle = true;
  }

  /** @param {string} seat */
  chosenSold(seat) {
    if (this.busy) return;
    this.floor.select(null, { quiet: true });
    if (this.floor.isMine(seat)) this.show([bold(seat), " is yours already."]);
    else this.offer([bold(seat), " is sold."], this.floor.nearest(seat, OFFERS));
  }

  /** @param {string} seat */
  lost(seat) {
    if (this.busy) return;
    this.offer([bold(seat), " was just taken."], this.floor.nearest(seat, OFFERS), "bad");
  }

  /**
   * @param {string} seat
   * @param {string} [words] what to say while it is under way
   */
  async buy(seat, words = `Buying ${seat} …`) {
    if (this.busy) return;
    this.busy = seat;
    const roundId = this.floor.dataset.round ?? "";
    this.floor.setPending(seat, true);
    const hadFocus = this.contains(document.activeElement);
    this.show([words], [busyButton(seat)]);
    if (hadFocus) this.floor.focusSeat();
    const outcome = await buy({ eventId: this.eventId, roundId, seat }, (attempt, attempts) => {
      this.say(
        `No answer about ${seat} yet. Asking again under the same key, so you cannot buy it ` +
          `twice (${attempt} of ${attempts}) …`,
      );
    });
    this.busy = "";
    this.floor.setPending(seat, false);
    this.answered(seat, outcome);
  }

  /**
   * @param {string} seat
   * @param {import("./purchase.js").Outcome} outcome
   */
  answered(seat, outcome) {
    if (outcome.kind === "sold") {
      this.sold(outcome);
    } else if (outcome.kind === "unknown") {
      this.show(
        [`We do not know yet whether ${seat} is yours. ${outcome.problem.message}`],
        [this.button(seat, true, "Ask again")],
        "bad",
      );
    } else if (outcome.problem.code === "seat-taken") {
      this.taken(seat, outcome.problem);
    } else {
      this.refused(seat, outcome.problem);
    }
    announce(this.words.textContent ?? "");
  }

  /** @param {{ticket: import("./purchase.js").Ticket}} outcome */
  sold({ ticket }) {
    this.floor.select(null, { quiet: true });
    this.floor.markSold(ticket.seat);
    const code = document.createElement("code");
    code.textContent = ticket.code;
    this.show([bold(ticket.seat), " is yours. Code ", code], [], "good");
    this.tell("ticket-bought", ticket);
  }

  /**
   * @param {string} seat
   * @param {import("./api.js").Problem} problem
   */
  taken(seat, problem) {
    this.floor.select(null, { quiet: true });
    this.tell("ticket-doubt", seat);
    if (this.floor.isMine(seat)) {
      this.show([bold(seat), " is yours already."], [], "good");
      return;
    }
    this.offer(
      [bold(seat), " was just taken. You have not been charged."],
      problem.nearest.filter((label) => this.floor.isOpen(label)),
      "bad",
    );
  }

  /**
   * @param {string} seat
   * @param {import("./api.js").Problem} problem
   */
  refused(seat, problem) {
    const id = problem.requestId ? ` Request ${problem.requestId}.` : "";
    const again = this.floor.isOpen(seat) ? [this.button(seat, true)] : [];
    this.show([`${problem.words}${id}`], again, "bad");
  }

  /**
   * After the tickets were read anew: a seat that another tab of mine bought is no loss.
   * @param {string} seat
   */
  recheck(seat) {
    if (this.busy || !this.floor.isMine(seat)) return;
    this.show([bold(seat), " is yours already."], [], "good");
    announce(this.words.textContent ?? "");
  }

  /**
   * @param {(string | Node)[]} words
   * @param {string[]} seats
   * @param {string} [tone]
   */
  offer(words, seats, tone) {
    const rest = seats.length ? "" : " No seat near it is open.";
    this.show([...words, rest], seats.map((seat, at) => this.button(seat, at === 0)), tone);
  }

  /**
   * @param {string} seat
   * @param {boolean} primary
   * @param {string} [text]
   */
  button(seat, primary, text = `Buy ${seat}`) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    if (primary) button.className = "go";
    button.addEventListener("click", () => {
      this.floor.selectLabel(seat);
      this.buy(seat);
    });
    return button;
  }

  /**
   * @param {(string | Node)[]} words
   * @param {HTMLElement[]} [acts]
   * @param {string} [tone]
   */
  show(words, acts = [], tone = "") {
    this.isIdle = false;
    this.words.replaceChildren(...words);
    this.words.dataset.tone = tone;
    this.toggleAttribute("data-active", acts.length > 0 || tone !== "");
    this.acts.replaceChildren(...acts);
  }

  /** @param {string} words */
  say(words) {
    this.words.textContent = words;
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/** @param {string} text */
function bold(text) {
  const element = document.createElement("b");
  element.textContent = text;
  return element;
}

/** @param {string} seat */
function busyButton(seat) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "go";
  button.disabled = true;
  button.textContent = `Buying ${seat} …`;
  return button;
}

/** @param {Event} event */
function detail(event) {
  return /** @type {CustomEvent} */ (event).detail ?? "";
}

customElements.define("buy-bar", BuyBar);
