/** What one press would fire, and how long that takes as far as stored runs tell. */

import { count } from "./format.js";

/**
 * @param {{had: number, took_ms: number | null}[]} cells
 * @param {number} runs how many every cell shall have
 */
export function plan(cells, runs) {
  let fired = 0;
  let unknown = 0;
  let known_ms = 0;
  for (const cell of cells) {
    const missing = Math.max(0, runs - cell.had);
    fired += missing;
    if (cell.took_ms === null) unknown += missing;
    else known_ms += missing * cell.took_ms;
  }
  if (!fired) return `Each of these cells has ${ofRuns(runs)} or more: nothing is fired.`;
  const fires = `Fires ${ofRuns(fired)}`;
  if (unknown === fired) {
    return `${fires}. How long that takes is not known: none of these cells was measured yet.`;
  }
  const took = `took ${lasting(known_ms)} in all.`;
  if (!unknown) return `${fires}. Stored runs like them ${took}`;
  const part = `${count(unknown)} of them in cells not measured yet`;
  return `${fires}, ${part}. Stored runs like the others ${took}`;
}

/** @param {number} number */
function ofRuns(number) {
  return `${count(number)} ${number === 1 ? "run" : "runs"}`;
}

/** @param {number} duration_ms */
function lasting(duration_ms) {
  const seconds = Math.max(1, Math.round(duration_ms / 1_000));
  if (seconds < 120) return `about ${count(seconds)} s`;
  return `about ${count(Math.round(seconds / 60))} min`;
}
