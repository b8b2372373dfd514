// Trials as points: a setting against the best accuracy, or two settings coloured by it.
import { byRole } from "./chart.js";

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
    trace.y.push(role === "diverged" && y === "best_val_acc" ? (point[1] ?? 0) : point[1]);
    (trace.customdata ??= []).push(trial.number);
    if (role === "scored") colours.push(trial.best_val_acc);
    if (trial.number === best) push(byRole(figure, "best"), point);
  }
  const scored = byRole(figure, "scored");
  scored.marker.color = colours;
  scored.marker.size = trials.length > 300 ? 6 : 9;
  ring(byRole(figure, "series"), trials, selected, series, horizontal, vertical);
  axis(figure.layout, "x", x, space);
  if (y !== "best_val_acc") axis(figure.layout, "y", y, space);
  return figure;
}

function setting(name) {
  return (trial) => {
    const value = trial.settings[name];
    return Array.isArray(value) ? value.join(" × ") : value;
  };
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

// Log where it was sampled log; dashed lines at the ends of the range.
function axis(layout, which, name, space) {
  const [kind, bounds] = Object.entries(space[name] || {})[0] || ["fixed", []];
  const frame = layout[`${which}axis`];
  frame.title.text = name;
  frame.uirevision = name;
  if (kind === "choice" || kind === "fixed") {
    if (kind === "choice" && bounds.some((value) => typeof value !== "number")) frame.type = "category";
    return;
  }
  frame.type = kind === "log_uniform" ? "log" : "linear";
  if (kind === "log_uniform") Object.assign(frame, { exponentformat: "power", dtick: 1 });
  const edges = (layout.shapes ?? []).filter((shape) => shape.name === "edge" && `${which}0` in shape && shape[`${which}ref`] !== "paper");
  edges.forEach((shape, n) => { shape[`${which}0`] = shape[`${which}1`] = bounds[n]; });
}
