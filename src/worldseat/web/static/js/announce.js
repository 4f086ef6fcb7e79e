/** One polite live region for the page: my own results and those of runs, never others' sales. */

/** @type {HTMLElement | undefined} */
let region;

/** @param {string} words */
export function announce(words) {
  if (!region) {
    region = document.createElement("p");
    region.className = "sr";
    region.setAttribute("role", "status");
    document.body.append(region);
  }
  const live = region;
  live.textContent = "";
  // A fresh frame, so that the same words twice are said twice.
  requestAnimationFrame(() => {
    live.textContent = words;
  });
}
