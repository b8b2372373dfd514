// The autopilot pages: start and stop one. The server renders the rest; core/poll_page.js keeps it up to date.
import { errorMessage, post } from "../core/api.js";
import { $, attempt, fill } from "../core/dom.js";
import { refresh } from "../core/poll_page.js";

const form = $("#start");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = $("button", form);
  button.disabled = true;
  fill(form, { error: "" });
  try {
    const { dataset, trials, seed, preflight } = Object.fromEntries(new FormData(form));
    const made = await post("/api/autopilots", { dataset, trials: Number(trials), seed: Number(seed), preflight: preflight === "on" });
    location.assign(`/autopilot/${made.id}`);
  } catch (error) {
    fill(form, { error: errorMessage(error, "Not begun") });
    button.disabled = false;
  }
});

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-stop]");
  if (!button) return;
  button.disabled = true;
  button.blur();
  if (await attempt(() => post(button.dataset.stop), "Not stopped")) await refresh();
  else button.disabled = false;
});
