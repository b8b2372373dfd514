// The table of a sweep's trials. The server sorts, filters and pages it; live rows are updated in place.
import { get, query, Refused } from "../core/api.js";
import { $, $$, debounce, make, setText, throttle } from "../core/dom.js";
import { parameter, setParameters } from "../data/selection.js";
import { Bulk } from "./bulk.js";
import { Columns, isNumeric, makeCell, showCell } from "./columns.js";

const PAGE_SIZE = 50;
const TABLE_REFRESH_MS = 1500; // between re-sorts of a live table
const BEST_FIRST = "-best_val_acc";
const RISING = ["number", "state", "verdict", "reason"]; // what is sorted upwards first

export class TrialTable {
  constructor(root, { sweep, series, selection, columns }) {
    Object.assign(this, { root, sweep, series, selection, rows: new Map(), total: 0 });
    this.columns = new Columns(columns);
    this.body = $("tbody", root);
    this.sort = parameter("sort", BEST_FIRST);
    this.filter = parameter("filter");
    this.offset = Number(parameter("offset", "0")) || 0;
    this.refresh = throttle(() => this.load(), TABLE_REFRESH_MS);
    this.bulk = new Bulk($("#bulk", root), sweep, () => this.scope(), () => this.load());
    this.listen();
    this.drawHead();
    this.load();
  }

