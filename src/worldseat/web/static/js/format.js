/** Times and numbers as the reader's own locale writes them. */

const clockFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const countFormat = new Intl.NumberFormat("en");
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "long" });

/**
 * Local time of day of an RFC 3339 moment.
 * @param {string} moment
 */
export function clock(moment) {
  return clockFormat.format(new Date(moment));
}

/** @param {number} number */
export function count(number) {
  return countFormat.format(number);
}

/**
 * Turn the server's UTC times into local ones.
 * @param {ParentNode} within
 */
export function localiseTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(/** @type {HTMLTimeElement} */ (time).dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.textContent = clockFormat.format(moment);
    /** @type {HTMLElement} */ (time).title = fullFormat.format(moment);
  }
}
