// Thinned curves of many trials: fetched when a chart needs them, then extended by the live rows.
//
// A thinned curve has the first epochs, then every `stride`-th and the last; the stride doubles as a curve grows.
import { get, query } from "../core/api.js";

const AT_ONCE = 250; // curves of one request
const HEAD = 32; // epochs at most of which none is left out, as in store/read/chart_series.py

export class ThinnedCurves extends EventTarget {
  // `timed`: with the seconds of training up to each epoch, as `elapsed`.
  constructor(sweepId, metrics, points, timed = false) {
    super();
    Object.assign(this, { sweepId, metrics, points, timed, byNumber: new Map(), asked: new Set(), old: new Map() });
    this.names = timed ? [...metrics, "elapsed"] : metrics;
  }

  get(number) { return this.old.get(number) ?? this.byNumber.get(number); }

  // Fetches what is not here; says "change" as it comes. With `points` finer ones, of few trials.
  async fetchMissing(numbers, points = this.points) {
    const missing = [...numbers].filter((number) => !this.asked.has(key(number, points)) && this.isCoarse(number, points));
    for (const number of missing) this.asked.add(key(number, points)).add(number);
    for (let start = 0; start < missing.length; start += AT_ONCE) {
      try {
        await this.fetch(missing.slice(start, start + AT_ONCE), points);
      } catch (error) {
        for (const number of missing.slice(start)) for (const entry of [number, key(number, points)]) this.asked.delete(entry); // asked again when next in view
        throw error;
      }
    }
  }

  isCoarse(number, points) {
    const curve = this.byNumber.get(number);
    return !curve || (curve.stride > 1 && curve.epoch.length < points);
  }

  async fetch(numbers, points) {
    const values = { numbers: numbers.join(","), of: this.metrics.join(","), points, elapsed: this.timed };
    const { curves } = await get(`/api/sweeps/${this.sweepId}/curves?${query(values)}`);
    for (const curve of curves) this.merge(curve, points);
    this.dispatchEvent(new Event("change"));
  }

  // What came live while the request was on its way is newer than the answer.
  merge({ number, epoch: epochs, stride, metrics, elapsed }, points) {
    const before = this.byNumber.get(number);
    const curve = { epoch: epochs, stride, points, ...metrics, elapsed };
    this.byNumber.set(number, curve);
    this.old.delete(number);
    const last = epochs.at(-1);
    before?.epoch.forEach((epoch, place) => {
      if (epoch > last) this.append(curve, epoch, (name) => before[name][place]);
    });
  }

  // An epoch of the stream; curves that nobody has asked for, at whatever fineness, stay away.
  receive(row) {
    const curve = this.byNumber.get(row.number);
    if (!curve) {
      if (row.epoch === 1 || this.asked.has(row.number)) this.begin(row);
      return;
    }
    if (row.epoch > curve.epoch.at(-1)) this.append(curve, row.epoch, (name) => this.value(row, name, curve));
  }

  // The stream tells the seconds of one epoch; the curve knows what came before.
  value(row, name, curve) {
    return name === "elapsed" ? (curve?.elapsed.at(-1) ?? 0) + (row.seconds ?? 0) : row[name] ?? null;
  }

  begin(row) {
    const curve = { epoch: [row.epoch], stride: 1, points: this.points };
    for (const name of this.names) curve[name] = [this.value(row, name, null)];
    this.byNumber.set(row.number, curve);
    if (row.epoch === 1) this.old.delete(row.number); // it was trained again from its start
  }

  append(curve, epoch, value) {
    const length = curve.epoch.length;
    const provisional = length > 1 && !isOnStride(curve, curve.epoch[length - 1]); // was only the last
    const place = provisional ? length - 1 : length;
    curve.epoch[place] = epoch;
    for (const name of this.names) curve[name][place] = value(name);
    if (curve.epoch.length > 2 * curve.points) this.thin(curve);
  }

  thin(curve) {
    curve.stride *= 2;
    const last = curve.epoch.length - 1;
    const stays = curve.epoch.map((epoch, place) => place === last || isOnStride(curve, epoch));
    for (const name of ["epoch", ...this.names]) curve[name] = curve[name].filter((_, place) => stays[place]);
  }

  // All are fetched anew by whoever draws them, who sees the old ones until then.
  clear() {
    this.old = new Map([...this.old, ...this.byNumber]);
    this.byNumber.clear();
    this.asked.clear();
  }
}

function isOnStride({ points, stride }, epoch) { return epoch <= Math.min(points / 2, HEAD) || (epoch - 1) % stride === 0; }

function key(number, points) { return `${number}:${points}`; }