  listen() {
    const box = $("#filter", this.root);
    box.value = this.filter;
    box.addEventListener("input", debounce(() => this.setQuery({ filter: box.value.trim(), offset: 0 }), 250));
    $("thead", this.root).addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) this.setQuery({ sort: nextSort(this.sort, button.dataset.sort), offset: 0 });
    });
    $("#previous", this.root).addEventListener("click", () => this.setQuery({ offset: Math.max(0, this.offset - PAGE_SIZE) }));
    $("#next", this.root).addEventListener("click", () => this.setQuery({ offset: this.offset + PAGE_SIZE }));
    this.body.addEventListener("click", (event) => this.click(event));
    this.selection.addEventListener("change", () => this.mark());
    const chooser = $("#columns", this.root);
    chooser.addEventListener("toggle", () => chooser.open && this.offerColumns($("div", chooser)));
  }

  click(event) {
    const row = event.target.closest("tr");
    if (!row || event.target.closest("a")) return;
    const number = Number(row.dataset.number);
    if (event.target.closest("input")) this.selection.toggle(number);
    else this.selection.pick(number, event);
  }

  focusedRow() { return document.activeElement.closest("#table tbody tr"); }

  // The number of the row that has the focus.
  get current() {
    const { number } = this.focusedRow()?.dataset ?? {};
    return number === undefined ? null : Number(number);
  }

  // From row to row by key; past an end, to the next page.
  async walk(step) {
    const rows = [...this.body.children];
    const now = this.focusedRow();
    const place = rows.indexOf(now) + step;
    const from = now ? place : step > 0 ? 0 : rows.length - 1;
    if (from >= rows.length && this.offset + PAGE_SIZE < this.total) await this.setQuery({ offset: this.offset + PAGE_SIZE });
    else if (from < 0 && this.offset > 0) await this.setQuery({ offset: Math.max(0, this.offset - PAGE_SIZE) });
    else return $("a", rows[from] || this.body)?.focus();
    return $("a", step > 0 ? this.body.firstElementChild : this.body.lastElementChild).focus();
  }

  setQuery(change) {
    Object.assign(this, change);
    setParameters({ sort: this.sort === BEST_FIRST ? "" : this.sort, filter: this.filter, offset: this.offset || "" });
    return this.load();
  }

  async load() {
    this.asking?.abort();
    this.asking = new AbortController();
    const values = { limit: PAGE_SIZE, offset: this.offset, sort: this.sort, filter: this.filter };
    try {
      const page = await get(`/api/sweeps/${this.sweep.id}/trials?${query(values)}`, this.asking.signal);
      this.showError("");
      if (!page.trials.length && this.offset && page.total) return this.setQuery({ offset: PAGE_SIZE * Math.floor((page.total - 1) / PAGE_SIZE) });
      this.stale = false;
      this.show(page);
    } catch (error) {
      if (error.name !== "AbortError") this.showError(error.message, error instanceof Refused);
    }
    return undefined;
  }

  // What came while another view was shown.
  update() { if (this.stale) this.refresh(); }

  // `filter`: it is what is wrong.
  showError(sentence, filter = false) {
    setText($("#filter-error", this.root), sentence);
    $("#filter", this.root).setAttribute("aria-invalid", String(filter));
  }

  // --- columns

  drawHead() {
    const row = $("thead tr", this.root);
    const check = make("th", { scope: "col", class: "check" }, make("span", { class: "sr" }, "select"));
    row.replaceChildren(check, ...this.columns.visibleColumns(this.example).map((column) => {
      const button = make("button", { type: "button", "data-sort": column.name, title: column.about }, column.title);
      return make("th", { scope: "col", "data-sort": column.name, class: isNumeric(column) ? "num" : "" }, button);
    }));
    this.markSort();
  }

  markSort() {
    for (const head of $$("th[data-sort]", this.root)) {
      const down = this.sort === `-${head.dataset.sort}`;
      if (down || this.sort === head.dataset.sort) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  offerColumns(box) {
    box.replaceChildren(...this.columns.allColumns(this.example).slice(1).map(({ name, title }) => {
      const tick = make("input", { type: "checkbox" });
      tick.checked = this.columns.isShown(name);
      tick.addEventListener("change", () => {
        this.columns.set(name, tick.checked);
        this.rows.clear();
        this.drawHead();
        this.load();
      });
      return make("label", {}, tick, title);
    }));
  }

  // --- rows

  show({ trials, total }) {
    this.total = total;
    const known = Boolean(this.example);
    this.example ??= trials[0];
    if (!known) this.drawHead();
    const rows = trials.map((trial) => this.row(trial));
    const same = rows.length === this.body.children.length && rows.every((row, n) => row === this.body.children[n]);
    if (!same) {
      const focused = this.body.contains(document.activeElement) && document.activeElement;
      this.body.replaceChildren(...rows);
      if (focused?.isConnected) focused.focus({ preventScroll: true });
    }
    this.rows = new Map(rows.map((row) => [row.dataset.number, row]));
    this.markSort();
    const last = Math.min(this.offset + trials.length, total);
    setText($("#range", this.root), total ? `${this.offset + 1}–${last} of ${total}` : "no trial");
    $("#previous", this.root).disabled = this.offset === 0;
    $("#next", this.root).disabled = last >= total;
    $("#no-rows", this.root).hidden = total > 0;
    this.mark();
  }

  // A trial that changed: its row now, the order a little later.
  patch(trial) {
    this.stale = true;
    if (!this.root.checkVisibility()) return;
    if (this.rows.has(String(trial.number))) this.row(trial);
    this.refresh();
  }

  row(trial) {
    const columns = this.columns.visibleColumns(this.example);
    const row = this.rows.get(String(trial.number)) || makeRow(trial, columns);
    columns.forEach((column, n) => showCell(row.children[n + 1], column, trial));
    row.classList.toggle("excluded", trial.excluded);
    return row;
  }

  mark() {
    for (const [number, row] of this.rows) {
      const place = this.selection.place(Number(number));
      row.setAttribute("aria-selected", place >= 0 ? "true" : "false");
      $("input", row).checked = place >= 0;
      row.style.setProperty("--swatch", place >= 0 ? this.series()[place % this.series().length] : "");
    }
    this.bulk.updateScope();
  }

  scope() {
    const numbers = [...this.selection.numbers];
    return numbers.length ? { numbers, count: numbers.length } : { filter: this.filter, count: this.total };
  }
}

function makeRow(trial, columns) {
  const check = make("input", { type: "checkbox", "aria-label": `select trial ${trial.number}` });
  return make("tr", { "data-number": trial.number }, make("td", { "data-column": "check", class: "check" }, check), ...columns.map((column) => makeCell(column, trial)));
}

function nextSort(now, column) {
  const first = RISING.includes(column) ? column : `-${column}`;
  if (now === first) return first.startsWith("-") ? column : `-${column}`;
  return first;
}
