// Keyboard shortcuts: single letters, ignored while the user types. "?" lists those of the page.
import { $, make } from "./dom.js";

const bindings = new Map(); // key -> [what it does in words, action]

export function bindKeys(keys) {
  for (const [key, meaning] of Object.entries(keys)) bindings.set(key, meaning);
}

// An action that clicks the first of these which the page offers now.
export function clickFirst(...selectors) {
  return () => selectors.map((selector) => $(selector)).find((element) => element?.checkVisibility() && !element.disabled)?.click();
}

function showKeys() {
  const dialog = $("#keys");
  $("dl", dialog).replaceChildren(...[...bindings].flatMap(([key, [words]]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, words)]));
  dialog.showModal();
}

bindKeys({ "?": ["show these keys", showKeys], Esc: ["clear the selection; close what is open"] });

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  const action = bindings.get(event.key)?.[1];
  if (!action) return;
  event.preventDefault();
  action();
});
