// The curves of many trials in a few Plotly traces: all curves of one class form one trace, with gaps between them.
import { bestFirst, isRanked } from "../data/trial_store.js";
import { byRole, epochAxis } from "./chart.js";

const QUINTILES = 5;
const WEIGHT = 0.7; // of what came an epoch before, in a running mean
const CROWD_OF_CURVES = 40; // from so many curves on, each is drawn fainter
const CLIP_SHARE = 0.95; // of the living trials' largest losses: what lies far above does not stretch the axis

// With `clip` the axis follows the living trials and diverged ones are marked where they left; without, they are left out.
// `x(curve)`: epochs or seconds. With `smooth` the lines are running means, those on top with their own faint behind.
export function fillOverlay(figure, { trials, curves, column: plain, best, selected, series, log, clip, smooth, x, total, across }) {
  const column = smooth ? (curve) => runningMean(plain(curve), curve.epoch) : plain;
  for (const trace of figure.data) if (trace.hovertemplate) trace.hovertemplate = trace.hovertemplate.replace("{across}", across);
  const classes = classify(trials);
  const groups = new Map();
  const crosses = figure.data.find((trace) => trace.yaxis === "y2");
  for (const trial of trials) {
    const curve = curves.get(trial.number);
    if (trial.excluded || !curve || (trial.state === "diverged" && !clip)) continue;
    const role = classes.get(trial.number);
    if (!groups.has(role)) groups.set(role, []);
    groups.get(role).push([trial.number, curve]);
    if (trial.state === "diverged") addCross(crosses, trial, x(curve).at(-1));
  }
  for (const [role, members] of groups) join(byRole(figure, role), members, column, x, groups.size === 1);
  const faint = Math.max(0.25, Math.min(0.9, Math.sqrt(CROWD_OF_CURVES / Math.max(CROWD_OF_CURVES, trials.length))));
  for (const trace of figure.data) if (/^ramp|^diverged/.test(trace.meta.role) && !trace.yaxis) trace.opacity = faint;
  byRole(figure, "diverged").line.dash = trials.length > CROWD_OF_CURVES ? "solid" : "dot";
  const top = { curves, column, plain: smooth ? plain : null, x };
  drawBest(figure, best, top);
  drawSelected(figure, selected, series, top);
  if (total) epochAxis(figure, total);
  figure.layout.xaxis.title.text = figure.layout.xaxis.uirevision = across;
  if (log) figure.layout.yaxis.type = "log";
  figure.layout.yaxis.uirevision = log ? "log" : "linear";
  if (clip) figure.layout.yaxis.autorangeoptions = limits(trials, curves, column);
  figure.data = figure.data.filter((trace) => trace.x.length || trace.meta.role === "quiet");
  return figure;
}

// The role of each trial: its quintile by best accuracy among those that may be ranked, or its state.
function classify(trials) {
  const order = trials.filter(isRanked).sort(bestFirst).reverse();
  const classes = new Map(trials.map((trial) => [trial.number, trial.state === "diverged" ? "diverged" : "quiet"]));
  order.forEach((trial, rank) => classes.set(trial.number, `ramp-${Math.floor((rank * QUINTILES) / order.length)}`));
  return classes;
}

function join(trace, members, column, across, alone) {
  const x = [];
  const y = [];
  const who = [];
  for (const [number, curve] of members) {
    const values = column(curve);
    across(curve).forEach((at, place) => {
      x.push(at);
      y.push(values[place]);
      who.push(number);
    });
    x.push(null);
    y.push(null);
    who.push(number);
  }
  const short = members.every(([, curve]) => curve.epoch.length < 2);
  if (short && (alone || trace.meta.role !== "diverged")) trace.mode = "lines+markers"; // one epoch is a point
  Object.assign(trace, { x, y, customdata: who });
}

function addCross(crosses, trial, at) {
  crosses.x.push(at);
  crosses.y.push(1);
  (crosses.customdata ??= []).push(trial.number);
}

// The lines of one trial: its own, and behind a smoothed one the raw values, faint.
function linesOf(model, number, colour, { curves, column, plain, x }) {
  const drawn = [plain && ["raw", plain, 0.3], ["", column, 1]].filter(Boolean);
  return drawn.map(([word, values, opacity]) => {
    const trace = structuredClone(model);
    Object.assign(trace, { opacity, name: `${trace.name}${word && `, ${word}`}` });
    if (colour) trace.line.color = colour;
    if (word) trace.line.width = 1;
    join(trace, [[number, curves.get(number)]], values, x, true);
    return trace;
  });
}

function drawBest(figure, best, top) {
  if (best == null || !top.curves.get(best)) return;
  const model = byRole(figure, "best");
  figure.data.splice(figure.data.indexOf(model), 1, ...linesOf(model, best, null, top));
}

function drawSelected(figure, selected, series, top) {
  const model = byRole(figure, "series");
  const traces = [...selected].filter((number) => top.curves.get(number)).flatMap((number, n) =>
    linesOf({ ...model, name: `#${number}` }, number, series[n % series.length], top));
  figure.data.splice(figure.data.indexOf(model), 1, ...traces);
}

// An exponential running mean that starts at the first value and steps over what is missing; where epochs were left out, what
// came before weighs as much less.
function runningMean(values, epochs) {
  let mean = null;
  let before = null;
  return values.map((value, place) => {
    if (value == null) return null;
    const weight = mean === null ? 0 : WEIGHT ** (epochs[place] - before);
    mean = weight * mean + (1 - weight) * value;
    before = epochs[place];
    return mean;
  });
}

function limits(trials, curves, column) {
  const tops = [];
  for (const trial of trials) {
    const curve = curves.get(trial.number);
    if (!curve || trial.excluded || trial.state === "diverged") continue;
    const finite = column(curve).filter((value) => value != null);
    if (finite.length) tops.push(Math.max(...finite));
  }
  if (!tops.length) return startOf(curves, column);
  tops.sort((a, b) => a - b);
  const common = tops[Math.floor((tops.length - 1) * CLIP_SHARE)];
  const middle = tops[Math.floor((tops.length - 1) / 2)];
  return { clipmax: 1.05 * Math.min(tops.at(-1), Math.max(middle * 1.6, Math.min(common * 1.05, middle * 3))) };
}

function startOf(curves, column) {
  const starts = [...curves.byNumber.values()].map((curve) => column(curve)[0]).filter((value) => value != null);
  return starts.length ? { clipmax: 3 * Math.min(...starts) } : {};
}
