/** The fan's own tickets, read from the server, which reads them from committed rows. */

import { ask, Problem } from "./api.js";
import { localiseTimes } from "./format.js";

export class MyTickets extends HTMLElement {
  /** @type {HTMLElement} */
  list;
  /** @type {HTMLElement} */
  empty;
  /** @type {HTMLTemplateElement} */
  model;

  connectedCallback() {
    this.list = /** @type {HTMLElement} */ (this.querySelector(".tickets"));
    this.empty = /** @type {HTMLElement} */ (this.querySelector(".empty"));
    this.model = /** @type {HTMLTemplateElement} */ (this.querySelector("template"));
  }

  /**
   * Read the tickets anew and return the labels of my valid seats on this floor.
   * @param {string} roundId
   * @returns {Promise<string[] | null>} null if they could not be read; the list stays as it was
   */
  async refresh(roundId) {
    let tickets;
    try {
      ({ tickets } = await ask("GET", "/api/me/tickets"));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) tickets = [];
      else return null;
    }
    const here = (/** @type {import("./purchase.js").Ticket} */ ticket) =>
      ticket.event_id === this.dataset.event && ticket.round_id === roundId;
    this.querySelector(".trouble")?.remove();
    this.list.replaceChildren(
      ...tickets.map((/** @type {any} */ ticket) => this.line(ticket, here(ticket))),
    );
    this.empty.hidden = tickets.length > 0;
    localiseTimes(this.list);
    return tickets
      .filter((/** @type {any} */ ticket) => here(ticket) && ticket.status === "valid")
      .map((/** @type {any} */ ticket) => ticket.seat);
  }

  /**
   * @param {import("./purchase.js").Ticket} ticket
   * @param {boolean} here
   */
  line(ticket, here) {
    const line = /** @type {DocumentFragment} */ (this.model.content.cloneNode(true));
    const put = (/** @type {string} */ selector, /** @type {string} */ text) => {
      /** @type {Element} */ (line.querySelector(selector)).textContent = text;
    };
    const isVoid = ticket.status !== "valid";
    put(".t-seat", ticket.seat);
    put(".t-code", ticket.code);
    put(".t-note", isVoid ? "void, older rehearsal ·" : here ? "" : `${ticket.event_title} ·`);
    put(".t-region", ticket.region);
    line.querySelector("li")?.toggleAttribute("data-void", isVoid);
    const time = /** @type {HTMLTimeElement} */ (line.querySelector("time"));
    time.dateTime = ticket.sold_at;
    return line;
  }
}

customElements.define("my-tickets", MyTickets);
