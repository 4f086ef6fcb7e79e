/** The command center: the live floor of a fan, and the operator's stress test beside it. */

import "./break-it.js";
import { ask, Problem } from "./api.js";
import { wireFloor } from "./floor-page.js";
import { wireKeys } from "./keys.js";
import { refreshPanels } from "./panels.js";

const QUIET_MS = 400;

const breakIt = /** @type {import("./break-it.js").BreakIt} */ (
  document.querySelector("break-it")
);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let waiting;

/** Read the panels anew soon; many reasons within a moment are one request. */
function panelsSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    await refreshPanels();
    if (!breakIt.following) breakIt.bar.hidden = true;
  }, QUIET_MS);
}

const { floor } = wireFloor({
  onNews({ type, data }) {
    if (type === "run" && data.status === "running") breakIt.follow(data.run_id);
    else if (type === "run" || (type === "seats" && !breakIt.following)) panelsSoon();
  },
  onRound: panelsSoon,
  onFloor: followTarget,
});

/** The target is prefilled with an open seat, and moves on when a fan buys that seat. */
function followTarget() {
  const seat = breakIt.target.value.trim();
  if (!floor || !seat || breakIt.following || document.activeElement === breakIt.target) return;
  if (breakIt.target.dataset.typed === seat || floor.isOpen(seat)) return;
  breakIt.aim(floor.open[0] ?? "");
}

document.addEventListener("target-change", (event) => {
  floor?.setTarget(/** @type {CustomEvent} */ (event).detail);
});
document.addEventListener("run-over", async () => {
  clearTimeout(waiting);
  await refreshPanels();
  breakIt.over();
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

floor?.setTarget(breakIt.target.value.trim());
wireKeys({ floor: () => floor?.focusSeat(), breakIt: () => breakIt.button.focus() });
