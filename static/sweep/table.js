// The table of one sweep's trials: sorted, filtered and paged by the server, patched live, rows kept by key.
import { get, query, Refused } from "../core/api.js";
import { $, $$, debounce, make, setText, throttle } from "../core/dom.js";
import { parameter, setParameters } from "../data/selection.js";
import { Bulk } from "./bulk.js";
import { Columns, freshCell, isNumeric, showCell } from "./columns.js";

const PAGE = 50;
const REFRESH_MS = 1500; // between re-sorts of a live table
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
    this.refresh = throttle(() => this.load(), REFRESH_MS);
    this.bulk = new Bulk($("#bulk", root), sweep, () => this.scope(), () => this.load());
    this.listen();
    this.head();
    this.load();
  }

  listen() {
    const box = $("#filter", this.root);
    box.value = this.filter;
    box.addEventListener("input", debounce(() => this.turn({ filter: box.value.trim(), offset: 0 }), 250));
    $("thead", this.root).addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) this.turn({ sort: nextSort(this.sort, button.dataset.sort), offset: 0 });
    });
    $("#previous", this.root).addEventListener("click", () => this.turn({ offset: Math.max(0, this.offset - PAGE) }));
    $("#next", this.root).addEventListener("click", () => this.turn({ offset: this.offset + PAGE }));
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

  focused() { return document.activeElement.closest("#table tbody tr"); }

  // The number of the row that has the focus.
  get current() {
    const { number } = this.focused()?.dataset ?? {};
    return number === undefined ? null : Number(number);
  }

  // From row to row by key; past an end, to the next page.
  async walk(step) {
    const rows = [...this.body.children];
    const now = this.focused();
    const place = rows.indexOf(now) + step;
    const from = now ? place : step > 0 ? 0 : rows.length - 1;
    if (from >= rows.length && this.offset + PAGE < this.total) await this.turn({ offset: this.offset + PAGE });
    else if (from < 0 && this.offset > 0) await this.turn({ offset: Math.max(0, this.offset - PAGE) });
    else return $("a", rows[from] || this.body)?.focus();
    return $("a", step > 0 ? this.body.firstElementChild : this.body.lastElementChild).focus();
  }

  turn(change) {
    Object.assign(this, change);
    setParameters({ sort: this.sort === BEST_FIRST ? "" : this.sort, filter: this.filter, offset: this.offset || "" });
    return this.load();
  }

  async load() {
    this.asking?.abort();
    this.asking = new AbortController();
    const values = { limit: PAGE, offset: this.offset, sort: this.sort, filter: this.filter };
    try {
      const page = await get(`/api/sweeps/${this.sweep.id}/trials?${query(values)}`, this.asking.signal);
      this.complain("");
      if (!page.trials.length && this.offset && page.total) return this.turn({ offset: PAGE * Math.floor((page.total - 1) / PAGE) });
      this.stale = false;
      this.show(page);
    } catch (error) {
      if (error.name !== "AbortError") this.complain(error.message, error instanceof Refused);
    }
    return undefined;
  }

  // What came while another view was shown.
  update() { if (this.stale) this.refresh(); }

  // `filter`: it is what is wrong.
  complain(sentence, filter = false) {
    setText($("#filter-error", this.root), sentence);
    $("#filter", this.root).setAttribute("aria-invalid", String(filter));
  }

  // --- columns

  head() {
    const row = $("thead tr", this.root);
    const check = make("th", { scope: "col", class: "check" }, make("span", { class: "sr" }, "select"));
    row.replaceChildren(check, ...this.columns.shown(this.example).map((column) => {
      const button = make("button", { type: "button", "data-sort": column.name, title: column.about }, column.title);
      return make("th", { scope: "col", "data-sort": column.name, class: isNumeric(column) ? "num" : "" }, button);
    }));
    this.sorted();
  }

  sorted() {
    for (const head of $$("th[data-sort]", this.root)) {
      const down = this.sort === `-${head.dataset.sort}`;
      if (down || this.sort === head.dataset.sort) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  offerColumns(box) {
    box.replaceChildren(...this.columns.all(this.example).slice(1).map(({ name, title }) => {
      const tick = make("input", { type: "checkbox" });
      tick.checked = this.columns.isShown(name);
      tick.addEventListener("change", () => {
        this.columns.set(name, tick.checked);
        this.rows.clear();
        this.head();
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
    if (!known) this.head();
    const rows = trials.map((trial) => this.row(trial));
    const same = rows.length === this.body.children.length && rows.every((row, n) => row === this.body.children[n]);
    if (!same) {
      const focused = this.body.contains(document.activeElement) && document.activeElement;
      this.body.replaceChildren(...rows);
      if (focused?.isConnected) focused.focus({ preventScroll: true });
    }
    this.rows = new Map(rows.map((row) => [row.dataset.number, row]));
    this.sorted();
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
    const columns = this.columns.shown(this.example);
    const row = this.rows.get(String(trial.number)) || fresh(trial, columns);
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
    this.bulk.aim();
  }

  scope() {
    const numbers = [...this.selection.numbers];
    return numbers.length ? { numbers, count: numbers.length } : { filter: this.filter, count: this.total };
  }
}

function fresh(trial, columns) {
  const check = make("input", { type: "checkbox", "aria-label": `select trial ${trial.number}` });
  return make("tr", { "data-number": trial.number }, make("td", { "data-column": "check", class: "check" }, check), ...columns.map((column) => freshCell(column, trial)));
}

function nextSort(now, column) {
  const first = RISING.includes(column) ? column : `-${column}`;
  if (now === first) return first.startsWith("-") ? column : `-${column}`;
  return first;
}
