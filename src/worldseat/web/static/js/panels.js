/**
 * Panels that a run changes are made by the server, once: an open page fetches them anew and puts
 * them in place, so no sentence or number is worked out twice.
 */

import { localiseTimes } from "./format.js";

/**
 * Fetch the panels of this page, or another part of it. Returns false if the server could not make
 * them. A panel that holds the focus stays as it is.
 * @param {string} [part]
 * @returns {Promise<boolean>}
 */
export async function refreshPanels(part = "panels") {
  const url = new URL(location.href);
  url.hash = "";
  url.searchParams.set("part", part);
  let text;
  try {
    const response = await fetch(url, { headers: { accept: "text/html" } });
    if (!response.ok) return false;
    text = await response.text();
  } catch {
    return false;
  }
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const panel of fresh.querySelectorAll("[data-panel]")) {
    const name = /** @type {HTMLElement} */ (panel).dataset.panel;
    const old = document.querySelector(`[data-panel="${name}"]`);
    if (!old || old.contains(document.activeElement)) continue;
    const made = document.importNode(panel, true);
    localiseTimes(made);
    if (old.isEqualNode(made)) continue;
    old.replaceWith(made);
  }
  return true;
}
