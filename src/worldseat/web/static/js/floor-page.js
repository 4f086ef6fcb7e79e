/** What the command center and the fan's page share: a live floor, Buy and My tickets. */

import "./theme-toggle.js";
import "./buy-bar.js";
import "./my-tickets.js";
import "./seat-floor.js";
import { changeNumber } from "./floor-state.js";
import { clock, count, localiseTimes } from "./format.js";
import { Freshness } from "./freshness.js";
import { watch } from "./live.js";
import { wireName } from "./me.js";

/**
 * @typedef {{floor: import("./seat-floor.js").SeatFloor | null,
 *   refreshTickets: () => Promise<void>}} FloorPage
 */

/**
 * Wire the floor of this page.
 * @param {{onNews?: (news: import("./live.js").News) => void,
 *   onRound?: () => void}} [hooks]
 * @returns {FloorPage}
 */
export function wireFloor({ onNews, onRound } = {}) {
  localiseTimes(document);
  wireName();
  const floor = /** @type {import("./seat-floor.js").SeatFloor | null} */ (
    document.querySelector("seat-floor")
  );
  if (!floor) return { floor, refreshTickets: async () => {} };
  const tickets = /** @type {import("./my-tickets.js").MyTickets} */ (
    document.querySelector("my-tickets")
  );
  const bar = /** @type {import("./buy-bar.js").BuyBar | null} */ (
    document.querySelector("buy-bar")
  );
  const product = !floor.readOnly;

  const refreshTickets = async () => {
    const mine = await tickets.refresh(floor.dataset.round ?? "");
    if (mine && product) floor.setMine(mine);
  };
  const fresh = new Freshness((stale, asOf) => showStale(floor, stale, asOf));
  fresh.heard(floor.dataset.asOf ?? "");

  /** @param {import("./live.js").News} news */
  const take = ({ type, data }) => {
    if (type === "floor") {
      const newRound = data.round_id !== floor.dataset.round;
      floor.dataset.round = data.round_id;
      if (product) floor.replace(data);
      if (newRound) {
        refreshTickets();
        onRound?.();
      }
    } else if (type === "seats" && product) {
      floor.change(data.seats);
    }
    bar?.invite();
    if (data.as_of_at) {
      fresh.heard(data.as_of_at);
      if (product) showLive(data);
    }
    onNews?.({ type, data });
  };

  let stop = watch(floor.dataset.event ?? "", take);
  addEventListener("pagehide", () => stop());
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    stop = watch(floor.dataset.event ?? "", take);
    refreshTickets();
  });

  document.addEventListener("ticket-bought", refreshTickets);
  document.addEventListener("ticket-doubt", async (event) => {
    await refreshTickets();
    bar?.recheck(/** @type {CustomEvent} */ (event).detail);
  });
  bar?.attach(floor);
  bar?.resume();
  return { floor, refreshTickets };
}

/** @param {{change?: string, sold_count?: number, as_of_at: string}} data */
function showLive({ change, sold_count: sold, as_of_at: asOf }) {
  const live = document.querySelector("[data-live]");
  if (live && change) {
    live.textContent = `Live · change ${count(changeNumber(change))} · ${clock(asOf)}`;
  }
  const shown = document.querySelector("[data-sold]");
  if (shown && sold !== undefined) shown.textContent = count(sold);
}

/**
 * @param {HTMLElement} floor
 * @param {boolean} stale
 * @param {string} asOf
 */
function showStale(floor, stale, asOf) {
  const banner = /** @type {HTMLElement} */ (document.querySelector("stale-banner"));
  floor.toggleAttribute("data-stale", stale);
  const live = document.querySelector("[data-live]");
  if (live && stale) live.textContent = `Paused · ${asOf}`;
  banner.hidden = !stale;
  const words = /** @type {HTMLElement} */ (banner.querySelector("span"));
  words.textContent = `Floor as of ${asOf}.`;
}
