// The page of one trial: its curves, growing while it trains, and its findings.
import { byRole, Chart, epochAxis, theme } from "../charts/chart.js";
import { accuracyTakeaway, lossTakeaway, rateTakeaway, ratioTakeaway } from "../charts/takeaways.js";
import { listenActions, showActions, TRIAL_QUESTIONS, trialActions } from "../components/action_buttons.js";
import { dialog } from "../components/dialog.js";
import { fillFindings } from "../components/findings.js";
import { parseNumber } from "../components/space_rows.js";
import { get, post, request } from "../core/api.js";
import { $, attempt, data, fill, retry, setLink, setState, setText, throttle } from "../core/dom.js";
import { accuracy, loss, setting, signedNumber } from "../core/format.js";
import { follow } from "../core/live.js";
import { mark } from "../core/states.js";
import { Curves, maximum, minimum } from "../data/curves.js";

const page = data();
let trial = page.trial;
let curves = new Curves();
const curve = () => curves.get(trial.number);
const series = () => page.series[theme()];

// --- charts

const PENALTY_SEEN = 0.01; // of the train loss: a smaller penalty needs no line and no word of its own
const hasPenalty = (cost, train) => cost != null && train != null && cost - train > PENALTY_SEEN * train;

// Train and val loss are like for like; the cost that is minimised has the penalty on top of the first.
function lossFigure(figure) {
  const { trace, loss: cost, data_loss: train, val_loss: val } = curve();
  const raw = byRole(figure, "raw");
  trace.forEach((buckets, epoch) => buckets.forEach(([low, mean, high], n) => {
    const x = epoch + (n + 0.5) / buckets.length;
    push(byRole(figure, "band-low"), x, low);
    push(byRole(figure, "band"), x, high);
    push(raw, x, mean);
  }));
  const apart = cost.some((value, epoch) => hasPenalty(value, train[epoch]));
  if (apart) cost.forEach((value, epoch) => push(byRole(figure, "cost"), epoch + 0.5, value));
  else byRole(figure, "cost").showlegend = false;
  train.forEach((value, epoch) => push(byRole(figure, "train"), epoch + 0.5, value)); // a mean over the epoch
  val.forEach((value, epoch) => push(byRole(figure, "val"), epoch + 1, value)); // measured at its end
  if (trial.state === "diverged" && train.length) {
    const crosses = figure.data.find(({ yaxis }) => yaxis === "y2");
    push(crosses, train.length, 1);
    crosses.customdata = [trial.number];
  }
  markLoneEpoch(figure, ["cost", "train", "val"], train.length);
  epochAxis(figure, train.length, 0);
  if (logLoss) figure.layout.yaxis.type = "log";
  else figure.layout.yaxis.autorangeoptions = limits(curve());
  figure.layout.yaxis.uirevision = String(logLoss);
  return figure;
}

const ABOVE = 2; // times the losses: a cost that is larger leaves at the top of the axis

// Neither the first mini-batches nor a cost that explodes nor a huge penalty may squash the axis.
function limits({ trace, loss: cost, data_loss: train, val_loss: val }) {
  const whole = trial.state === "diverged" ? train.length - 1 : train.length;
  const known = (series) => series.slice(0, whole).filter((value) => value != null);
  const values = [...known(train), ...known(val)];
  const highest = ABOVE * maximum(values);
  values.push(...known(cost).filter((value) => value < highest));
  const first = trace[0]?.[0]?.[1];
  if (first != null && whole < train.length) values.push(first, first * (trial.settings.explosion || 3));
  if (!values.length) return {};
  const lows = trace.flat().map(([low]) => low).filter((low) => low != null);
  const low = Math.min(minimum(values), minimum(lows));
  const high = maximum(values);
  const margin = 0.1 * (high - low || 1);
  return { minallowed: Math.max(0, low - margin), maxallowed: high + margin };
}

function accuracyFigure(figure) {
  const { train_acc: train, val_acc: val } = curve();
  train.forEach((value, n) => push(byRole(figure, "train"), n + 1, value));
  val.forEach((value, n) => push(byRole(figure, "val"), n + 1, value));
  if (trial.best_epoch != null) push(byRole(figure, "best"), trial.best_epoch, val[trial.best_epoch - 1]);
  epochAxis(figure, train.length);
  markLoneEpoch(figure, ["train", "val"], train.length);
  const lowest = minimum([...train, ...val].filter((value) => value != null));
  if (Number.isFinite(lowest)) figure.layout.yaxis.autorangeoptions = { minallowed: Math.max(0, lowest - 0.1 * (1 - lowest) - 0.01), maxallowed: 1 };
  return figure;
}

