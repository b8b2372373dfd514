// Keys: one letter does one thing, anywhere but where somebody types; "?" shows those of this page.
import { $, make } from "./dom.js";

const bound = new Map(); // key -> [what it does in words, action]

export function bindKeys(keys) {
  for (const [key, meaning] of Object.entries(keys)) bound.set(key, meaning);
}

// Presses what the page offers, if it offers it now.
export function pressing(...selectors) {
  return () => selectors.map((selector) => $(selector)).find((one) => one?.checkVisibility() && !one.disabled)?.click();
}

function showKeys() {
  const dialog = $("#keys");
  $("dl", dialog).replaceChildren(...[...bound].flatMap(([key, [words]]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, words)]));
  dialog.showModal();
}

bindKeys({ "?": ["show these keys", showKeys], Esc: ["clear the selection; close what is open"] });

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  const action = bound.get(event.key)?.[1];
  if (!action) return;
  event.preventDefault();
  action();
});
