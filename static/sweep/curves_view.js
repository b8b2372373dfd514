// The curves view: the train loss of many trials in one chart, and the gap between train and val accuracy in another.
import { Chart } from "../charts/chart.js";
import { fillOverlay } from "../charts/overlay.js";
import { $, setText } from "../core/dom.js";
import { gap } from "../data/curves.js";
import { parameter, setParameters } from "../data/selection.js";
import { ThinnedCurves } from "../data/thinned_curves.js";
import { bestFirst, isRanked, sampleByRank } from "../data/trial_store.js";

const MOST_CURVES = 600; // curves drawn at a time
const LEADING_CURVES = 100; // of them the best, the rest evenly by rank
const CURVE_POINTS = [40, 500]; // of a curve, in the largest crowd and alone; the selected have the most
const ALL_POINTS = 24_000; // points of all curves
const METRICS = ["data_loss", "train_acc", "val_acc"];

export class CurvesView {
  constructor({ sweep, store, selection, figures, series, best }) {
    Object.assign(this, { sweep, store, selection, series, best });
    this.points = Math.max(CURVE_POINTS[0], Math.min(CURVE_POINTS[1], Math.floor(ALL_POINTS / store.length)));
    this.byEpoch = new ThinnedCurves(sweep().id, METRICS, this.points);
    const chart = (id, shells, options) => {
      const made = new Chart($(id), shells, (shell) => fillOverlay(shell, { ...this.chartOptions(), ...options() }));
      made.onPick = (number, event) => selection.pick(number, event);
      return made;
    };
    this.charts = [
      chart("#loss", figures.loss, () => ({ column: (curve) => curve.data_loss, log: parameterIs("y", "log"), smooth: parameterIs("smooth", "on"), clip: true })),
      chart("#gap", figures.gap, () => ({ column: gap })),
    ];
    this.listen();
    this.update();
  }

  get thinnedCurves() { return parameterIs("x", "time") ? this.byTime : this.byEpoch; }

  listen() {
    for (const [id, name, on] of [["#log-loss", "y", "log"], ["#smooth", "smooth", "on"]]) {
      const button = $(id);
      const show = () => button.setAttribute("aria-pressed", String(parameterIs(name, on)));
      button.addEventListener("click", () => { setParameters({ [name]: parameterIs(name, on) ? "" : on }); show(); this.charts[0].update(true); });
      show();
    }
    const by = $("#by");
    by.value = parameter("x");
    by.addEventListener("change", () => { setParameters({ x: by.value }); this.update(); });
    this.byEpoch.addEventListener("change", () => this.redraw());
    if (parameterIs("x", "time")) this.prepareTimes();
  }

  prepareTimes() {
    if (this.byTime) return;
    this.byTime = new ThinnedCurves(this.sweep().id, METRICS, this.points, true);
    this.byTime.addEventListener("change", () => this.redraw());
  }

  // Fetches what is to be drawn and is not here yet; what is here is drawn at once.
  update() {
    if (parameterIs("x", "time")) this.prepareTimes();
    const fine = [...this.selection.numbers].filter((number) => this.store.get(number)?.epochs_done);
    const { thinnedCurves } = this;
    thinnedCurves.fetchMissing(fine, CURVE_POINTS[1]).then(() => thinnedCurves.fetchMissing(this.visibleTrials().map((trial) => trial.number))).catch(() => {});
    this.redraw(true);
  }

  redraw(now = false) {
    for (const chart of this.charts) chart.update(now);
    this.updateTakeaways();
  }

  clear() {
    this.byEpoch.clear();
    this.byTime?.clear();
  }

  receive(row) {
    this.byEpoch.receive(row);
    this.byTime?.receive(row);
  }

  // Those of which there is a curve; of a crowd the best, the selected, and some of every rank.
  visibleTrials() {
    const { store, selection } = this;
    const begun = [...store.all()].filter((trial) => hasCurve(trial) && (!selection.hasBrush || selection.holds(trial) || selection.numbers.has(trial.number)));
    return sampleByRank(begun, MOST_CURVES, LEADING_CURVES);
  }

  chartOptions() {
    const time = parameterIs("x", "time");
    const trials = this.visibleTrials();
    const total = time ? 0 : Math.max(0, ...trials.map((trial) => trial.epochs_done));
    return {
      trials, total, curves: this.thinnedCurves, best: this.best(), selected: this.selection.numbers, series: this.series(),
      x: (curve) => (time ? curve.elapsed : curve.epoch), across: time ? "seconds of training" : "epoch",
    };
  }

  updateTakeaways() {
    const begun = [...this.store.all()].filter(hasCurve).length;
    const drawn = this.visibleTrials().length;
    const diverged = this.sweep().counts.diverged || 0;
    const running = this.sweep().counts.running || 0;
    let words = running ? `No trial has finished an epoch yet; ${running} running.` : "No trial has started yet.";
    if (begun) {
      words = drawn < begun ? `${drawn} of ${begun} curves${this.selection.hasBrush ? " that are selected" : ": the best, and some of every rank"}` : begun === 1 ? "1 curve" : `${begun} curves`;
      words += diverged ? `; ${diverged} diverged, marked × at the top edge.` : ", coloured by val accuracy.";
    }
    setText($("#loss-takeaway"), words);
    setText($("#gap-takeaway"), this.gapTakeaway());
  }

  gapTakeaway() {
    const leaders = [...this.store.all()].filter(isRanked).sort(bestFirst).slice(0, 10);
    const gaps = leaders.map((trial) => this.thinnedCurves.get(trial.number)).filter(Boolean).map((curve) => gap(curve).at(-1)).filter((value) => value != null);
    if (!gaps.length) return "Growing: it overfits; none: try a larger net.";
    const mean = gaps.reduce((sum, value) => sum + value, 0) / gaps.length;
    const who = gaps.length === 1 ? "The best trial ends" : `The best ${gaps.length} end`;
    return `${who} with a gap of ${mean.toFixed(2)}; above the line it is big, in the band there is none.`;
  }
}

function hasCurve(trial) { return trial.epochs_done > 0 && !trial.excluded; }

function parameterIs(name, value) { return parameter(name) === value; }
