// The data sets page: uploads a data set and shows errors in the form.
import { errorMessage, post } from "../core/api.js";
import { $, fill, notify } from "../core/dom.js";

const form = $("#add");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = $("button", form);
  button.disabled = true;
  fill(form, { error: "" });
  try {
    const added = await post("/api/datasets", new FormData(form));
    notify(`Data set “${added.name}” is ready.`, "good");
    location.assign(`/datasets#${added.name}`);
    location.reload();
  } catch (error) {
    fill(form, { error: errorMessage(error, "Not added") });
    $("[name=file]", form).setAttribute("aria-invalid", "true");
  }
  button.disabled = false;
});
