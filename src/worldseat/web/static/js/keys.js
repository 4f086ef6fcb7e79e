/** Keys of the page: `?` lists them, `b` goes to Break it, `f` to the floor. Never while typing. */

/** @param {{floor: () => void, breakIt: () => void}} go */
export function wireKeys(go) {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.querySelector("#keys"));
  const list = () => dialog?.showModal();
  document.querySelector("[data-show-keys]")?.addEventListener("click", list);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || dialog?.open) return;
    const at = /** @type {Element} */ (event.target);
    if (at.closest("input, select, textarea, [contenteditable]")) return;
    const act = { "?": list, b: go.breakIt, f: go.floor }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
