// The wall: one tile per trial, mounted only while in view. Arrow keys move between tiles; a click or Enter selects one.
import { ChartMenu } from "../charts/chart_menu.js";
import { drawSparkline, makeSparkline } from "../charts/sparkline.js";
import { make, setState, setText } from "../core/dom.js";
import { accuracy, setting } from "../core/format.js";
import { isPrinting, listenPrinting } from "../core/printing.js";
import { severityOf, TRIAL_STATES } from "../core/states.js";
import { bestFirst, isRanked, rowsOf } from "../data/trial_store.js";

const LEAST_TILE_WIDTH = 148; // pixels of a tile
const TILE_HEIGHT = 124;
const TILE_GAP = 8;
const ROWS_AHEAD = 1; // mounted beyond what is seen
const ROWS_PRINTED = 3; // beside what stands above them on the first sheet
const TILE_CURVE = { width: 148, height: 52 };

const ORDERS = {
  best: bestFirst,
  newest: (a, b) => b.number - a.number,
  worst: (a, b) => (isRanked(a) ? a.best_val_acc : 2) - (isRanked(b) ? b.best_val_acc : 2) || a.number - b.number,
  verdict: (a, b) => verdict(a).localeCompare(verdict(b)) || hope(b) - hope(a) || bestFirst(a, b),
};

export class Wall {
  constructor(element, { store, thinnedCurves, selection, series }) {
    Object.assign(this, { element, store, thinnedCurves, selection, series, tiles: new Map(), order: [], mode: "best" });
    this.inner = element.firstElementChild;
    new ChartMenu(element, { rows: () => rowsOf(this.order.map((number) => store.get(number)), ["verdict", "best_val_acc", "epochs_done", ...store.axes]) });
    this.active = 0; // place of the tile that Tab reaches
    element.addEventListener("scroll", () => this.scheduleDraw(), { passive: true });
    new ResizeObserver(() => (this.late ? this.arrange(true) : this.scheduleDraw())).observe(element);
    this.inner.addEventListener("click", (event) => this.click(event));
    this.inner.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("pointerleave", () => this.arrange());
    listenPrinting(() => this.draw());
    store.addEventListener("change", () => this.arrange());
    thinnedCurves.addEventListener("change", () => this.scheduleDraw());
    selection.addEventListener("change", () => this.arrange());
  }

  sort(mode) {
    this.mode = mode in ORDERS ? mode : "best";
    this.element.scrollTop = 0;
    this.active = 0;
    this.arrange(true);
  }

  // While somebody points at a tile or stands on one, tiles keep their places; new ones come last.
  arrange(now = false) {
    this.late = !this.element.clientWidth; // not in view
    if (this.late) return;
    const held = !now && this.order.length && (this.element.matches(":hover") || this.element.contains(document.activeElement));
    if (held) {
      const known = new Set(this.order);
      for (const trial of this.store.all()) if (!known.has(trial.number)) this.order.push(trial.number);
    } else {
      const shown = [...this.store.leaders()];
      if (this.mode !== "best") shown.sort(ORDERS[this.mode]);
      const { selection } = this;
      if (selection.hasBrush) shown.sort((a, b) => selection.holds(b) - selection.holds(a));
      this.order = shown.map((trial) => trial.number);
    }
    this.active = Math.min(this.active, Math.max(0, this.order.length - 1));
    this.scheduleDraw();
  }

