// What every chart offers beside the picture: its numbers as a table and as CSV, and itself as PNG and SVG.
/* global Plotly */
import { $, icon, make } from "./page.js";

const ROWS = 500; // of the table; the CSV has all
const SIZE = { width: 1200, height: 700, scale: 2 };

export class Tools {
  constructor(element) {
    this.element = element;
    const caption = element.closest("figure")?.querySelector("figcaption");
    if (!caption) return;
    let choices = $(".choices", caption);
    if (!choices) caption.append((choices = make("span", { class: "choices" })));
    choices.append(this.menu($("h2", caption)?.textContent.trim() || "chart"));
  }

  menu(title) {
    const entry = (word, act) => {
      const button = make("button", { type: "button" }, word);
      button.addEventListener("click", () => { menu.open = false; act(); });
      return button;
    };
    const menu = make("details", { class: "menu tools" },
      make("summary", { class: "button tiny plain", "aria-label": `${title}: table and files` }, icon("more")),
      make("div", {},
        entry("Show as table", () => this.toggle(title)),
        entry("CSV", () => save(new Blob([csv(rows(this.element))], { type: "text/csv" }), `${file(title)}.csv`)),
        entry("PNG", () => this.picture(title, "png")),
        entry("SVG", () => this.picture(title, "svg"))));
    return menu;
  }

  picture(title, format) {
    if (this.element.data) Plotly.downloadImage(this.element, { ...SIZE, format, filename: file(title) });
  }

  toggle(title) {
    if (this.table) {
      this.table.remove();
      this.table = null;
      return;
    }
    const [head, ...body] = rows(this.element);
    const cells = (tag, row, extra = {}) => make("tr", {}, ...row.map((value) => make(tag, { ...extra, class: typeof value === "number" ? "num" : "" }, value ?? "–")));
    this.table = make("div", { class: "table-wrap numbers", tabindex: "0", role: "region", "aria-label": `${title} as a table` },
      make("table", {},
        make("thead", {}, cells("th", head, { scope: "col" })),
        make("tbody", {}, ...body.slice(0, ROWS).map((row) => cells("td", row)))));
    if (body.length > ROWS) this.table.append(make("p", { class: "quiet small" }, `The first ${ROWS} of ${body.length} rows; the CSV has all.`));
    this.element.after(this.table);
  }
}

// The drawn points, a row each: which line, which trial if the chart is of trials, x and y.
function rows(element) {
  const { data = [], layout = {} } = element;
  const found = [["line", "trial", layout.xaxis?.title?.text || "x", layout.yaxis?.title?.text || "y"]];
  for (const trace of data) {
    trace.x.forEach((x, place) => {
      if (x != null) found.push([trace.name, trace.customdata?.[place] ?? null, x, trace.y[place]]);
    });
  }
  return found;
}

function csv(all) {
  const cell = (value) => (typeof value === "string" && /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value ?? "");
  return all.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function file(title) { return title.toLowerCase().replace(/[^a-z0-9]+/g, "-"); }

function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