function rateFigure(figure) {
  const { lr } = curve();
  lr.forEach((value, n) => push(byRole(figure, "lr"), n, value)); // a step lasts from the epoch's begin to its end
  if (lr.length) push(byRole(figure, "lr"), lr.length, lr.at(-1));
  epochAxis(figure, lr.length, 0);
  return figure;
}

function ratioFigure(figure) {
  const model = figure.data.pop();
  const ratios = curve().update_ratio;
  const names = [...new Set(ratios.flatMap((row) => Object.keys(row)))].sort();
  names.forEach((name, n) => {
    const line = structuredClone(model);
    Object.assign(line, { name, x: ratios.map((_, epoch) => epoch + 1), y: ratios.map((row) => row[name] ?? null) });
    line.line.color = series()[n % series().length];
    if (ratios.length < 2) line.mode = "lines+markers";
    figure.data.push(line);
  });
  epochAxis(figure, names.length && ratios.length);
  return figure;
}

function push(trace, x, y) {
  trace.x.push(x);
  trace.y.push(y);
}

function markLoneEpoch(figure, roles, epochs) {
  if (epochs < 2) roles.forEach((role) => { byRole(figure, role).mode = "lines+markers"; });
}

let logLoss = false;
const charts = {
  loss: new Chart($("#loss"), page.figures.loss, lossFigure),
  accuracy: new Chart($("#accuracy"), page.figures.accuracy, accuracyFigure),
  rate: new Chart($("#rate"), page.figures.rate, rateFigure),
  ratio: new Chart($("#ratio"), page.figures.ratio, ratioFigure),
};
const redraw = () => {
  Object.values(charts).forEach((chart) => chart.update());
  updateTakeaways();
};

function updateTakeaways() {
  const { loss: cost, data_loss: train, val_loss: val } = curve();
  const highest = ABOVE * Math.max(maximum(train), maximum(val));
  const away = !logLoss && trial.state !== "diverged" && cost.length > 0 && cost.every((value) => value > highest);
  setText($("#loss-takeaway"), lossTakeaway(curve(), away));
  setText($("#accuracy-takeaway"), accuracyTakeaway(curve(), train.length - (trial.state === "diverged")));
  setText($("#ratio-takeaway"), ratioTakeaway(curve()));
  setText($("#rate-takeaway"), rateTakeaway(curve(), trial.settings.schedule));
}

$("#log-loss").addEventListener("click", (event) => {
  logLoss = !logLoss;
  event.currentTarget.setAttribute("aria-pressed", String(logLoss));
  charts.loss.update(true);
  updateTakeaways();
});

// --- words

function showTrial() {
  setState($("#state"), trial.state);
  const last = trial.last || {};
  const whole = trial.state !== "diverged" && last.train_acc != null && last.val_acc != null;
  const wide = whole ? last.train_acc - last.val_acc : null;
  fill(document, {
    best: accuracy(trial.best_val_acc),
    "best-note": trial.best_epoch ? `in epoch ${trial.best_epoch}` : "",
    epochs: `${trial.epochs_done} / ${trial.settings.epochs}`,
    "epochs-note": trial.attempt > 1 ? `attempt ${trial.attempt}` : "",
    loss: loss(last.data_loss, last.flags?.data_loss),
    "loss-note": [last.val_loss != null && `val ${last.val_loss.toPrecision(3)}`, hasPenalty(last.loss, last.data_loss) && `cost ${last.loss.toPrecision(3)}`].filter(Boolean).join(", "),
    gap: signedNumber(wide),
    "gap-note": !whole ? "" : `train ${accuracy(last.train_acc)}, val ${accuracy(last.val_acc)}`,
  });
  const track = $("#epochs-track");
  track.max = trial.settings.epochs;
  track.value = trial.epochs_done;
  track.dataset.tone = mark(trial.state).tone;
  const reason = $("#reason");
  reason.hidden = !trial.reason;
  setText(reason, trial.reason || "");
  showActions($("#actions"), trialActions(trial));
  $("#excluded").hidden = !trial.excluded;
  for (const part of [$("#downloads"), $("#take")]) part.hidden = !trial.has_model;
  document.title = `${trial.state === "running" ? `(${trial.epochs_done}/${trial.settings.epochs}) ` : ""}#${trial.number} of ${page.sweep.name} · Lossdeck`;
}

