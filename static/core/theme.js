// The chosen theme: light, dark, or (nothing stored) what the system says. Loaded before the page is painted.
(() => {
  const KEY = "lossdeck-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try { return localStorage.getItem(KEY); } catch { return null; } // storage may be forbidden
  };

  const apply = (choice) => {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
    root.dispatchEvent(new Event("themechange"));
  };
  apply(stored());
  system.addEventListener("change", () => apply(stored()));

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
    const choice = dark ? "light" : "dark";
    try { localStorage.setItem(KEY, choice); } catch { /* then it lasts for this page only */ }
    apply(choice);
  });
})();
