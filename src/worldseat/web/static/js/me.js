/** The fan's name: a label, saved when the field is left. */

import { announce } from "./announce.js";
import { ask, Problem } from "./api.js";

/** Wire the `you` field of this page. */
export function wireName() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector('[data-form="me"]'));
  const field = /** @type {HTMLInputElement | null} */ (form?.querySelector('[name="name"]'));
  if (!form || !field) return;
  let saved = field.value;
  const save = async () => {
    const name = field.value.trim();
    if (name === saved) return;
    try {
      const me = await ask("POST", "/api/me", { body: name ? { name } : {} });
      saved = me.name;
      field.value = me.name;
      field.removeAttribute("aria-invalid");
      field.title = "";
      for (const shown of document.querySelectorAll("[data-fan-name]")) {
        shown.textContent = me.name;
      }
      announce(`Saved. You are ${me.name}.`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      field.setAttribute("aria-invalid", "true");
      field.title = error.words;
      announce(error.words);
    }
  };
  field.addEventListener("change", save);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
}
