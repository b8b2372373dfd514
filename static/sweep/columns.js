// The columns of the trials table: title, sort key, cell text. Remembers which columns the user shows.
import { data, make, setState, setText, stateMark } from "../core/dom.js";
import { accuracy, duration, loss, ratio, setting, signedNumber } from "../core/format.js";
import { recall, remember } from "../core/local_storage.js";

// Bands of the findings: half the big gap and all of it; the update:weight ratio near 1e-3, and a factor of ten beside;
// the train accuracy at which there is little left to update, so that small steps are right.
const { gap: GAP_BANDS, ratio: RATIO_BANDS, fitted: FITTED } = data().bands;

const COLUMNS_KEY = "lossdeck-columns"; // what was added to / removed from the columns that a sweep begins with

const ISO_TIME = /^\d{4}-\d\d-\d\dT/;

const LAST_EPOCH = "after the last epoch";

const RESULTS = {
  number: { title: "trial", create: (trial) => make("a", { href: `/trials/${trial.id}` }, `#${trial.number}`) },
  state: { title: "state", create: (trial) => stateMark(trial.state), show: showState },
  verdict: { title: "verdict", words: (trial) => trial.verdict?.replaceAll("-", " ") ?? "–", text: true },
  best_val_acc: { title: "best val acc", about: "of all epochs", kind: "best-cell", words: (trial) => accuracy(trial.best_val_acc) },
  best_epoch: { title: "best epoch", words: (trial) => trial.best_epoch ?? "–" },
  train_acc: { title: "train acc", about: LAST_EPOCH, words: (trial) => accuracy(lastEpoch(trial).train_acc) },
  val_acc: { title: "val acc", about: LAST_EPOCH, words: (trial) => accuracy(lastEpoch(trial).val_acc) },
  gap: { title: "gap", about: "train less val accuracy after the last epoch; ■ from 0.05, ◆ from 0.1 on", words: (trial) => signedNumber(gapOf(trial)), band: gapBand },
  update_ratio: { title: "update : weight", about: "of the first layer in the last epoch; about 1e-3 is right. ■ three, ◆ ten times off; a net that has fitted its data is not judged", words: (trial) => ratio(ratioOf(trial)), band: ratioBand },
  loss: { title: "loss", about: `${LAST_EPOCH}, with the L2 penalty`, words: (trial) => loss(trial.last?.loss, trial.last?.flags?.loss) },
  val_loss: { title: "val loss", about: LAST_EPOCH, words: (trial) => loss(trial.last?.val_loss, trial.last?.flags?.val_loss) },
};
const LIFE = {
  epochs_done: { title: "epochs done", words: (trial) => `${trial.epochs_done} / ${trial.settings.epochs}` },
  seconds: { title: "time", about: "from its start to its end; its group trains beside it", words: trainingTime },
  attempt: { title: "attempt", words: (trial) => trial.attempt },
  reason: { title: "reason", words: (trial) => trial.reason || "", text: true },
};
const APART = ["id", "sweep_id", "settings", "last"]; // fields of a trial that are no column of their own
const FIRST = ["number", "state", "verdict", "best_val_acc", "train_acc", "gap", "update_ratio", "loss"];
const LAST = ["epochs_done", "seconds"];

export class Columns {
  // `settings`: the names of the settings that have a column to begin with.
  constructor(settings) {
    this.initial = new Set([...FIRST, ...settings, ...LAST]);
    this.settings = settings;
    const [added, removed] = (recall(COLUMNS_KEY) || "/").split("/").map((names) => names.split(",").filter(Boolean));
    this.added = new Set(added);
    this.removed = new Set(removed);
  }

  // Every column there could be, in the order of the table; a trial tells which settings and other fields there are.
  allColumns(trial) {
    const settings = [...new Set([...this.settings, ...Object.keys(trial?.settings || {})])];
    return [
      ...Object.entries(RESULTS),
      ...settings.map((name) => [name, settingColumn(name)]),
      ...Object.entries(LIFE),
      ...Object.keys(trial || {}).filter((name) => !(name in RESULTS || name in LIFE || APART.includes(name))).map((name) => [name, fieldColumn(name, trial[name])]),
    ].map(([name, column]) => ({ name, ...column }));
  }

  visibleColumns(trial) { return this.allColumns(trial).filter(({ name }) => this.isShown(name)); }

  isShown(name) { return name === "number" || (this.initial.has(name) ? !this.removed.has(name) : this.added.has(name)); }

  set(name, shown) {
    const changes = this.initial.has(name) ? this.removed : this.added;
    if (shown === this.initial.has(name)) changes.delete(name);
    else changes.add(name);
    remember(COLUMNS_KEY, `${[...this.added].join(",")}/${[...this.removed].join(",")}`);
  }
}

export const isNumeric = (column) => Boolean(column.words) && !column.text;

export function makeCell(column, trial) {
  const cell = make("td", { "data-column": column.name, class: `${isNumeric(column) ? "num" : ""} ${column.kind || ""}`.trim() });
  if (column.create) cell.append(column.create(trial));
  else if (column.band) cell.append(make("span", { class: "banded" }));
  return cell;
}

export function showCell(cell, column, trial) {
  if (column.words) setText(cell.firstElementChild || cell, column.words(trial));
  if (column.band) showBand(cell, column.band(trial));
  column.show?.(cell, trial);
}

const BANDS = { good: "as it should be", warning: "worth a look", bad: "far off" };

function showBand(cell, band) {
  cell.firstElementChild.dataset.band = band;
  cell.title = BANDS[band] || "";
}

function settingColumn(name) {
  return { title: name, words: (trial) => setting(name, trial.settings[name], 4) };
}

// Any other field of a trial, as REST gives it.
function fieldColumn(name, example) {
  return { title: name.replaceAll("_", " "), words: (trial) => fieldText(trial[name]), text: typeof example !== "number" };
}

function fieldText(value) {
  if (value == null) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" && ISO_TIME.test(value) ? new Date(value).toLocaleString() : value;
}

function showState(cell, trial) {
  setState(cell.firstElementChild, trial.state);
  cell.title = trial.reason || "";
}

// Of a trial that diverged the last epoch was cut short: its accuracies say nothing.
const lastEpoch = (trial) => (trial.state === "diverged" ? {} : trial.last || {});

function gapOf(trial) {
  const { train_acc: train, val_acc: val } = lastEpoch(trial);
  return train == null || val == null ? null : train - val;
}

const ratioOf = (trial) => lastEpoch(trial).update_ratio?.W1;

function gapBand(trial) {
  const gap = gapOf(trial);
  return gap == null ? "" : gap >= GAP_BANDS[1] ? "bad" : gap >= GAP_BANDS[0] ? "warning" : "good";
}

function ratioBand(trial) {
  const size = ratioOf(trial);
  if (size < RATIO_BANDS[0][0] && lastEpoch(trial).train_acc >= FITTED) return "";
  const grade = RATIO_BANDS.findIndex(([low, high]) => size >= low && size <= high);
  return size == null ? "" : ["good", "warning"][grade] || "bad";
}

function trainingTime({ started_at: start, finished_at: end }) {
  if (!start) return "–";
  return duration(((end ? Date.parse(end) : Date.now()) - Date.parse(start)) / 1000);
}
