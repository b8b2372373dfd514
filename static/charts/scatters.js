// Scatter plots of trials: a setting against the best accuracy, or two settings coloured by it.
import { words } from "../data/trial_store.js";
import { byRole } from "./chart.js";

const BOTTOM = 0.015; // of the height: diverged trials have no accuracy to compare, they stand at the lower edge
const CROWD_OF_POINTS = 300;
const DECADES = 100; // largest to smallest: above it the axis is logarithmic

export function fillScatter(figure, { trials, x, y, best, selected, series, space }) {
  const vertical = y === "best_val_acc" ? (trial) => trial.best_val_acc : setting(y);
  const horizontal = setting(x);
  const colours = [];
  for (const trial of trials) {
    const role = roleOf(trial);
    const point = [horizontal(trial), vertical(trial)];
    if (trial.excluded || role === null || point[0] == null) continue;
    const trace = byRole(figure, role);
    trace.x.push(point[0]);
    trace.y.push(role === "diverged" && y === "best_val_acc" ? BOTTOM : point[1]);
    (trace.customdata ??= []).push(trial.number);
    if (role === "scored") colours.push(trial.best_val_acc);
    if (trial.number === best) push(byRole(figure, "best"), point);
  }
  const scored = byRole(figure, "scored");
  scored.marker.color = colours;
  if (new Set(colours).size === 1) Object.assign(scored.marker, { cmin: 0, cmax: 1 });
  if (!colours.length && y === "best_val_acc") figure.layout.yaxis.range = [0, 1];
  scored.marker.size = trials.length > CROWD_OF_POINTS ? 6 : 9;
  byRole(figure, "diverged").marker.size = trials.length > CROWD_OF_POINTS ? 6 : 8;
  ring(byRole(figure, "series"), trials, selected, series, horizontal, vertical);
  for (const trace of figure.data) Object.assign(trace, { hovertemplate: trace.hovertemplate?.replace("{x}", x).replace("{y}", y), cliponaxis: false });
  axis(figure.layout, "x", x, { space, trials });
  if (y !== "best_val_acc") axis(figure.layout, "y", y, { space, trials });
  return figure;
}

function setting(name) {
  return (trial) => words(trial.settings[name]);
}

function roleOf(trial) {
  if (trial.state === "diverged") return "diverged";
  if (trial.best_val_acc != null) return "scored";
  return trial.state === "running" ? "running" : null;
}

function push(trace, [x, y]) {
  trace.x.push(x);
  trace.y.push(y);
}

function ring(trace, trials, selected, series, horizontal, vertical) {
  const colours = [];
  const chosen = new Set(selected);
  for (const trial of trials) {
    if (!chosen.has(trial.number)) continue;
    push(trace, [horizontal(trial), vertical(trial)]);
    colours.push(series[[...chosen].indexOf(trial.number) % series.length]);
  }
  trace.marker.color = colours;
}

// Log where it was sampled log, or where given points span decades; dashed lines at the ends of a range.
function axis(layout, which, name, { space, trials }) {
  const [kind, bounds] = Object.entries(space[name] || {})[0] || ["fixed", [...new Set(trials.map(setting(name)))]];
  const frame = layout[`${which}axis`];
  frame.title.text = name;
  frame.uirevision = name;
  frame.type = typeOf(kind, bounds);
  if (frame.type === "category") Object.assign(frame, { categoryorder: "array", categoryarray: bounds.map(words) });
  else if (kind !== "choice" && kind !== "fixed") frame.autorangeoptions = { include: bounds };
  // Within a decade there may be no power of ten to mark, and plotly.js cannot place the title of an axis without ticks.
  const powers = frame.type === "log" && Math.max(...bounds) / Math.min(...bounds) >= DECADES;
  if (frame.type === "log") Object.assign(frame, { exponentformat: "power", tickfont: { size: 10 }, ...(powers ? { dtick: 1 } : {}) });
  const edges = (layout.shapes ?? []).filter((shape) => isEdge(shape, which));
  if (kind === "choice" || kind === "fixed") layout.shapes = layout.shapes?.filter((shape) => !edges.includes(shape));
  else edges.forEach((shape, n) => { shape[`${which}0`] = shape[`${which}1`] = bounds[n]; });
}

function typeOf(kind, values) {
  if (kind !== "choice" && kind !== "fixed") return kind === "log_uniform" ? "log" : "linear";
  if (values.length < 2 || values.some((value) => typeof value !== "number")) return "category";
  const least = Math.min(...values);
  return least > 0 && Math.max(...values) / least > DECADES ? "log" : "linear";
}

function isEdge(shape, which) {
  return shape.name === "edge" && shape[`${which}ref`] !== "paper";
}
