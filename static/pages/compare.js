// The compare page: two to twenty trials side by side, their curves and the settings that differ.
import { byRole, Chart, epochAxis, theme } from "../charts/chart.js";
import { highestAccuracyTakeaway, lowestLossTakeaway } from "../charts/takeaways.js";
import { get } from "../core/api.js";
import { $, $$, attempt, data, make, retry, setLink, setState, setText } from "../core/dom.js";
import { loss, NONE } from "../core/format.js";
import { follow } from "../core/live.js";
import { Curves, maximum } from "../data/curves.js";
import { parameter, setParameters } from "../data/selection.js";

const page = data();
const curves = new Map(page.trials.map((trial) => [trial.id, new Curves()]));
const series = () => page.series[theme()];

const lines = (column, clip) => (figure) => {
  const model = byRole(figure, "series");
  const crosses = figure.data.find((trace) => trace.yaxis === "y2");
  const traces = page.trials.map((trial, n) => {
    const curve = curves.get(trial.id).get(trial.number);
    const trace = structuredClone(model);
    trace.line.color = series()[n % series().length];
    trace.line.dash = n >= series().length ? "dash" : "solid";
    Object.assign(trace, { x: curve.epoch, y: column(curve), customdata: curve.epoch.map(() => trial.number) });
    if (curve.epoch.length < 2) trace.mode = "lines+markers";
    if (trial.state === "diverged" && curve.epoch.length) {
      crosses.x.push(curve.epoch.length);
      crosses.y.push(1);
      (crosses.customdata ??= []).push(trial.number);
    }
    return trace;
  });
  figure.data = [...traces, crosses];
  epochAxis(figure, Math.max(0, ...traces.map((trace) => trace.x.length)));
  const living = page.trials.filter((trial) => trial.state !== "diverged");
  const tops = living.flatMap((trial) => column(curves.get(trial.id).get(trial.number))).filter((value) => value != null);
  if (clip && tops.length) figure.layout.yaxis.autorangeoptions = { clipmax: maximum(tops) * 1.05 };
  return figure;
};

let logLoss = false;
const fillLoss = lines((curve) => curve.data_loss, true);
const charts = [
  new Chart($("#loss"), page.figures.loss, (figure) => {
    const filled = fillLoss(figure);
    if (logLoss) Object.assign(filled.layout.yaxis, { type: "log", autorangeoptions: {} });
    filled.layout.yaxis.uirevision = String(logLoss);
    return filled;
  }),
  new Chart($("#accuracy"), page.figures.accuracy, lines((curve) => curve.val_acc)),
];
const redraw = () => {
  charts.forEach((chart) => chart.update());
  const living = page.trials.filter((trial) => trial.state !== "diverged").map((trial) => [trial.number, curves.get(trial.id).get(trial.number)]);
  const says = { loss: lowestLossTakeaway(living.map(([number, curve]) => [number, curve.data_loss])), accuracy: highestAccuracyTakeaway(living.map(([number, curve]) => [number, curve.val_acc])) };
  for (const [name, words] of Object.entries(says)) if (words) setText($(`#${name}-takeaway`), words);
};

function showSwatches() {
  $$("[data-swatch]").forEach((ring) => ring.style.setProperty("--swatch", series()[Number(ring.dataset.swatch) % series().length]));
}

// --- results, and how far the others are from the baseline

const DIGITS = { data_loss: 4, val_loss: 4, seconds: 1 };
const baseline = () => Number(parameter("baseline")) || null;

// Of a trial that diverged the last epoch was cut short: its losses are what they are, its accuracies say nothing.
function value(trial, name) {
  const last = trial.state === "diverged" && !isLoss(name) ? {} : trial.last || {};
  if (name === "best_val_acc") return trial.best_val_acc;
  if (name === "gap") return last.train_acc == null || last.val_acc == null ? null : last.train_acc - last.val_acc;
  if (name === "seconds") return trial.finished_at ? (Date.parse(trial.finished_at) - Date.parse(trial.started_at)) / 1000 : null;
  return last[name] ?? null;
}

const isLoss = (name) => name.endsWith("loss");
const words = (trial, name, own) => (isLoss(name) ? loss(own, trial.last?.flags?.[name]) : own == null ? NONE : own.toFixed(DIGITS[name] ?? 3));

function showResults() {
  for (const trial of page.trials) setState($(`[data-state-of="${trial.id}"]`), trial.state);
  const pinned = page.trials.find((trial) => trial.id === baseline());
  for (const row of $$("[data-result]")) {
    const name = row.dataset.result;
    const digits = DIGITS[name] ?? 3;
    const from = pinned && value(pinned, name);
    for (const trial of page.trials) {
      const own = value(trial, name);
      const cell = $(`[data-trial="${trial.id}"]`, row);
      cell.replaceChildren(words(trial, name, own));
      if (from == null || own == null || trial === pinned) continue;
      const sign = own < from ? "−" : "+";
      cell.append(" ", make("span", { class: "quiet small" }, `${sign}${Math.abs(own - from).toFixed(digits)}`));
    }
  }
  for (const button of $$("[data-baseline]")) button.setAttribute("aria-pressed", String(Number(button.dataset.baseline) === baseline()));
}

for (const button of $$("[data-baseline]")) {
  button.addEventListener("click", () => {
    const id = Number(button.dataset.baseline);
    setParameters({ baseline: id === baseline() ? "" : id });
    showResults();
  });
}

async function load() {
  await Promise.all(page.trials.map(async (trial) => {
    const { epochs } = await get(`/api/trials/${trial.id}/epochs`);
    epochs.forEach((row) => curves.get(trial.id).add(row));
  }));
  redraw();
}

async function restart() {
  for (const known of curves.values()) known.byNumber.clear();
  page.trials = await Promise.all(page.trials.map((trial) => get(`/api/trials/${trial.id}`)));
  showResults();
  await load();
}

function receive(batch) {
  for (const { kind, row } of batch) {
    if (kind === "epoch") curves.get(row.trial_id)?.add(row);
    if (kind === "trial") page.trials = page.trials.map((trial) => (trial.id === row.id ? row : trial));
  }
  showResults();
  redraw();
}

$("#log-loss")?.addEventListener("click", (event) => {
  logLoss = !logLoss;
  event.currentTarget.setAttribute("aria-pressed", String(logLoss));
  charts[0].update(true);
});
$("#hide-equal")?.addEventListener("change", (event) => {
  $$("tr.equal").forEach((row) => { row.hidden = event.target.checked; });
});
document.documentElement.addEventListener("themechange", showSwatches);
showSwatches();
showResults();
if (page.trials.length) {
  attempt(() => retry(load));
  const sweeps = [...new Set(page.trials.map((trial) => trial.sweep_id))];
  follow({ sweeps, cursor: page.cursor, onBatch: receive, onReset: () => attempt(() => retry(restart)), onLink: setLink });
}
