// What a picture of trials says in one sentence, from their values alone.
import { bestFirst, ranked, valueOf } from "./board.js";
import { accuracy, scientific, setting } from "./format.js";

const SAID = 10; // least trials of which the place of the best is worth a sentence
const LEAST = 3; // of the best; of many trials it is every tenth

// `across`: the scale of the axis from left to right.
export function mapSays(trials, across) {
  const order = trials.filter(ranked).sort(bestFirst);
  if (!order.length && trials.some((trial) => trial.state === "diverged")) return "No trial has a rank: × marks where each diverged.";
  if (!order.length) return "Points appear when trials have finished an epoch.";
  const top = best(order, across.name);
  if (order.length < SAID || across.words || !top.length) return "Coloured by val accuracy, × diverged, the best ringed.";
  return `The best ${top.length} lie at ${across.name} ${said(across, top[0])} to ${said(across, top.at(-1))}.`;
}

// Val accuracy against one setting, whose scale it is.
export function scatterSays(trials, scale) {
  const order = trials.filter(ranked).sort(bestFirst);
  const lost = trials.filter((trial) => trial.state === "diverged" && !trial.excluded).map((trial) => valueOf(trial, scale.name));
  if (!order.length) return lost.length ? `Nothing to compare: ${lost.length} diverged and none has a rank.` : "";
  if (scale.words) return `${choices(order, scale)}${lost.length ? `; ${lost.length} diverged` : ""}.`;
  const top = best(order, scale.name);
  if (order.length < SAID || !top.length) return `The best of ${order.length}, ${accuracy(order[0].best_val_acc)}, is at ${scale.name} ${said(scale, valueOf(order[0], scale.name))}${where(lost, top, scale)}.`;
  return `The best ${top.length} of ${order.length} lie at ${scale.name} ${said(scale, top[0])} to ${said(scale, top.at(-1))}, ${share(top, trials, scale)} of the range${where(lost, top, scale)}.`;
}

// The values that the best have, from the lowest to the highest.
function best(order, name) {
  const top = order.slice(0, Math.max(LEAST, Math.ceil(order.length / 10)));
  return top.map((trial) => valueOf(trial, name)).filter((value) => typeof value === "number").sort((a, b) => a - b);
}

function share(top, trials, scale) {
  const ends = scale.edges ?? trials.map((trial) => valueOf(trial, scale.name));
  const places = ends.map(scale.at).filter(Number.isFinite);
  const whole = places.reduce((a, b) => Math.max(a, b)) - places.reduce((a, b) => Math.min(a, b));
  return `${Math.max(1, Math.round((100 * (scale.at(top.at(-1)) - scale.at(top[0]))) / whole))} %`;
}

// Those that diverged, and whether all of them lie on one side of the best.
function where(lost, top, scale) {
  if (!lost.length) return "";
  const count = lost.length === 1 ? "the one that diverged is" : `the ${lost.length} that diverged are all`;
  const [low, high] = [lost.reduce((a, b) => Math.min(a, b)), lost.reduce((a, b) => Math.max(a, b))];
  if (low > top.at(-1)) return `; ${count} at ${said(scale, low)}${lost.length > 1 ? " or above" : ""}`;
  if (high < top[0]) return `; ${count} at ${said(scale, high)}${lost.length > 1 ? " or below" : ""}`;
  return `; ${lost.length} diverged`;
}

function choices(order, { name }) {
  const groups = Map.groupBy(order, (trial) => valueOf(trial, name));
  const means = [...groups].map(([value, trials]) => ({ value, count: trials.length, mean: trials.reduce((sum, trial) => sum + trial.best_val_acc, 0) / trials.length }));
  const [first, ...others] = means.sort((a, b) => b.mean - a.mean).map(({ value, count, mean }) => ({ value: setting(name, value), words: `${accuracy(mean)} over ${count === 1 ? "1 trial" : `${count} trials`}` }));
  if (!others.length) return `All have ${name} ${first.value}: on average ${first.words}`;
  return `On average ${name} ${first.value} does best, ${first.words}, and ${others.at(-1).value} worst, ${others.at(-1).words}`;
}

function said({ name }, value) {
  if (typeof value !== "number") return setting(name, value);
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e5) ? scientific(value, 1) : String(Number(value.toPrecision(2)));
}
