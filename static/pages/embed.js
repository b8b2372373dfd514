// One live chart of a sweep on a page of its own: framed by pages of other sites, so it shows and steers nothing.
import { Chart, theme } from "../charts/chart.js";
import { fillOverlay } from "../charts/overlay.js";
import { fillScatter } from "../charts/scatters.js";
import { get } from "../core/api.js";
import { $, attempt, data, insist, setLink, setText } from "../core/dom.js";
import { accuracy } from "../core/format.js";
import { follow } from "../core/live.js";
import { gap } from "../data/curves.js";
import { Sketches } from "../data/thinned_curves.js";
import { bestFirst, Board } from "../data/trial_store.js";

const MOST = 300; // trials drawn, the best first
const POINTS = 60; // of a curve

const page = data();
let { sweep } = page;
const [x, y] = page.axes;
const board = new Board(sweep, page.axes, page.first);
const sketches = new Sketches(sweep.id, ["data_loss", "train_acc", "val_acc"], POINTS);

const drawn = () => [...board.all()].sort(bestFirst).slice(0, MOST);
const common = () => ({ trials: drawn(), best: sweep.best?.number ?? null, selected: new Set(), series: page.series[theme()], space: sweep.space });
const curves = (own) => (shell) => {
  const trials = drawn().filter((trial) => trial.epochs_done > 0);
  const total = Math.max(0, ...trials.map((trial) => trial.epochs_done));
  return fillOverlay(shell, { ...common(), trials, curves: sketches, x: (curve) => curve.epoch, across: "epoch", total, ...own });
};
const fillers = {
  loss: curves({ column: (curve) => curve.data_loss, clip: true }),
  gap: curves({ column: gap }),
  scatter: (shell) => fillScatter(shell, { ...common(), x, y: "best_val_acc" }),
  pair: (shell) => fillScatter(shell, { ...common(), x, y }),
};
const chart = new Chart($("#chart"), page.figure, fillers[page.chart]);
const hasCurves = page.chart === "loss" || page.chart === "gap";

function show() {
  const { queued = 0, running = 0 } = sweep.counts;
  const ended = board.length - queued - running;
  const crowd = board.length > MOST ? `; the best ${MOST} are drawn` : "";
  setText($("#takeaway"), `${ended} of ${board.length} trials ended, best val accuracy ${accuracy(sweep.best?.best_val_acc)}${crowd}.`);
  chart.update();
}

async function load() {
  await board.load();
  if (hasCurves) await sketches.want(drawn().filter((trial) => trial.epochs_done).map((trial) => trial.number));
  show();
}

function receive(batch) {
  for (const { kind, row } of batch) {
    if (kind === "epoch") sketches.receive(row);
    if (kind === "trial") board.receive(row);
    if (kind === "sweep" && row.id === sweep.id) sweep = row;
  }
  show();
}

async function restart() {
  sketches.clear(); // at once: the next live rows do not follow on what is here
  sweep = await get(`/api/sweeps/${sweep.id}`);
  await load();
}

attempt(async () => {
  await insist(load);
  follow({ sweeps: [sweep.id], cursor: page.cursor, onBatch: receive, onReset: () => attempt(() => insist(restart)), onLink: setLink });
});
