// A form in a dialog, and what happens when it is submitted.
import { errorMessage } from "../core/api.js";
import { $, setText } from "../core/dom.js";

// Stays open, with its reason, while what it asks for is refused, and when `submit` gives something to read in it.
export function dialog(selector, submit) {
  const box = $(selector);
  const error = $(".error", box);
  $("[data-close]", box).addEventListener("click", () => box.close());
  box.addEventListener("close", () => setText(error, ""));
  $("form", box).addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = $(".main", box);
    button.disabled = true;
    setText(error, "");
    try {
      if (!(await submit())) box.close();
    } catch (problem) {
      setText(error, problem instanceof SyntaxError ? `A line is not JSON: ${problem.message}.` : errorMessage(problem, "Not done"));
    }
    button.disabled = false;
  });
  return box;
}
