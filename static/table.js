// The table of one sweep's trials: sorted, filtered and paged by the server, patched live, rows kept by key.
import { accuracy, duration, loss, setting, signed } from "./format.js";
import { $, $$, debounce, make, setState, setText, stateMark, throttle } from "./page.js";
import { get, query } from "./rest.js";
import { parameter, setParameters } from "./selection.js";

const PAGE = 50;
const REFRESH_MS = 1500; // between re-sorts of a live table

// Gap between train and val accuracy: the bands of the findings "overfitting" and "no gap".
const GAP_WIDE = 0.15;
const GAP_OPEN = 0.08;

export class TrialTable {
  constructor(root, { sweep, series, selection, columns }) {
    Object.assign(this, { root, sweep, series, selection, columns, rows: new Map(), total: 0 });
    this.body = $("tbody", root);
    this.sort = parameter("sort", "-best_val_acc");
    this.filter = parameter("filter");
    this.offset = Number(parameter("offset", "0")) || 0;
    this.refresh = throttle(() => this.load(), REFRESH_MS);
    this.listen();
    this.load();
  }

  listen() {
    const box = $("#filter", this.root);
    box.value = this.filter;
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target.closest("input, select, textarea")) return;
      event.preventDefault();
      box.focus();
    });
    const search = debounce(() => this.turn({ filter: box.value.trim(), offset: 0 }), 250);
    box.addEventListener("input", search);
    for (const button of $$("th button", this.root)) {
      button.addEventListener("click", () => this.turn({ sort: nextSort(this.sort, button.dataset.sort), offset: 0 }));
    }
    $("#previous", this.root).addEventListener("click", () => this.turn({ offset: Math.max(0, this.offset - PAGE) }));
    $("#next", this.root).addEventListener("click", () => this.turn({ offset: this.offset + PAGE }));
    this.body.addEventListener("click", (event) => this.click(event));
    this.selection.addEventListener("change", () => this.mark());
  }

  click(event) {
    const row = event.target.closest("tr");
    if (!row || event.target.closest("a")) return;
    const number = Number(row.dataset.number);
    if (event.target.closest("input")) this.selection.toggle(number);
    else this.selection.pick(number, event);
  }

  turn(change) {
    Object.assign(this, change);
    setParameters({ sort: this.sort === "-best_val_acc" ? "" : this.sort, filter: this.filter, offset: this.offset || "" });
    this.load();
  }

  async load() {
    this.asking?.abort();
    this.asking = new AbortController();
    const values = { limit: PAGE, offset: this.offset, sort: this.sort, filter: this.filter };
    try {
      const page = await get(`/api/sweeps/${this.sweep.id}/trials?${query(values)}`, this.asking.signal);
      this.show(page);
      this.complain("");
    } catch (error) {
      if (error.name !== "AbortError") this.complain(error.message);
    }
  }

  complain(sentence) {
    setText($("#filter-error", this.root), sentence);
    $("#filter", this.root).setAttribute("aria-invalid", sentence ? "true" : "false");
  }

  show({ trials, total }) {
    this.total = total;
    const rows = trials.map((trial) => this.row(trial));
    const same = rows.length === this.body.children.length && rows.every((row, n) => row === this.body.children[n]);
    if (!same) this.body.replaceChildren(...rows);
    this.rows = new Map(rows.map((row) => [row.dataset.number, row]));
    for (const head of $$("th[data-sort]", this.root)) {
      const down = this.sort === `-${head.dataset.sort}`;
      if (down || this.sort === head.dataset.sort) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const last = Math.min(this.offset + trials.length, total);
    setText($("#range", this.root), total ? `${this.offset + 1}–${last} of ${total}` : "no trial");
    $("#previous", this.root).disabled = this.offset === 0;
    $("#next", this.root).disabled = last >= total;
    $("#no-rows", this.root).hidden = total > 0;
    this.mark();
  }

  // A trial that changed: its row now, the order a little later.
  patch(trial) {
    if (this.rows.has(String(trial.number))) this.row(trial);
    this.refresh();
  }

  row(trial) {
    const row = this.rows.get(String(trial.number)) || this.fresh(trial);
    const cells = Object.fromEntries([...row.children].map((cell) => [cell.dataset.column, cell]));
    setState(cells.state.firstElementChild, trial.state);
    cells.state.title = trial.reason || "";
    for (const [name, words] of Object.entries(this.words(trial))) if (cells[name]) setText(cells[name].firstElementChild || cells[name], words);
    band(cells.gap, trial.state === "diverged" ? null : trial.last);
    row.classList.toggle("excluded", trial.excluded);
    return row;
  }

  words(trial) {
    const last = trial.state === "diverged" ? { loss: trial.last?.loss, flags: trial.last?.flags } : trial.last || {};
    const words = {
      best_val_acc: accuracy(trial.best_val_acc),
      train_acc: accuracy(last.train_acc),
      gap: last.train_acc == null || last.val_acc == null ? "–" : signed(last.train_acc - last.val_acc),
      loss: loss(last.loss, last.flags?.loss),
      epochs_done: `${trial.epochs_done} / ${trial.settings.epochs}`,
      seconds: took(trial),
    };
    for (const name of this.columns) words[name] = setting(name, trial.settings[name], 4);
    return words;
  }

  fresh(trial) {
    const row = make("tr", { "data-number": trial.number });
    const check = make("input", { type: "checkbox", "aria-label": `select trial ${trial.number}` });
    const link = make("a", { href: `/trials/${trial.id}` }, `#${trial.number}`);
    const cell = (column, kind, ...inside) => make("td", { "data-column": column, class: kind }, ...inside);
    row.append(
      cell("check", "check", check),
      cell("number", "", link),
      cell("state", "", stateMark(trial.state)),
      cell("best_val_acc", "num best-cell"),
      cell("train_acc", "num"),
      cell("gap", "num", make("span", { class: "banded" })),
      cell("loss", "num"),
      ...this.columns.map((name) => cell(name, "num")),
      cell("epochs_done", "num"),
      cell("seconds", "num"),
    );
    return row;
  }

  mark() {
    for (const [number, row] of this.rows) {
      const place = this.selection.place(Number(number));
      row.setAttribute("aria-selected", place >= 0 ? "true" : "false");
      $("input", row).checked = place >= 0;
      row.style.setProperty("--swatch", place >= 0 ? this.series()[place % this.series().length] : "");
    }
  }
}

export function nextSort(now, column) {
  const first = ["number", "state"].includes(column) ? column : `-${column}`;
  if (now === first) return first.startsWith("-") ? column : `-${column}`;
  return first;
}

function band(cell, last) {
  const gap = last?.train_acc == null || last?.val_acc == null ? null : last.train_acc - last.val_acc;
  const grade = gap == null ? "" : gap > GAP_WIDE ? "bad" : gap > GAP_OPEN ? "warning" : "good";
  cell.firstElementChild.dataset.band = grade;
}

function took({ started_at: start, finished_at: end }) {
  if (!start) return "–";
  return duration(((end ? Date.parse(end) : Date.now()) - Date.parse(start)) / 1000);
}
