/**
 * Keys of the page: `?` lists them, `b` goes to Break it, `f` to the floor. Never while typing, and
 * they can be switched off (WCAG 2.1.4): speech input may type letters by accident.
 */

const KEY = "worldseat:keys";

/** @param {{floor: () => void, breakIt?: () => void}} go */
export function wireKeys(go) {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.querySelector("#keys"));
  const wanted = /** @type {HTMLInputElement | null} */ (dialog?.querySelector("input"));
  if (!dialog || !wanted) return;
  wanted.checked = remembered() !== "off";
  wanted.addEventListener("change", () => remember(wanted.checked ? "on" : "off"));
  const list = () => dialog.showModal();
  document.querySelector("[data-show-keys]")?.addEventListener("click", list);
  document.addEventListener("keydown", (event) => {
    if (!wanted.checked || event.ctrlKey || event.altKey || event.metaKey || dialog.open) return;
    const at = /** @type {Element} */ (event.target);
    if (at.closest("input, select, textarea")) return;
    const act = { "?": list, b: go.breakIt, f: go.floor }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @param {string} choice */
function remember(choice) {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // Storage is switched off: the choice holds until the page is left.
  }
}
