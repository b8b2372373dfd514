// The settings view: all settings in parallel, each against val accuracy, two against each other, and their importance.
import { Chart } from "../charts/chart.js";
import { scaleOf } from "../charts/scales.js";
import { fillScatter } from "../charts/scatters.js";
import { mapTakeaway, scatterTakeaway } from "../charts/takeaways.js";
import { $, $$, make, setText, throttle } from "../core/dom.js";
import { parameter, setParameters } from "../data/selection.js";
import { bestFirst, rowsOf, sampleByRank } from "../data/trial_store.js";
import { Parallel } from "./parallel.js";

const MOST_POINTS = 2500; // points drawn at a time
const LEADING_POINTS = 500; // of them the best, the rest evenly by rank
const TAKEAWAY_MS = 1000; // between new sentences while trials train

export class SettingsView {
  constructor({ sweep, store, selection, figures, palettes, axes, series, best, importance }) {
    Object.assign(this, { sweep, store, selection, axes, series, best });
    this.parallel = new Parallel($("#parallel"), { store, selection, space: sweep().space, palettes });
    const chart = (id, shells, names) => {
      const made = new Chart($(id), shells, (shell) => {
        const [x, y] = names();
        shell.layout.dragmode = "select";
        return fillScatter(shell, { ...this.chartOptions(), x, y });
      }, () => rowsOf(this.visibleTrials().filter((trial) => !trial.excluded && trial.state !== "queued").sort(bestFirst), [...new Set([...names(), "best_val_acc"])]));
      made.onPick = (number, event) => selection.pick(number, event);
      made.onBrush = ({ x, y }) => selection.brush(Object.fromEntries(names().map((name, n) => [name, range([x, y][n], made.element.layout[["xaxis", "yaxis"][n]])])));
      return made;
    };
    const axis = (place) => parameter(`axis-${place}`, axes[place] || axes[0]);
    this.refreshTakeaways = throttle(() => this.updateTakeaways(), TAKEAWAY_MS);
    const selects = $$("[data-axis]");
    for (const select of selects) select.value = axis(Number(select.dataset.axis));
    this.charts = [
      chart("#by-a", figures.scatter, () => [axis(0), "best_val_acc"]),
      chart("#by-b", figures.scatter, () => [axis(1), "best_val_acc"]),
      chart("#pair", figures.pair, () => [axis(0), axis(1)]),
    ];
    for (const select of selects) {
      select.addEventListener("change", () => { setParameters({ [`axis-${select.dataset.axis}`]: select.value }); this.update(); });
    }
    this.showImportance(importance());
    this.update();
  }

  update() {
    this.parallel.update();
    for (const chart of this.charts) chart.update(true);
    this.updateTakeaways();
  }

  redraw() {
    this.parallel.update();
    for (const chart of this.charts) chart.update();
    this.refreshTakeaways();
  }

  // All trials, or those inside the brush.
  visibleTrials() { return [...this.store.all()].filter((trial) => !this.selection.hasBrush || this.selection.holds(trial)); }

  updateTakeaways() {
    const shown = this.visibleTrials();
    const note = shown.length > MOST_POINTS ? ` Drawn are ${MOST_POINTS} of ${shown.length}: the best, and some of every rank.` : "";
    const scales = [0, 1].map((place) => scaleOf($(`#axis-${place}`).value, this.store, this.sweep().space));
    scales.forEach((scale, place) => setText($(`#scatter-${place}-takeaway`), scatterTakeaway(shown, scale) + note));
    setText($("#pair-takeaway"), mapTakeaway(shown, scales));
  }

  chartOptions() {
    return { trials: sampleByRank(this.visibleTrials(), MOST_POINTS, LEADING_POINTS), best: this.best(), selected: this.selection.numbers, series: this.series(), space: this.sweep().space };
  }

  showImportance(importance) {
    const list = $("#importance");
    if (!importance?.shares?.length) {
      setText($("#importance-takeaway"), importance ? `Too few trials to tell: ${importance.trials} have ended.` : "Said as soon as trials have ended.");
      list.replaceChildren();
      return;
    }
    setText($("#importance-takeaway"), `How the best ${importance.top} of ${importance.trials} ended trials differ from the rest, by setting.`);
    list.replaceChildren(...importance.shares.map(({ parameter: name, share, matters }) => {
      const bar = make("i", { style: `inline-size:${Math.max(0.5, 100 * share)}%` });
      const words = matters ? `${Math.round(100 * share)} %` : `${Math.round(100 * share)} %, may be chance`;
      return make("li", { class: matters ? "" : "quiet" }, make("b", {}, name), make("span", { class: "share", "aria-hidden": "true" }, bar), make("span", { class: "number" }, words));
    }));
  }
}

// Of words there is no range.
function range(ends, { type }) {
  if (type === "category") return null;
  const [low, high] = ends.map(Number);
  return Number.isFinite(low) && Number.isFinite(high) ? [Math.min(low, high), Math.max(low, high)] : null;
}
