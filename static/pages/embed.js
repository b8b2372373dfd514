// One live chart of a sweep, alone on a page that other sites may frame. It has no controls.
import { Chart, theme } from "../charts/chart.js";
import { fillOverlay } from "../charts/overlay.js";
import { fillScatter } from "../charts/scatters.js";
import { get } from "../core/api.js";
import { $, attempt, data, retry, setLink, setText } from "../core/dom.js";
import { accuracy } from "../core/format.js";
import { follow } from "../core/live.js";
import { countEnded } from "../core/states.js";
import { gap } from "../data/curves.js";
import { ThinnedCurves } from "../data/thinned_curves.js";
import { bestFirst, TrialStore } from "../data/trial_store.js";

const MOST_TRIALS = 300; // trials drawn, the best first
const EMBED_POINTS = 60; // of a curve

const page = data();
let { sweep } = page;
const [x, y] = page.axes;
const store = new TrialStore(sweep, page.axes, page.first);
const thinnedCurves = new ThinnedCurves(sweep.id, ["data_loss", "train_acc", "val_acc"], EMBED_POINTS);

const visibleTrials = () => [...store.all()].sort(bestFirst).slice(0, MOST_TRIALS);
const chartOptions = () => ({ trials: visibleTrials(), best: sweep.best?.number ?? null, selected: new Set(), series: page.series[theme()], space: sweep.space });
const curveChart = (own) => (shell) => {
  const trials = visibleTrials().filter((trial) => trial.epochs_done > 0);
  const total = Math.max(0, ...trials.map((trial) => trial.epochs_done));
  return fillOverlay(shell, { ...chartOptions(), trials, curves: thinnedCurves, x: (curve) => curve.epoch, across: "epoch", total, ...own });
};
const fillers = {
  loss: curveChart({ column: (curve) => curve.data_loss, clip: true }),
  gap: curveChart({ column: gap }),
  scatter: (shell) => fillScatter(shell, { ...chartOptions(), x, y: "best_val_acc" }),
  pair: (shell) => fillScatter(shell, { ...chartOptions(), x, y }),
};
const chart = new Chart($("#chart"), page.figure, fillers[page.chart]);
const hasCurves = page.chart === "loss" || page.chart === "gap";

function show() {
  const crowd = store.length > MOST_TRIALS ? `; the best ${MOST_TRIALS} are drawn` : "";
  setText($("#takeaway"), `${countEnded(sweep.counts)} of ${store.length} trials ended, best val accuracy ${accuracy(sweep.best?.best_val_acc)}${crowd}.`);
  chart.update();
}

async function load() {
  await store.load();
  if (hasCurves) await thinnedCurves.fetchMissing(visibleTrials().filter((trial) => trial.epochs_done).map((trial) => trial.number));
  show();
}

function receive(batch) {
  for (const { kind, row } of batch) {
    if (kind === "epoch") thinnedCurves.receive(row);
    if (kind === "trial") store.receive(row);
    if (kind === "sweep" && row.id === sweep.id) sweep = row;
  }
  show();
}

async function restart() {
  thinnedCurves.clear(); // at once: the next live rows do not follow on what is here
  sweep = await get(`/api/sweeps/${sweep.id}`);
  await load();
}

attempt(async () => {
  await retry(load);
  follow({ sweeps: [sweep.id], cursor: page.cursor, onBatch: receive, onReset: () => attempt(() => retry(restart)), onLink: setLink });
});
