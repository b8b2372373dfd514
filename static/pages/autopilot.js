// The autopilot's pages: starts one, stops one; everything else is rendered by the server and kept fresh.
import { post, told } from "../core/api.js";
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
    fill(form, { error: told(error, "Not begun") });
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
