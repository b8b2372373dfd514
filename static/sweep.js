// The command center of one sweep: keeps its trials and curves, lets the charts and the table draw them.
import { listenActions, showActions, SWEEP_ASKS, sweepActions } from "./actions.js";
import { Chart, theme } from "./chart.js";
import { Curves, gap } from "./curves.js";
import { listenDoing } from "./doing.js";
import { accuracy, duration } from "./format.js";
import { follow } from "./live.js";
import { fillOverlay } from "./overlay.js";
import { $, $$, attempt, data, fill, icon, make, notify, setLink, setState, setText, setTrack, throttle } from "./page.js";
import { get } from "./rest.js";
import { showSaved } from "./saved.js";
import { fillScatter } from "./scatters.js";
import { parameter, Selection, setParameters } from "./selection.js";
import { TrialTable } from "./table.js";

const EPOCHS_PAGE = 5000;
const TRIALS_PAGE = 1000;
const NOTHING_YET = "Advice appears here as soon as trials have finished their first epochs.";
const ADVICE_MS = 3000; // between looks at the findings while a sweep runs

const page = data();
let sweep = page.sweep;
let leaving = false;
const trials = new Map();
const curves = new Curves();
const selection = new Selection();
const series = () => page.series[theme()];
const best = () => sweep.best?.number ?? null;

// --- charts

const common = () => ({ trials: [...trials.values()], curves, best: best(), selected: selection.numbers, series: series(), space: sweep.space });
const logLoss = () => parameter("y") === "log";
const axisOf = (place) => parameter(`axis-${place}`, page.axes[place] || page.axes[0]);

const charts = {
  loss: new Chart($("#loss"), page.figures.loss, (shell) => fillOverlay(shell, { ...common(), column: (curve) => curve.loss, log: logLoss(), clip: true })),
  gap: new Chart($("#gap"), page.figures.gap, (shell) => fillOverlay(shell, { ...common(), column: gap })),
  a: new Chart($("#by-a"), page.figures.scatter, (shell) => fillScatter(shell, { ...common(), x: axisOf(0), y: "best_val_acc" })),
  b: new Chart($("#by-b"), page.figures.scatter, (shell) => fillScatter(shell, { ...common(), x: axisOf(1), y: "best_val_acc" })),
  pair: new Chart($("#pair"), page.figures.pair, (shell) => fillScatter(shell, { ...common(), x: axisOf(0), y: axisOf(1) })),
};
for (const chart of Object.values(charts)) chart.onPick = (number, event) => selection.pick(number, event);

const redraw = (now) => Object.values(charts).forEach((chart) => chart.update(now));

for (const select of $$("[data-axis]")) {
  select.value = axisOf(Number(select.dataset.axis));
  select.addEventListener("change", () => { setParameters({ [`axis-${select.dataset.axis}`]: select.value }); redraw(true); });
}
const logButton = $("#log-loss");
const showLog = () => logButton.setAttribute("aria-pressed", String(logLoss()));
logButton.addEventListener("click", () => { setParameters({ y: logLoss() ? "" : "log" }); showLog(); charts.loss.update(true); });
showLog();

// --- header

function showSweep() {
  setState($("#state"), sweep.state);
  $("#tags").replaceChildren(...sweep.tags.map((tag) => make("span", { class: "tag" }, tag)));
  const { total, ended } = setTrack($("#track"), sweep.counts);
  const busy = sweep.state === "running" || sweep.state === "stopping";
  const over = sweep.finished_at && sweep.started_at;
  const { diverged = 0, failed = 0, running = 0 } = sweep.counts;
  fill(document, {
    name: sweep.name,
    progress: `${ended} / ${total}`,
    "best-value": accuracy(sweep.best?.best_val_acc),
    "eta-label": over ? "Time taken" : "Time left, about",
    eta: over ? duration((Date.parse(sweep.finished_at) - Date.parse(sweep.started_at)) / 1000) : busy ? duration(sweep.eta_seconds) : sweep.state === "paused" ? "paused" : "–",
    "eta-note": busy ? (running ? `${running} running now` : "waiting for a worker") : ended === total ? "all trials ended" : "",
    diverged: String(diverged),
    "diverged-note": diverged ? `${Math.round((100 * diverged) / Math.max(1, ended))} % of those that ended` : failed ? "" : over ? "none" : "none so far",
  });
  const link = $("#best-link");
  if (sweep.best) {
    link.href = `/trials/${sweep.best.id}`;
    setText(link, `trial #${sweep.best.number}, epoch ${sweep.best.best_epoch ?? "–"}`);
  }
  link.hidden = !sweep.best;
  $("#failed-note").hidden = !failed;
  setText($("#failed-note"), `${failed} failed`);
  showActions($("#actions"), sweepActions(sweep));
  showSaved(sweep);
  $("#delete").hidden = !["finished", "cancelled"].includes(sweep.state);
  document.title = `${busy ? `(${ended}/${total}) ` : ""}${sweep.name} · Lossdeck`;
  setText($("#loss-takeaway"), takeaway());
}

