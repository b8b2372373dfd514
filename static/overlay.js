// All trials' curves in a handful of traces: the curves of one class are one trace, joined by gaps.
import { byRole, epochAxis } from "./chart.js";

const STEPS = 5;
const CROWD = 40; // from so many curves on, each is drawn fainter
const CLIP_SHARE = 0.95; // of the living trials' largest losses: what lies far above does not stretch the axis

// With `clip` the axis follows the living trials and diverged ones are marked where they left; without, they are left out.
export function fillOverlay(figure, { trials, curves, column, best, selected, series, log, clip }) {
  const classes = classify(trials);
  const groups = new Map();
  const crosses = figure.data.find((trace) => trace.yaxis === "y2");
  for (const trial of trials) {
    const curve = curves.byNumber.get(trial.number);
    if (trial.excluded || !curve || (trial.state === "diverged" && !clip)) continue;
    const role = classes.get(trial.number);
    if (!groups.has(role)) groups.set(role, []);
    groups.get(role).push([trial.number, curve]);
    if (trial.state === "diverged") mark(crosses, trial, curve);
  }
  for (const [role, members] of groups) join(byRole(figure, role), members, column, groups.size === 1);
  const faint = Math.max(0.25, Math.min(0.9, Math.sqrt(CROWD / Math.max(CROWD, trials.length))));
  for (const trace of figure.data) if (/^ramp|^diverged/.test(trace.meta.role) && !trace.yaxis) trace.opacity = faint;
  byRole(figure, "diverged").line.dash = trials.length > CROWD ? "solid" : "dot";
  onTop(figure, "best", best, curves, column);
  select(figure, selected, curves, column, series);
  epochAxis(figure, Math.max(0, ...[...groups.values()].flat().map(([, curve]) => curve.epoch.length)));
  if (log) figure.layout.yaxis.type = "log";
  figure.layout.yaxis.uirevision = log ? "log" : "linear";
  if (clip) figure.layout.yaxis.autorangeoptions = limits(trials, curves, column);
  figure.data = figure.data.filter((trace) => trace.x.length || trace.meta.role === "quiet");
  return figure;
}

// The role of each trial: its quintile by best accuracy among those that may be ranked, or its state.
export function classify(trials) {
  const ranked = trials
    .filter((trial) => trial.best_val_acc != null && trial.state !== "diverged" && trial.state !== "failed")
    .sort((a, b) => a.best_val_acc - b.best_val_acc);
  const classes = new Map(trials.map((trial) => [trial.number, trial.state === "diverged" ? "diverged" : "quiet"]));
  ranked.forEach((trial, rank) => classes.set(trial.number, `ramp-${Math.floor((rank * STEPS) / ranked.length)}`));
  return classes;
}

function join(trace, members, column, alone) {
  const x = [];
  const y = [];
  const who = [];
  for (const [number, curve] of members) {
    const values = column(curve);
    for (let place = 0; place < curve.epoch.length; place += 1) {
      x.push(place + 1);
      y.push(values[place]);
      who.push(number);
    }
    x.push(null);
    y.push(null);
    who.push(number);
  }
  const short = members.every(([, curve]) => curve.epoch.length < 2);
  if (short && (alone || trace.meta.role !== "diverged")) trace.mode = "lines+markers"; // one epoch is a point
  Object.assign(trace, { x, y, customdata: who });
}

function mark(crosses, trial, curve) {
  crosses.x.push(curve.epoch.length);
  crosses.y.push(1);
  (crosses.customdata ??= []).push(trial.number);
}

function onTop(figure, role, number, curves, column) {
  const curve = number == null ? null : curves.byNumber.get(number);
  if (curve) join(byRole(figure, role), [[number, curve]], column, true);
}

function select(figure, selected, curves, column, series) {
  const model = byRole(figure, "series");
  const place = figure.data.indexOf(model);
  const traces = [...selected].filter((number) => curves.byNumber.has(number)).map((number, n) => {
    const trace = structuredClone(model);
    trace.name = `#${number}`;
    trace.line.color = series[n % series.length];
    join(trace, [[number, curves.byNumber.get(number)]], column, true);
    return trace;
  });
  figure.data.splice(place, 1, ...traces);
}

function limits(trials, curves, column) {
  const tops = [];
  for (const trial of trials) {
    const curve = curves.byNumber.get(trial.number);
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
