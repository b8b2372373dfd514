// The one-sentence takeaway of a chart, computed from its values alone.
import { accuracy, loss, ratio, setting, shortNumber, signedNumber } from "../core/format.js";
import { bestFirst, isRanked, valueOf } from "../data/trial_store.js";

const ENOUGH = 10; // least trials of which the place of the best is worth a sentence
const LEAST = 3; // of the best; of many trials it is every tenth

// `scales`: of the two axes.
export function mapTakeaway(trials, scales) {
  const order = trials.filter(isRanked).sort(bestFirst);
  if (!order.length && trials.some((trial) => trial.state === "diverged")) return "No trial has a rank: × marks where each diverged.";
  if (!order.length) return "Points appear when trials have finished an epoch.";
  const places = scales.filter(({ name, words }) => !words && name !== "best_val_acc").map((scale) => [scale, bestValues(order, scale.name)]).filter(([, top]) => top.length);
  if (order.length < ENOUGH || !places.length) return "Coloured by val accuracy, × diverged, the best ringed.";
  return `The best ${places[0][1].length} lie at ${places.map(([scale, top]) => `${scale.name} ${valueText(scale, top[0])} to ${valueText(scale, top.at(-1))}`).join(" and ")}.`;
}

// Val accuracy against one setting, whose scale it is.
export function scatterTakeaway(trials, scale) {
  const order = trials.filter(isRanked).sort(bestFirst);
  const lost = trials.filter((trial) => trial.state === "diverged" && !trial.excluded).map((trial) => valueOf(trial, scale.name));
  if (!order.length) return lost.length ? `Nothing to compare: ${lost.length} diverged and none has a rank.` : "";
  if (scale.words) return `${choiceMeans(order, scale)}${lost.length ? `; ${lost.length} diverged` : ""}.`;
  const top = bestValues(order, scale.name);
  if (order.length < ENOUGH || !top.length) return `The best of ${order.length}, ${accuracy(order[0].best_val_acc)}, is at ${scale.name} ${valueText(scale, valueOf(order[0], scale.name))}${divergedClause(lost, top, scale)}.`;
  return `The best ${top.length} of ${order.length} lie at ${scale.name} ${valueText(scale, top[0])} to ${valueText(scale, top.at(-1))}, ${shareOfRange(top, trials, scale)} of the range${divergedClause(lost, top, scale)}.`;
}

// The values that the best have, from the lowest to the highest.
function bestValues(order, name) {
  const top = order.slice(0, Math.max(LEAST, Math.ceil(order.length / 10)));
  return top.map((trial) => valueOf(trial, name)).filter((value) => typeof value === "number").sort((a, b) => a - b);
}

function shareOfRange(top, trials, scale) {
  const ends = scale.edges ?? trials.map((trial) => valueOf(trial, scale.name));
  const places = ends.map(scale.at).filter(Number.isFinite);
  const whole = places.reduce((a, b) => Math.max(a, b)) - places.reduce((a, b) => Math.min(a, b));
  return `${Math.max(1, Math.round((100 * (scale.at(top.at(-1)) - scale.at(top[0]))) / whole))} %`;
}

// Those that diverged, and whether all of them lie on one side of the best.
function divergedClause(lost, top, scale) {
  if (!lost.length) return "";
  const count = lost.length === 1 ? "the one that diverged is" : `the ${lost.length} that diverged are all`;
  const [low, high] = [lost.reduce((a, b) => Math.min(a, b)), lost.reduce((a, b) => Math.max(a, b))];
  if (low > top.at(-1)) return `; ${count} at ${valueText(scale, low)}${lost.length > 1 ? " or above" : ""}`;
  if (high < top[0]) return `; ${count} at ${valueText(scale, high)}${lost.length > 1 ? " or below" : ""}`;
  return `; ${lost.length} diverged`;
}

function choiceMeans(order, { name }) {
  const groups = Map.groupBy(order, (trial) => valueOf(trial, name));
  const means = [...groups].map(([value, trials]) => ({ value, count: trials.length, mean: trials.reduce((sum, trial) => sum + trial.best_val_acc, 0) / trials.length }));
  const [first, ...others] = means.sort((a, b) => b.mean - a.mean).map(({ value, count, mean }) => ({ value: setting(name, value), words: `${accuracy(mean)} over ${count === 1 ? "1 trial" : `${count} trials`}` }));
  if (!others.length) return `All have ${name} ${first.value}: on average ${first.words}`;
  return `On average ${name} ${first.value} does best, ${first.words}, and ${others.at(-1).value} worst, ${others.at(-1).words}`;
}

// One trial's loss; `away`: the cost lies so far above the losses that the axis leaves it out.
export function lossTakeaway({ data_loss: train, val_loss: val }, away) {
  const fell = ([word, values]) => `${word} ${loss(values[0])}${values.length > 1 ? ` to ${loss(values.at(-1))}` : ""}`;
  const seen = [["train", train], ["val", val]].map(([word, values]) => [word, values.filter((value) => value != null)]).filter(([, values]) => values.length);
  const cost = away ? "the cost, which has it, is far above: log y shows it" : "faint: what each mini-batch cost, with it";
  return `${seen.map(fell).join(", ")}${seen.length ? ", " : ""}without the L2 penalty; ${cost}`;
}

// `epochs`: how many of them are whole.
export function accuracyTakeaway({ train_acc: train, val_acc: val }, epochs) {
  const last = val.findLastIndex((value, epoch) => epoch < epochs && value != null && train[epoch] != null);
  return last < 0 ? "the filled part is the gap" : `train ${accuracy(train[last])}, val ${accuracy(val[last])}; the gap, filled, is ${signedNumber(train[last] - val[last])}`;
}

export function ratioTakeaway({ update_ratio: ratios }) {
  const last = ratios.findLast((row) => Object.keys(row).length);
  const words = last && Object.entries(last).sort().map(([name, value]) => `${name} ${ratio(value)}`).join(", ");
  return words ? `${words} in the last epoch; about 10⁻³ is right (the band)` : "should be about 10⁻³ (the band)";
}

export function rateTakeaway({ lr }, schedule) {
  const rates = lr.filter((value) => value != null);
  if (!rates.length) return "as the schedule sets it, step by step";
  const [first, last] = [shortNumber(rates[0], 3), shortNumber(rates.at(-1), 3)];
  return `${first === last ? first : `${first} to ${last}`}, by the ${schedule} schedule`;
}

// Of trials side by side, each with its number and train loss by epoch.
export function lowestLossTakeaway(lines) {
  const ends = lines.map(([number, values]) => [number, values.findLast((value) => value != null)]).filter(([, end]) => end != null);
  if (!ends.length) return "";
  const [number, end] = ends.reduce((a, b) => (b[1] < a[1] ? b : a));
  return `#${number} ends lowest, at ${loss(end)}, without the L2 penalty; × where a trial diverged`;
}

// Of trials side by side, each with its number and val accuracy by epoch.
export function highestAccuracyTakeaway(lines) {
  const peaks = lines.map(([number, values]) => [number, values.reduce((best, value, epoch) => (value != null && !(value <= values[best]) ? epoch : best), -1), values]).filter(([, epoch]) => epoch >= 0);
  if (!peaks.length) return "";
  const [number, epoch, values] = peaks.reduce((a, b) => (b[2][b[1]] > a[2][a[1]] ? b : a));
  return `#${number} came highest, ${accuracy(values[epoch])} in epoch ${epoch + 1}; the same validation part for all`;
}

function valueText({ name }, value) {
  return setting(name, value, 2);
}
