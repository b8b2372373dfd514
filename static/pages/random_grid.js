// The random-against-grid page: starts both searches, and draws them side by side while they run.
import { byRole, Chart } from "../charts/chart.js";
import { parseNumber } from "../components/space_rows.js";
import { errorMessage, get, post } from "../core/api.js";
import { $, $$, attempt, data, fill, setLink, setState, setText, throttle } from "../core/dom.js";
import { accuracy } from "../core/format.js";
import { follow } from "../core/live.js";
import { trialState } from "../core/states.js";

const COMPARISON_REFRESH_MS = 500;
const NARROW = 600; // of the window: the colour bar would take the picture's place

const page = data();
let comparison = page.comparison;

$("#start").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = $("button", form);
  button.disabled = true;
  fill(form, { error: "" });
  const { dataset, trials, seed } = Object.fromEntries(new FormData(form));
  try {
    const made = await post("/api/random-grid", { dataset, trials: Number(trials), seed: parseNumber(seed) });
    location.assign(`/random-grid?sweeps=${ids(made)}`);
  } catch (error) {
    fill(form, { error: errorMessage(error, "Not begun") });
    button.disabled = false;
  }
});

function ids({ sides }) {
  return sides.map(({ sweep }) => sweep.id).join(",");
}

const endedPoints = ({ points }) => points.filter(({ state }) => !trialState(state).living);
const scoredPoints = ({ points }) => points.filter(({ state, best_val_acc: best }) => state !== "diverged" && best != null);

// --- pictures

function sideFigure(n) {
  return (figure) => {
    const side = comparison.sides[n];
    const [x, y] = page.axes;
    const place = ({ values }) => [values[x], values[y]];
    const known = scoredPoints(side);
    points(byRole(figure, "scored"), known, place);
    const all = comparison.sides.flatMap(scoredPoints).map(({ best_val_acc: best }) => best);
    const colours = { color: known.map(({ best_val_acc: best }) => best), cmin: Math.min(...all), cmax: Math.max(...all) };
    Object.assign(byRole(figure, "scored").marker, known.length ? colours : {}, { showscale: known.length > 0 && innerWidth > NARROW });
    points(byRole(figure, "diverged"), side.points.filter(({ state }) => state === "diverged"), place);
    const waiting = side.points.filter(({ state, best_val_acc: best }) => best == null && state !== "diverged");
    points(byRole(figure, "running"), waiting, place);
    const best = [...known].sort((a, b) => b.best_val_acc - a.best_val_acc)[0];
    if (best && endedPoints(side).length) points(byRole(figure, "best"), [best], place);
    for (const axis of ["x", "y"]) countValues(figure, axis, side.points.map(place));
    return figure;
  };
}

function points(trace, trials, place) {
  trace.x = trials.map((trial) => place(trial)[0]);
  trace.y = trials.map((trial) => place(trial)[1]);
  trace.customdata = trials.map(({ number: of }) => of);
}

// Above each value as many dots as trials have it; both sides on one scale.
function countValues(figure, axis, places) {
  const across = axis === "x" ? 0 : 1;
  const trace = figure.data.find((candidate) => candidate[axis === "x" ? "yaxis" : "xaxis"] === (axis === "x" ? "y2" : "x2"));
  const seen = new Map();
  const heights = places.map((place) => {
    seen.set(place[across], (seen.get(place[across]) || 0) + 1);
    return seen.get(place[across]);
  });
  const values = places.map((place) => place[across]);
  [trace.x, trace.y] = axis === "x" ? [values, heights] : [heights, values];
  figure.layout[axis === "x" ? "yaxis2" : "xaxis2"].range = [0.5, highestCount(page.axes[across]) + 0.5];
}

function highestCount(name) {
  return Math.max(...comparison.sides.map((side) => {
    const counts = new Map();
    for (const { values } of side.points) counts.set(values[name], (counts.get(values[name]) || 0) + 1);
    return Math.max(...counts.values());
  }));
}

function expectedFigure(figure) {
  const free = [...figure.data];
  for (const { sweep, expected_best: curve } of comparison.sides) {
    const trace = free.find(({ name }) => name === sweep.sampler) || free[0];
    free.splice(free.indexOf(trace), 1);
    trace.name = sweep.sampler;
    trace.x = curve.map(({ trials }) => trials);
    trace.y = curve.map(({ val_acc: value }) => value);
    if (curve.length === 1) trace.mode = "lines+markers";
  }
  return figure;
}

// --- words and numbers

function show() {
  setText($("#words"), comparison.words);
  comparison.sides.forEach((side, n) => {
    const values = page.axes.map((name) => `${side.distinct[name]} values of ${name}`).join(", ");
    setText($(`[data-takeaway="${n}"]`), values);
    setState($(`[data-state-of="${n}"]`), side.sweep.state);
    cell("[data-row=ended]", n, `${endedPoints(side).length} of ${side.points.length}`);
    cell("[data-row=best]", n, accuracy(side.sweep.best?.best_val_acc));
    for (const row of $$("[data-row=distinct]")) setText($$("td", row)[n], side.distinct[row.dataset.name]);
  });
}

function cell(row, n, value) {
  setText($$("td", $(row))[n], value);
}

if (comparison) {
  const charts = [
    ...$$("[data-side]").map((element, n) => new Chart(element, page.figures.side, sideFigure(n))),
    new Chart($("#expected"), page.figures.expected, expectedFigure),
  ];
  charts.slice(0, 2).forEach((chart, n) => {
    chart.onPick = (of) => location.assign(`/sweeps/${comparison.sides[n].sweep.id}?selected=${of}`);
  });
  const refresh = throttle(() => attempt(async () => {
    comparison = await get(`/api/random-grid?sweeps=${ids(comparison)}`);
    show();
    charts.forEach((chart) => chart.update());
  }), COMPARISON_REFRESH_MS);
  show();
  const sweeps = comparison.sides.map(({ sweep }) => sweep.id);
  const receive = (batch) => { if (batch.some(({ kind }) => kind !== "epoch")) refresh(); };
  follow({ sweeps, cursor: page.cursor, onBatch: receive, onReset: refresh, onLink: setLink });
}
