// The theme: light, dark, or (nothing stored) what the system prefers. Runs before the first paint.
(() => {
  const THEME_KEY = "lossdeck-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const readChoice = () => {
    try { return localStorage.getItem(THEME_KEY); } catch { return null; } // storage may be forbidden
  };

  const apply = (choice) => {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
    root.dispatchEvent(new Event("themechange"));
  };
  apply(readChoice());
  system.addEventListener("change", () => apply(readChoice()));

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
    const choice = dark ? "light" : "dark";
    try { localStorage.setItem(THEME_KEY, choice); } catch { /* then it lasts for this page only */ }
    apply(choice);
  });
})();