  scheduleDraw() {
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); });
  }

  draw() {
    const { element, order } = this;
    if (!element.clientWidth) return; // not in view; it draws when it is
    this.across = Math.max(1, Math.floor((element.clientWidth - TILE_GAP) / (LEAST_TILE_WIDTH + TILE_GAP)));
    this.width = (element.clientWidth - TILE_GAP) / this.across - TILE_GAP;
    const [first, end] = this.rows(Math.ceil(order.length / this.across));
    const [from, to] = [first * this.across, Math.min(order.length, end * this.across)];
    const wanted = new Set(order.slice(from, to));
    if (!element.contains(document.activeElement)) this.active = Math.max(from, Math.min(to - 1, this.active)); // Tab reaches one that is there
    const focused = document.activeElement?.dataset?.number; // stays mounted while it has the focus
    for (const [number, tile] of this.tiles) {
      if (wanted.has(number) || String(number) === focused) continue;
      tile.remove();
      this.tiles.delete(number);
    }
    for (let place = from; place < to; place += 1) this.place(order[place], place);
    this.thinnedCurves.fetchMissing([...wanted].filter((number) => this.store.get(number).epochs_done > 0)).catch(() => {});
  }

  // The rows to be mounted, of so many: the first, and the one after the last.
  rows(all) {
    const shown = isPrinting() ? Math.min(all, ROWS_PRINTED) : all;
    this.inner.style.height = `${shown * (TILE_HEIGHT + TILE_GAP) + TILE_GAP}px`;
    if (shown < all) this.element.dataset.printed = `The first ${shown * this.across} of ${this.order.length} tiles; the table has all trials.`;
    else delete this.element.dataset.printed;
    if (isPrinting()) return [0, shown];
    const { scrollTop: top, clientHeight: height } = this.element;
    const row = (pixels) => Math.floor(pixels / (TILE_HEIGHT + TILE_GAP));
    return [Math.max(0, row(top) - ROWS_AHEAD), row(top + height) + 1 + ROWS_AHEAD];
  }

  place(number, place) {
    const trial = this.store.get(number);
    if (!this.tiles.has(number)) {
      const made = makeTile(number);
      this.tiles.set(number, made);
      this.inner.append(made);
    }
    const tile = this.tiles.get(number);
    const left = TILE_GAP + (place % this.across) * (this.width + TILE_GAP);
    const top = TILE_GAP + Math.floor(place / this.across) * (TILE_HEIGHT + TILE_GAP);
    tile.style.translate = `${left.toFixed(1)}px ${top}px`;
    tile.style.width = `${this.width.toFixed(1)}px`;
    tile.dataset.place = place;
    tile.tabIndex = place === this.active ? 0 : -1;
    tile.setAttribute("aria-posinset", place + 1);
    tile.setAttribute("aria-setsize", this.order.length);
    this.fill(tile, trial);
  }

  fill(tile, trial) {
    const picked = this.selection.place(trial.number);
    const held = this.selection.hasBrush && this.selection.holds(trial);
    tile.setAttribute("aria-selected", picked >= 0 || held ? "true" : "false");
    tile.classList.toggle("picked", picked >= 0);
    tile.classList.toggle("dim", Boolean(this.selection.hasBrush) && !held);
    tile.classList.toggle("excluded", trial.excluded);
    tile.style.setProperty("--swatch", picked >= 0 ? this.series()[picked % this.series().length] : "");
    const [picture, line, where] = tile.children;
    const curve = this.thinnedCurves.get(trial.number);
    drawSparkline(picture, trial.epochs_done > 0 && curve, { state: trial.state, end: this.store.end(trial), log: this.log, ...TILE_CURVE });
    setText(line.firstElementChild, accuracy(trial.best_val_acc));
    setState(line.lastElementChild, ...chip(trial));
    const progress = trial.state === "running" ? ` · ${trial.epochs_done}/${trial.epochs_total}` : "";
    const words = this.store.axes.slice(0, 2).map((name) => `${name} ${setting(name, trial.settings[name], 2)}`);
    words.forEach((said, n) => setText(where.children[n], said));
    tile.title = `#${trial.number} ${trial.state}${progress}${trial.verdict ? `, ${verdict(trial).replaceAll("-", " ")}` : ""} · ${words.join(" · ")}`;
    tile.setAttribute("aria-label", `trial ${trial.number}, ${trial.state}${progress}, val accuracy ${accuracy(trial.best_val_acc)}, ${words.join(", ")}`);
  }

  click(event) {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    this.active = Number(tile.dataset.place);
    this.selection.pick(Number(tile.dataset.number), event);
    tile.focus({ preventScroll: true });
  }

  key(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.across, ArrowUp: -this.across };
    const page = this.across * Math.max(1, Math.floor(this.element.clientHeight / (TILE_HEIGHT + TILE_GAP)));
    const to = {
      Home: 0, End: this.order.length - 1, PageDown: this.active + page, PageUp: this.active - page,
      ...Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, this.active + step])),
    }[event.key];
    const tile = event.target.closest(".tile");
    if (to !== undefined) this.walk(Math.max(0, Math.min(this.order.length - 1, to)));
    else if (tile && (event.key === "Enter" || event.key === " ")) this.selection.pick(Number(tile.dataset.number), event);
    else return;
    event.preventDefault();
  }

  // From tile to tile by key, from wherever the focus is.
  step(by) {
    const inside = this.element.contains(document.activeElement);
    if (this.order.length) this.walk(Math.max(0, Math.min(this.order.length - 1, inside ? this.active + by : this.active)));
  }

  // The number of the tile that has the focus.
  get current() {
    const { number } = document.activeElement.closest("#wall .tile")?.dataset ?? {};
    return number === undefined ? null : Number(number);
  }

  walk(place) {
    this.active = place;
    const top = Math.floor(place / this.across) * (TILE_HEIGHT + TILE_GAP);
    const { element } = this;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + TILE_HEIGHT + 2 * TILE_GAP > element.scrollTop + element.clientHeight) element.scrollTop = top + TILE_HEIGHT + 2 * TILE_GAP - element.clientHeight;
    this.draw();
    this.tiles.get(this.order[place])?.focus({ preventScroll: true });
    this.draw();
  }
}

function makeTile(number) {
  return make("div", { class: "tile", role: "option", "data-number": number, id: `tile-${number}` },
    makeSparkline(TILE_CURVE.width, TILE_CURVE.height),
    make("div", { class: "line" }, make("b"), make("span", { class: "state" })),
    make("div", { class: "where" }, make("div"), make("div")));
}

// The verdict in a word with the icon of how grave it is. While a trial runs, its state, unless it explodes.
function chip(trial) {
  const tone = severityOf(trial.verdict);
  const explodes = trial.state === "running" && tone === "bad";
  return trial.verdict && (trial.state === "finished" || explodes) ? [tone, trial.verdict.replaceAll("-", " ")] : [trial.state];
}

// The place of its end among all, the most hopeful first.
function hope(trial) { return TRIAL_STATES.indexOf(trial.state); }

function verdict(trial) { return trial.verdict || ""; }