function takeaway() {
  const { diverged = 0, running = 0 } = sweep.counts;
  if (!curves.length) return running ? `No trial has finished an epoch yet; ${running} running.` : "No trial has started yet.";
  const words = curves.length === 1 ? "1 curve" : `${curves.length} curves`;
  return diverged ? `${words}; ${diverged} diverged, marked × at the top edge.` : `${words}, coloured by val accuracy.`;
}

async function showAdvice() {
  const box = $("#advice");
  const words = $(".quiet", box);
  if (words && sweep.best) setText(words, "Reading the curves …");
  const { findings } = await get(`/api/sweeps/${sweep.id}/findings`);
  if (!findings.length) {
    if (words) setText(words, sweep.finished_at ? "Nothing to advise: the trials’ own pages say what their curves show." : NOTHING_YET);
    return;
  }
  const [first] = findings;
  box.dataset.severity = first.severity;
  box.replaceChildren(icon(first.severity), make("p", {}, make("strong", {}, first.sentence), ` ${first.advice} `, whyOf(first)));
  if (findings.length > 1) box.append(moreFindings(findings.slice(1), $("details", box)?.open));
}

function whyOf(finding) {
  return make("a", { href: `/help#${finding.code}` }, "Why?");
}

function moreFindings(findings, open) {
  const list = make("ul", { class: "findings" }, ...findings.map((one) =>
    make("li", { class: "finding", "data-severity": one.severity }, icon(one.severity), make("p", {}, one.sentence), make("p", {}, `${one.advice} `, whyOf(one)))));
  return make("details", { class: "menu more", open }, make("summary", { class: "button tiny" }, `${findings.length} more`), make("div", {}, list));
}

// What fails here is asked again at the next change; that the server is away, the stale banner says.
const advise = throttle(() => showAdvice().catch(() => {}), ADVICE_MS);

// --- selection

function showSelection() {
  const bar = $("#selection");
  const numbers = [...selection.numbers].filter((number) => trials.has(number));
  bar.hidden = !numbers.length;
  if (numbers.length) {
    const chips = numbers.map((number, n) => {
      const ring = make("span", { class: "ring", style: `--swatch:${series()[n % series().length]}` });
      const trial = trials.get(number);
      return make("a", { class: "button tiny", href: `/trials/${trial.id}` }, ring, `#${number} ${accuracy(trial.best_val_acc)}`);
    });
    $("#chips").replaceChildren(...chips);
    const compare = $("#compare");
    compare.hidden = numbers.length < 2;
    compare.href = `/compare?trials=${numbers.map((number) => trials.get(number).id).join(",")}`;
  }
}

selection.addEventListener("change", () => { showSelection(); redraw(true); });
document.documentElement.addEventListener("themechange", () => { showSelection(); table.mark(); });
$("#clear").addEventListener("click", () => selection.clear());

// --- table, actions

const table = new TrialTable($("#table"), { sweep, series, selection, columns: page.columns });

listenActions($("#actions"), `/api/sweeps/${sweep.id}`, SWEEP_ASKS, (answer) => { sweep = answer; showSweep(); });

listenDoing({
  sweep: () => sweep,
  selected: () => [...selection.numbers].map((number) => trials.get(number)).filter(Boolean),
  changed: (answer) => { sweep = answer; showSweep(); },
  leaving: (whether) => { leaving = whether; },
});

// --- data

async function loadTrials() {
  for (let offset = 0, total = 1; offset < total; offset += TRIALS_PAGE) {
    const answer = await get(`/api/sweeps/${sweep.id}/trials?limit=${TRIALS_PAGE}&offset=${offset}&sort=number`);
    total = answer.total;
    for (const trial of answer.trials) trials.set(trial.number, trial);
  }
}

async function loadEpochs() {
  for (let after = 0, more = true; more;) {
    const answer = await get(`/api/sweeps/${sweep.id}/epochs?after=${after}&limit=${EPOCHS_PAGE}&trace=false`);
    answer.epochs.forEach((row) => curves.add(row));
    more = answer.epochs.length > 0 && answer.cursor > after;
    after = answer.cursor;
  }
}

function receive(batch) {
  for (const { kind, row } of batch) {
    if (kind === "epoch") curves.add(row);
    if (kind === "trial") { trials.set(row.number, row); table.patch(row); }
    if (kind === "sweep" && row.id === sweep.id) {
      if (row.state !== sweep.state && row.state === "finished") notify(`“${row.name}” is finished.`, "good");
      sweep = row;
    }
  }
  showSweep();
  redraw();
  if (selection.numbers.size) showSelection();
  if (batch.some(({ kind }) => kind !== "epoch")) advise();
}

async function load() {
  await Promise.all([loadTrials(), loadEpochs()]);
  showSweep();
  showSelection();
  redraw();
  advise();
}

// Rows were deleted somewhere: what this page knows may be wrong, so it asks for all of it again.
async function restart() {
  if (leaving) return;
  try {
    sweep = await get(`/api/sweeps/${sweep.id}`);
  } catch (error) {
    if (error.status === 404) location.assign("/");
    throw error;
  }
  trials.clear();
  curves.byNumber.clear();
  table.refresh();
  await load();
}

showSweep();
advise();
attempt(async () => {
  await load();
  follow({ sweeps: [sweep.id], cursor: page.cursor, onBatch: receive, onReset: () => attempt(restart), onLink: setLink });
});
