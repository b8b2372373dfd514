// The menu of a chart: its numbers as a table or CSV, the chart itself as PNG or SVG.
import { $, icon, make } from "../core/dom.js";

const ROWS = 500; // of the table; the CSV has all

export class ChartMenu {
  // `rows()`: the numbers, the head first. `picture(name, format)` saves it as "png" or "svg"; without, there are only numbers.
  constructor(element, { rows, picture }) {
    Object.assign(this, { element, rows, picture, table: null });
    this.caption = $(":scope > :is(figcaption, header)", element.closest("figure, .panel"));
    if (!this.caption) return;
    let choices = $(".choices", this.caption);
    if (!choices) this.caption.append((choices = make("span", { class: "choices" })));
    choices.append(this.menu());
  }

  // The heading, and the setting chosen beside it.
  get title() {
    return [$("h1, h2, h3", this.caption).textContent.trim(), $("[data-axis]", this.caption)?.value].filter(Boolean).join(" ");
  }

  get file() { return this.title.toLowerCase().replace(/[^a-z0-9]+/g, "-"); }

  menu() {
    const entry = (word, act) => {
      const button = make("button", { type: "button" }, word);
      button.addEventListener("click", () => { menu.open = false; act(); });
      return button;
    };
    const pictures = this.picture ? ["png", "svg"].map((format) => entry(format.toUpperCase(), () => this.picture(`${this.file}.${format}`, format))) : [];
    const summary = make("summary", { class: "button tiny plain" }, icon("more"));
    const menu = make("details", { class: "menu tools" }, summary,
      make("div", {},
        entry("Show as table", () => this.toggle()),
        entry("CSV", () => save(new Blob([csv(this.rows())], { type: "text/csv" }), `${this.file}.csv`)),
        ...pictures));
    const label = () => summary.setAttribute("aria-label", `${this.title}: table and files`);
    this.caption.addEventListener("change", label);
    label();
    return menu;
  }

  toggle() {
    if (this.table) {
      this.table.remove();
      this.table = null;
      return;
    }
    const [head, ...body] = this.rows();
    const numeric = head.map((_, place) => body.some((row) => typeof row[place] === "number"));
    const cells = (tag, row, extra = {}) => make("tr", {}, ...row.map((value, place) => make(tag, { ...extra, class: numeric[place] ? "num" : "" }, value ?? "–")));
    this.table = make("div", { class: "table-wrap numbers", tabindex: "0", role: "region", "aria-label": `${this.title} as a table` },
      make("table", {},
        make("thead", {}, cells("th", head, { scope: "col" })),
        make("tbody", {}, ...body.slice(0, ROWS).map((row) => cells("td", row)))));
    if (body.length > ROWS) this.table.append(make("p", { class: "quiet small" }, `The first ${ROWS} of ${body.length} rows; the CSV has all.`));
    this.element.after(this.table);
  }
}

// What a picture stands on; saved without it, light lines would lie on white paper.
export function backgroundOf(element) {
  return getComputedStyle(element.closest("figure, .panel")).backgroundColor;
}

export function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function csv(all) {
  const cell = (value) => (typeof value === "string" && /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value ?? "");
  return all.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
