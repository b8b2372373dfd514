// The early-stopping part of the new-sweep form: shows the fields of the chosen rule, reads and writes its JSON.
import { $, $$ } from "../core/dom.js";
import { parseNumber } from "./space_rows.js";

export class StoppingRule {
  constructor(root) {
    this.root = root;
    this.choice = $("[data-rule-choice]", root);
    this.choice.addEventListener("input", () => this.show());
    this.show();
  }

  // null, or such as {"halving": {"factor": 3, "first": 1}}; a number left empty has its default.
  read() {
    const rule = this.choice.value;
    if (!rule) return null;
    const given = this.numbers(rule).filter((input) => input.value.trim() !== "");
    return { [rule]: Object.fromEntries(given.map((input) => [input.dataset.number, parseNumber(input.value)])) };
  }

  write(spec) {
    const [[rule, values]] = spec ? Object.entries(spec) : [["", {}]];
    this.choice.value = rule;
    for (const input of this.numbers(rule)) if (input.dataset.number in values) input.value = values[input.dataset.number];
    this.show();
  }

  numbers(rule) { return $$(`[data-rule="${rule}"] [data-number]`, this.root); }

  show() {
    for (const part of $$("[data-rule]", this.root)) part.hidden = part.dataset.rule !== this.choice.value;
  }
}
