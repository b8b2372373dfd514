// The page's store of a sweep's trials: one small record each, loaded by columns, then updated by the live rows.
import { get, query } from "../core/api.js";
import { trialState } from "../core/states.js";

const TIMES = ["started_at", "finished_at"];

export class TrialStore extends EventTarget {
  // `axes`: settings that pictures are drawn of; `first`: fields to begin with.
  constructor(sweep, axes, first) {
    super();
    this.id = sweep.id;
    this.axes = axes;
    this.fields = [...first];
    this.byNumber = new Map();
    this.furthest = 0; // epoch that a trial has reached
  }

  get length() { return this.byNumber.size; }
  get(number) { return this.byNumber.get(number); }
  all() { return this.byNumber.values(); }

  // All, the best first: sorted once for everyone who draws them.
  leaders() { return (this.order ??= [...this.all()].sort(bestFirst)); }

  async load() {
    const names = [...this.fields, ...this.axes];
    const { columns } = await get(`/api/sweeps/${this.id}/columns?${query({ of: names.join(",") })}`);
    this.byNumber.clear();
    this.order = null;
    columns.number.forEach((number, place) => {
      const trial = { settings: {} };
      for (const name of this.fields) trial[name] = columns[name][place];
      for (const name of this.axes) trial.settings[name] = read(columns[name][place]);
      trial.excluded = trial.excluded === "true";
      this.byNumber.set(number, trial);
    });
    this.announce();
  }

  // More fields than the first ones, once; whoever draws them asks.
  async addFields(fields) {
    const more = fields.filter((name) => !this.fields.includes(name));
    if (!more.length) return;
    this.fields.push(...more); // at once: rows that come meanwhile bring them along
    const { columns } = await get(`/api/sweeps/${this.id}/columns?${query({ of: ["number", ...more].join(",") })}`).catch((error) => {
      this.fields = this.fields.filter((name) => !more.includes(name));
      throw error;
    });
    columns.number.forEach((number, place) => {
      const trial = this.byNumber.get(number);
      if (trial) for (const name of more) trial[name] ??= columns[name][place]; // what came live meanwhile is newer
    });
    this.announce();
  }

  // A whole trial as the stream and the routes give it.
  receive(row) {
    const trial = this.byNumber.get(row.number) || {};
    for (const name of this.fields) trial[name] = TIMES.includes(name) && row[name] ? Date.parse(row[name]) / 1000 : row[name];
    trial.settings = Object.fromEntries(this.axes.map((name) => [name, row.settings[name]]));
    this.byNumber.set(row.number, trial);
    this.order = null;
  }

  announce() {
    this.furthest = 0;
    for (const { epochs_done: done } of this.all()) this.furthest = Math.max(this.furthest, done);
    this.dispatchEvent(new Event("change"));
  }

  // The last epoch on the axis of its small curve: where all were ended early, nobody got as far as was planned.
  end(trial) { return trial.state === "running" ? trial.epochs_total : Math.min(trial.epochs_total, this.furthest); }
}

// May it be ranked? The database decides by the same rule.
export function isRanked(trial) {
  return trial.best_val_acc != null && !trial.excluded && trialState(trial.state).ranked;
}

export function bestFirst(a, b) {
  return (isRanked(b) ? b.best_val_acc : -1) - (isRanked(a) ? a.best_val_acc : -1) || a.number - b.number;
}

// Of a crowd the best, and of the rest some of every rank.
export function sampleByRank(trials, most, leaders) {
  if (trials.length <= most) return trials;
  const order = [...trials].sort(bestFirst);
  const rest = order.slice(leaders);
  const each = rest.length / (most - leaders);
  return [...order.slice(0, leaders), ...Array.from({ length: most - leaders }, (_, n) => rest[Math.floor(n * each)])];
}

// A setting's or field's value as charts draw it: lists as words.
export function valueOf(trial, name) {
  return words(name in trial ? trial[name] : trial.settings[name]);
}

export function words(value) {
  return Array.isArray(value) ? value.join(" × ") || "none" : value;
}

// Trials as the rows of a table, its head first; the names are settings and fields.
export function rowsOf(trials, names) {
  const head = ["trial", "state", ...names.map((name) => (name === "best_val_acc" ? "best val accuracy" : name.replaceAll("_", " ")))];
  return [head, ...trials.map((trial) => [trial.number, trial.state, ...names.map((name) => valueOf(trial, name) ?? null)])];
}

function read(value) {
  return typeof value === "string" && value.startsWith("[") ? JSON.parse(value) : value;
}
