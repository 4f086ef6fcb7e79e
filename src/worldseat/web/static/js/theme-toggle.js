/** The small toggle in the footer: auto, dark, light. */

const KEY = "worldseat:theme";
const CHOICES = ["auto", "dark", "light"];

class ThemeToggle extends HTMLElement {
  /** @type {HTMLButtonElement} */
  button;

  connectedCallback() {
    this.button = /** @type {HTMLButtonElement} */ (this.querySelector("button"));
    this.button.addEventListener("click", () => this.next());
    this.show(document.documentElement.dataset.theme ?? "auto");
  }

  next() {
    const now = document.documentElement.dataset.theme ?? "auto";
    const choice = CHOICES[(CHOICES.indexOf(now) + 1) % CHOICES.length];
    if (choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // Storage is switched off: the choice holds until the page is left.
    }
    this.show(choice);
  }

  /** @param {string} choice */
  show(choice) {
    this.button.textContent = `Theme: ${choice}`;
  }
}

customElements.define("theme-toggle", ThemeToggle);