// The lines and the weights stand below the charts: nothing is asked for them while they are not seen.
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) target.inView = isIntersecting;
  attempt(() => Promise.all([showLines(), showWeights()]));
}, { rootMargin: "100px" });
for (const part of [$("#lines"), $("#weights-panel")]) seen.observe(part);

async function showLines() {
  if (!$("#lines").inView) return;
  const answer = await request(`/api/trials/${trial.id}/transcript`);
  if (!answer.ok) return;
  const lines = (await answer.text()).trimEnd();
  const box = $("#lines");
  const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
  setText(box, lines || "The lines appear as the epochs end.");
  if (atEnd) box.scrollTop = box.scrollHeight;
}

async function showFindings() {
  const { findings } = await get(`/api/trials/${trial.id}/findings`);
  fillFindings($("#findings"), findings, "Nothing yet: the first finding comes with the first epoch.");
}

async function showWeights() {
  const picture = $("#weights");
  if (!picture || !$("#weights-panel").inView) return;
  const none = trial.epochs_done === 0 && !trial.has_model;
  if (none) picture.hidden = true;
  $("#no-weights").hidden = !picture.hidden;
  if (none) return;
  const answer = await request(`/trials/${trial.id}/weights.png?epoch=${trial.epochs_done}`);
  if (answer.status !== 200) return; // no model is kept, and no checkpoint holds it now
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(await answer.blob());
  picture.hidden = false;
  $("#no-weights").hidden = true;
}

for (const cell of document.querySelectorAll("[data-setting]")) {
  setText(cell, setting(cell.dataset.setting, trial.settings[cell.dataset.setting]));
}

// --- data

const TRACES_MS = 3000; // between looks at what the mini-batches cost
const WORDS_MS = 1000; // between looks at findings, lines and weights

let cursor = 0; // up to which its epochs are here with their traces

// The stream brings every epoch without its trace. This brings the traces since, and whatever else is missing.
async function loadEpochs() {
  const into = curves;
  const answer = await get(`/api/trials/${trial.id}/epochs?after=${cursor}`);
  if (into !== curves) return; // all is read anew meanwhile
  answer.epochs.forEach((row) => curves.add(row));
  cursor = answer.cursor;
  redraw();
}

const refreshEpochs = throttle(() => attempt(loadEpochs), TRACES_MS);

const refreshWords = throttle(() => attempt(async () => {
  await showLines();
  await showFindings();
  await showWeights();
}), WORDS_MS);

// Are all epochs here that the trial has? Else what comes next would be drawn with a gap before it.
function isWhole() {
  const { epoch } = curve();
  return epoch.length >= trial.epochs_done && !epoch.includes(undefined);
}

function show() {
  showTrial();
  if (isWhole()) redraw();
  refreshWords();
}

function receive(batch) {
  const states = batch.filter(({ kind, row }) => kind === "trial" && row.id === trial.id);
  const epochs = batch.filter(({ kind, row }) => kind === "epoch" && row.trial_id === trial.id);
  if (!states.length && !epochs.length) return;
  trial = states.at(-1)?.row ?? trial;
  epochs.forEach(({ row }) => curves.add(row));
  if (epochs.length || !isWhole()) refreshEpochs();
  show();
}

async function restart() {
  curves = new Curves();
  cursor = 0;
  trial = await get(`/api/trials/${trial.id}`);
  await loadEpochs();
  show();
}

const repeats = dialog("#repeats", async () => {
  const sweep = await post(`/api/trials/${trial.id}/repeats`, { seeds: parseNumber($("#repeats-seeds").value) });
  location.assign(`/sweeps/${sweep.id}?view=seeds`);
});
$("#repeat").addEventListener("click", () => repeats.showModal());
listenActions($("#actions"), () => `/api/trials/${trial.id}`, TRIAL_QUESTIONS, (answer) => { trial = answer; show(); });
show();
refreshEpochs();
follow({ sweeps: [trial.sweep_id], cursor: page.cursor, onBatch: receive, onReset: () => attempt(() => retry(restart)), onLink: setLink });
