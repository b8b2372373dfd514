// The history view: the best accuracy so far, and which worker trained which trial when.
import { byRole, Chart } from "../charts/chart.js";
import { $, setText } from "../core/dom.js";
import { accuracy, duration } from "../core/format.js";
import { isRanked } from "../data/trial_store.js";

const MOST_MARKS = 2500; // bars and points drawn at a time
const HISTORY_FIELDS = ["started_at", "finished_at", "worker"];
const AXIS_UNITS = [["hours", 3600], ["minutes", 60], ["seconds", 1]];
const LANES_HEIGHT = 320; // pixels that the lanes share

export class HistoryView {
  constructor({ sweep, store, selection, figures }) {
    Object.assign(this, { sweep, store, selection });
    this.charts = [
      new Chart($("#best-time"), figures.best, (shell) => this.fillBest(shell, true)),
      new Chart($("#best-trials"), figures.best, (shell) => this.fillBest(shell, false)),
      new Chart($("#timeline"), figures.timeline, (shell) => this.fillTimeline(shell)),
    ];
    for (const chart of this.charts) chart.onPick = (number, event) => selection.pick(number, event);
    this.update();
  }

  update() { this.store.addFields(HISTORY_FIELDS).then(() => this.redraw(true)).catch(() => {}); }

  redraw(now = false) {
    for (const chart of this.charts) chart.update(now);
    this.updateTakeaways();
  }

  endedTrials() {
    return [...this.store.all()].filter((trial) => trial.finished_at && isRanked(trial)).sort((a, b) => a.finished_at - b.finished_at || a.number - b.number);
  }

  fillBest(shell, byTime) {
    const ended = this.endedTrials();
    const { start, unit, seconds } = this.timeAxis();
    const [dots, line] = [byRole(shell, "quiet"), byRole(shell, "best")];
    const every = Math.max(1, Math.ceil(ended.length / MOST_MARKS));
    let best = null;
    const at = (trial, n) => (byTime ? (trial.finished_at - start) / seconds : n + 1);
    dots.customdata = [];
    line.customdata = [];
    ended.forEach((trial, n) => {
      if (n % every === 0) push(dots, at(trial, n), trial.best_val_acc, trial.number);
      if (best !== null && trial.best_val_acc <= best.best_val_acc) return;
      best = trial;
      push(line, at(trial, n), trial.best_val_acc, trial.number);
    });
    if (best) push(line, at(ended.at(-1), ended.length - 1), best.best_val_acc, best.number);
    shell.layout.xaxis.title.text = byTime ? `${unit} since the start` : "trials that ended";
    return shell;
  }

  // Trials that a worker trains together lie in lanes beside each other.
  fillTimeline(shell) {
    const { start, unit, seconds } = this.timeAxis();
    const begun = [...this.store.all()].filter((trial) => trial.started_at).sort((a, b) => a.started_at - b.started_at || a.number - b.number);
    const every = Math.max(1, Math.ceil(begun.length / MOST_MARKS));
    const workers = new Map();
    for (const trial of begun) {
      const name = trial.worker || "–";
      if (!workers.has(name)) workers.set(name, []);
      workers.get(name).push(trial);
    }
    let base = 0;
    const marks = [];
    for (const [name, trials] of workers) {
      const lanes = []; // when each is free again
      trials.forEach((trial, n) => {
        const until = trial.finished_at ?? Date.now() / 1000;
        let lane = lanes.findIndex((free) => free <= trial.started_at + 1e-3);
        if (lane < 0) lane = lanes.length;
        lanes[lane] = until;
        if (n % every === 0) this.bar(shell, trial, base + lane, (trial.started_at - start) / seconds, (until - start) / seconds);
      });
      marks.push({ at: base + (lanes.length - 1) / 2, name: name.slice(0, 12) });
      base += lanes.length + 1;
    }
    for (const trace of shell.data) trace.line.width = Math.max(1, Math.min(12, LANES_HEIGHT / Math.max(1, base) - 1));
    Object.assign(shell.layout.yaxis, { tickvals: marks.map((mark) => mark.at), ticktext: marks.map((mark) => mark.name) });
    shell.layout.xaxis.title.text = `${unit} since the start`;
    shell.data = shell.data.filter((trace) => trace.x.length);
    return shell;
  }

  bar(shell, trial, lane, from, to) {
    const trace = shell.data.find(({ name }) => name === trial.state);
    if (!trace) return; // it waits to train on
    trace.customdata ??= [];
    push(trace, from, lane, trial.number);
    push(trace, to, lane, trial.number);
    push(trace, null, null, trial.number);
  }

  // When the first trial began, and the unit that suits the time until now.
  timeAxis() {
    let [start, end] = [Infinity, -Infinity];
    for (const trial of this.store.all()) {
      if (trial.started_at) start = Math.min(start, trial.started_at);
      if (trial.finished_at) end = Math.max(end, trial.finished_at);
    }
    const [unit, seconds] = AXIS_UNITS.find(([, size]) => end - start >= 3 * size) || AXIS_UNITS.at(-1);
    return { start, unit, seconds };
  }

  updateTakeaways() {
    const ended = this.endedTrials();
    const best = ended.reduce((top, trial) => (top && top.best_val_acc >= trial.best_val_acc ? top : trial), null);
    if (!best) return;
    const rank = ended.indexOf(best) + 1;
    setText($("#best-time-takeaway"), `${accuracy(best.best_val_acc)} was reached after ${duration(best.finished_at - this.timeAxis().start)}.`);
    setText($("#best-trials-takeaway"), `The best, trial #${best.number}, was number ${rank} of ${ended.length} to end.`);
    const workers = new Set([...this.store.all()].map((trial) => trial.worker).filter(Boolean)).size;
    setText($("#timeline-takeaway"), `${workers === 1 ? "1 worker" : `${workers} workers`}; a bar is a trial, bars side by side were trained as one group.`);
  }
}

function push(trace, x, y, number) {
  trace.x.push(x);
  trace.y.push(y);
  trace.customdata.push(number);
}
