// Axes for charts drawn on a canvas: a value's place between 0 and 1, the ticks, and the edges of the searched range.
import { shortNumber } from "../core/format.js";
import { isRanked, valueOf } from "../data/trial_store.js";

const DECADES = 100; // largest to smallest of given points: above it the axis is logarithmic
const AXIS_LABELS = { best_val_acc: "val accuracy" };
const RUNGS = [1, 2, 5, 10];

export const axisLabel = (name) => AXIS_LABELS[name] || name;

// As it was sampled, for a setting of the space; by the trials' values, for all else.
export function scaleOf(name, store, space) {
  const [kind, bounds] = Object.entries(space[name] || {})[0] || [];
  if (kind === "choice") return categoryScale(name, bounds.map((value) => valueOf({ settings: { value } }, "value")));
  if (kind) return continuousScale(name, bounds[0], bounds[1], kind === "log_uniform", bounds);
  const shown = [...store.all()].filter((trial) => !trial.excluded && (name !== "best_val_acc" || isRanked(trial)));
  const values = shown.map((trial) => valueOf(trial, name)).filter((value) => value != null);
  if (!values.length) return continuousScale(name, 0, 1, false);
  if (values.some((value) => typeof value !== "number")) return categoryScale(name, [...new Set(values)].sort());
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low === high) return categoryScale(name, [low]);
  return continuousScale(name, low, high, low > 0 && high / low > DECADES && name in store.get(store.all().next().value.number).settings);
}

function continuousScale(name, low, high, log, edges = null) {
  const [f, back] = log ? [Math.log10, (value) => 10 ** value] : [Number, Number];
  const room = (f(high) - f(low)) * 0.04 || 0.5;
  const [start, end] = [f(low) - room, f(high) + room];
  const at = (value) => (typeof value === "number" && (!log || value > 0) ? (f(value) - start) / (end - start) : NaN);
  const ticks = (log ? logTicks(start, end) : linearTicks(start, end)).map((value) => ({ at: at(value), text: shortNumber(value, 3) }));
  return { name, log, at, ticks, edges, value: (place) => back(start + place * (end - start)) };
}

function categoryScale(name, values) {
  const at = (value) => (values.indexOf(value) + 0.5) / values.length;
  return {
    name, log: false, edges: null, words: true,
    at: (value) => (values.includes(value) ? at(value) : NaN),
    ticks: values.map((value) => ({ at: at(value), text: typeof value === "number" ? shortNumber(value, 3) : value })),
    value: () => NaN,
  };
}

function logTicks(start, end) {
  const [first, last] = [Math.ceil(start), Math.floor(end)];
  const step = Math.max(1, Math.ceil((last - first) / 6));
  const ticks = [];
  for (let power = first; power <= last; power += step) ticks.push(Number(`1e${power}`));
  return ticks.length > 1 ? ticks : [10 ** start, 10 ** end].map((value) => Number(value.toPrecision(2)));
}

function linearTicks(start, end) {
  const rough = (end - start) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * RUNGS.find((rung) => rung * power >= rough);
  const ticks = [];
  for (let n = Math.ceil(start / step); n * step <= end; n += 1) ticks.push(Number((n * step).toPrecision(6)));
  return ticks;
}

// Colours by val accuracy: by value between the worst and the best, or by rank. Answers a place 0..1.
export function colourScale(store, byRank) {
  const order = store.leaders().filter(isRanked).reverse();
  if (byRank) {
    const places = new Map(order.map((trial, place) => [trial.number, order.length > 1 ? place / (order.length - 1) : 1]));
    return (trial) => places.get(trial.number) ?? null;
  }
  const [low, high] = [order[0]?.best_val_acc ?? 0, order.at(-1)?.best_val_acc ?? 1];
  return (trial) => (isRanked(trial) ? (high > low ? (trial.best_val_acc - low) / (high - low) : 1) : null);
}
