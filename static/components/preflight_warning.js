// Warnings shown before a sweep runs, with a button that runs the preflight checks in place.
import { post } from "../core/api.js";
import { attempt, icon, make } from "../core/dom.js";

export function preflightWarnings(warnings) {
  return warnings.map(({ sentence, code, preflight, preflight_id: id }) => make(
    "p", { class: "small preflight-warning", "data-tone": "warning" }, icon("warning"), make("span", {}, sentence),
    ...(id ? [link(id)] : []),
    ...(code === "preflight-under-way" ? [] : [make("button", { class: "button tiny", type: "button", "data-preflight": JSON.stringify(preflight) }, "Run the checks")]),
  ));
}

function link(id) {
  return make("a", { href: `/preflight?id=${id}`, target: "_blank" }, `Preflight ${id}`);
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-preflight]");
  if (!button) return;
  button.disabled = true;
  const made = await attempt(() => post("/api/preflights", JSON.parse(button.dataset.preflight)), "Not begun");
  button.disabled = false;
  if (made) button.parentElement.replaceChildren(icon("running"), make("span", {}, "The checks are under way:"), link(made.id));
});
