// The search space in a form, one row per setting: how it varies and its bounds. Reads and writes the JSON space.
import { $, $$, make } from "../core/dom.js";

const KIND_WORDS = { log_uniform: "log-uniform", uniform: "uniform", integer: "integer", choice: "one of" };
const DEFAULTS = {
  lr: { log_uniform: [1e-5, 1e-1] },
  reg: { log_uniform: [1e-5, 1] },
  momentum: { uniform: [0, 0.99] },
  dropout: { uniform: [0, 0.5] },
  lr_decay: { uniform: [0.8, 1] },
  init_scale: { log_uniform: [1e-4, 1e-1] },
  hidden: { choice: [[50], [100], [100, 50]] },
  activation: { choice: ["relu", "tanh"] },
  init: { choice: ["normal", "xavier", "he"] },
  update: { choice: ["sgd", "momentum", "nesterov", "adam"] },
  schedule: { choice: ["exponential", "cosine"] },
  batch_size: { choice: [50, 100, 200] },
  preprocess: { choice: ["none", "mean_image", "standardise"] },
};

export class SpaceRows {
  constructor(root, onChange) {
    Object.assign(this, { root, onChange });
    root.addEventListener("click", (event) => {
      if (!event.target.closest("[data-remove]")) return;
      event.target.closest(".space-row").remove();
      this.handleChange();
    });
  }

  write(space) {
    this.root.replaceChildren(...Object.entries(space).map(([name, spec]) => this.row(name, spec)));
    this.disableTakenNames();
  }

  handleChange() {
    this.disableTakenNames();
    this.onChange();
  }

  // A setting varies in one row only.
  disableTakenNames() {
    const taken = new Set(this.names());
    for (const select of $$("[data-part=name]", this.root)) {
      for (const option of select.options) option.disabled = option.value !== select.value && taken.has(option.value);
    }
  }

  add() {
    const taken = new Set(this.names());
    const free = Object.keys(DEFAULTS).find((name) => !taken.has(name));
    if (!free) return;
    this.root.append(this.row(free, DEFAULTS[free]));
    this.handleChange();
  }

  names() { return $$("[data-part=name]", this.root).map((select) => select.value); }

  read() {
    const space = {};
    for (const row of $$(".space-row", this.root)) {
      const kind = $("[data-part=kind]", row).value;
      const value = kind === "choice" ? parseChoices($("[data-part=choices]", row).value) : readBounds(row);
      space[$("[data-part=name]", row).value] = { [kind]: value };
    }
    return space;
  }

  row(name, spec) {
    const [kind, value] = Object.entries(spec)[0];
    const row = make("div", { class: "space-row" });
    const names = menu("name", "setting", Object.keys(DEFAULTS).map((word) => [word, word]), name);
    const kinds = menu("kind", "how it varies", Object.entries(KIND_WORDS), kind);
    const remove = make("button", { type: "button", class: "button plain square", "data-remove": true, "aria-label": `remove ${name}` }, "×");
    const error = make("p", { class: "error", role: "alert" });
    row.append(names, kinds, inputs(kind, value), remove, error);
    this.label(row);
    names.addEventListener("change", () => {
      const other = this.row(names.value, DEFAULTS[names.value]);
      row.replaceWith(other);
      $("[data-part=name]", other).focus();
      this.handleChange();
    });
    kinds.addEventListener("change", () => { $(".bounds", row).replaceWith(inputs(kinds.value, defaultBounds(names.value, kinds.value))); this.onChange(); });
    return row;
  }

  label(row) {
    const name = $("[data-part=name]", row).value;
    row.dataset.errorFor = `space.${name}`;
  }
}

function menu(part, label, options, chosen) {
  const known = options.some(([word]) => word === chosen) ? options : [...options, [chosen, chosen]];
  return make("select", { "data-part": part, "aria-label": label }, ...known.map(([value, word]) => make("option", { value, selected: value === chosen }, word)));
}

function inputs(kind, value) {
  const box = make("div", { class: "bounds" });
  if (kind === "choice") {
    box.style.gridTemplateColumns = "1fr";
    box.append(make("input", { "data-part": "choices", "aria-label": "values, separated by commas", value: value.map((choice) => JSON.stringify(choice)).join(", ") }));
    return box;
  }
  box.append(boundInput("low", "from", value[0]), boundInput("high", "to", value[1]));
  return box;
}

function boundInput(part, label, value) {
  return make("input", { "data-part": part, "aria-label": label, inputmode: "decimal", value: boundText(value) });
}

function boundText(value) {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential().replace("e+", "e") : String(value);
}

function defaultBounds(name, kind) {
  const preset = DEFAULTS[name]?.[kind];
  return preset || { log_uniform: [1e-4, 1], uniform: [0, 1], integer: [1, 10], choice: [1, 2] }[kind];
}

function readBounds(row) {
  return ["low", "high"].map((part) => parseNumber($(`[data-part=${part}]`, row).value));
}

// "50, 100" or "[50], [100, 50]" or "sgd, adam": JSON where it is JSON, words where it is not.
function parseChoices(text) {
  try {
    return JSON.parse(`[${text}]`);
  } catch {
    return text.split(",").map((part) => part.trim()).filter(Boolean).map(parseNumber);
  }
}

export function parseNumber(text) {
  const trimmed = text.trim();
  return trimmed !== "" && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}
