/** The command center: the live floor of a fan, and the operator's stress test beside it. */

import "./break-it.js";
import "./regions-panel.js";
import { ask, Problem } from "./api.js";
import { wireFloor } from "./floor-page.js";
import { wireKeys } from "./keys.js";
import { refreshPanels } from "./panels.js";

const PANELS_AFTER_MS = 500;
const PANELS_EVERY_MS = 2_000;

const breakIt = /** @type {import("./break-it.js").BreakIt} */ (
  document.querySelector("break-it")
);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let waiting;
let readAt = 0;

/** Read the panels anew soon; many reasons are one request, and a rush of sales is a few. */
function panelsSoon() {
  if (waiting) return;
  const pause = Math.max(PANELS_AFTER_MS, readAt + PANELS_EVERY_MS - performance.now());
  waiting = setTimeout(readPanels, pause);
}

async function readPanels() {
  clearTimeout(waiting);
  waiting = undefined;
  readAt = performance.now();
  const read = await refreshPanels();
  if (read) readAgainWhileJudging();
  return read;
}

/** A judgement may take longer than a page can wait; then the panel says so, and is read again. */
function readAgainWhileJudging() {
  if (document.querySelector("[data-judging]")) panelsSoon();
}

const { floor } = wireFloor({
  onNews({ type, data }) {
    if (type === "seats") moveOn(data.sales);
    if (type === "run" && data.status === "running") breakIt.follow(data.run_id);
    else if ((type === "run" || type === "seats") && !breakIt.following) panelsSoon();
  },
  onRound: panelsSoon,
});

/**
 * The target moves on when a fan buys that seat; a seat that a stampede sold is opened again.
 * @param {{seat: string, kind: string, run_id: string | null}[]} sales
 */
function moveOn(sales) {
  const target = breakIt.target.value.trim();
  const bought = sales.some((sale) => sale.seat === target && sale.run_id === null);
  if (bought && floor) breakIt.aim(floor.open[0] ?? "");
}

document.addEventListener("target-change", (event) => {
  floor?.setTarget(/** @type {CustomEvent} */ (event).detail);
});
document.addEventListener("run-over", async () => {
  breakIt.over(await readPanels());
  refreshFoilFloor();
});
document.addEventListener("floor-reset", panelsSoon);

/** A foil's floor has no stream: it is read anew after each run at it. */
async function refreshFoilFloor() {
  if (!floor?.readOnly) return;
  const { event: eventId, store } = floor.dataset;
  try {
    floor.replace(await ask("GET", `/api/events/${eventId}/floor?store=${store}`));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    breakIt.explain(error);
  }
}

for (const choice of document.querySelectorAll('.backend input[name="store"]')) {
  choice.addEventListener("change", () => {
    const url = new URL(location.href);
    url.searchParams.set("store", /** @type {HTMLInputElement} */ (choice).value);
    location.assign(url);
  });
}

readAgainWhileJudging();
floor?.setTarget(breakIt.target.value.trim());
wireKeys({ floor: () => floor?.focusSeat(), breakIt: () => breakIt.button.focus() });
