// A classic script in the head: it runs before the first paint, so a chosen theme never flashes.
// The choice lives in localStorage alone, so the server sends everybody the same page.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("worldseat:theme");
    if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  } catch {
    // Storage is switched off: the theme follows the system.
  }
})();
