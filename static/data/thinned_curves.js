// Thinned curves of many trials, fetched when somebody draws them and kept up by the live rows.
//
// A sketch has the first epochs, then every `stride`-th and the last; the stride doubles as a curve grows.
import { get, query } from "../core/api.js";

const AT_ONCE = 250; // curves of one request
const HEAD = 32; // epochs at most of which none is left out, as in store/read/chart_columns.py

export class Sketches extends EventTarget {
  // `timed`: with the seconds of training up to each epoch, as `elapsed`.
  constructor(sweepId, metrics, points, timed = false) {
    super();
    Object.assign(this, { sweepId, metrics, points, timed, byNumber: new Map(), asked: new Set(), old: new Map() });
    this.names = timed ? [...metrics, "elapsed"] : metrics;
  }

  get(number) { return this.old.get(number) ?? this.byNumber.get(number); }

  // Fetches what is not here; says "change" as it comes. With `points` finer ones, of few trials.
  async want(numbers, points = this.points) {
    const missing = [...numbers].filter((number) => !this.asked.has(key(number, points)) && this.isCoarse(number, points));
    for (const number of missing) this.asked.add(key(number, points)).add(number);
    for (let start = 0; start < missing.length; start += AT_ONCE) {
      try {
        await this.fetch(missing.slice(start, start + AT_ONCE), points);
      } catch (error) {
        for (const number of missing.slice(start)) for (const one of [number, key(number, points)]) this.asked.delete(one); // asked again when next in view
        throw error;
      }
    }
  }

  isCoarse(number, points) {
    const sketch = this.byNumber.get(number);
    return !sketch || (sketch.stride > 1 && sketch.epoch.length < points);
  }

  async fetch(numbers, points) {
    const values = { numbers: numbers.join(","), of: this.metrics.join(","), points, elapsed: this.timed };
    const { curves } = await get(`/api/sweeps/${this.sweepId}/curves?${query(values)}`);
    for (const curve of curves) this.merge(curve, points);
    this.dispatchEvent(new Event("change"));
  }

  // What came live while the request was on its way is newer than the answer.
  merge(curve, points) {
    const before = this.byNumber.get(curve.number);
    const sketch = { epoch: curve.epoch, stride: curve.stride, points, ...curve.metrics, elapsed: curve.elapsed };
    this.byNumber.set(curve.number, sketch);
    this.old.delete(curve.number);
    const last = curve.epoch.at(-1);
    before?.epoch.forEach((epoch, place) => {
      if (epoch > last) this.append(sketch, epoch, (name) => before[name][place]);
    });
  }

  // An epoch of the stream; curves that nobody has asked for, at whatever fineness, stay away.
  receive(row) {
    const sketch = this.byNumber.get(row.number);
    if (!sketch) {
      if (row.epoch === 1 || this.asked.has(row.number)) this.begin(row);
      return;
    }
    if (row.epoch > sketch.epoch.at(-1)) this.append(sketch, row.epoch, (name) => this.value(row, name, sketch));
  }

  // The stream tells the seconds of one epoch; what came before them the sketch knows.
  value(row, name, sketch) {
    return name === "elapsed" ? (sketch?.elapsed.at(-1) ?? 0) + (row.seconds ?? 0) : row[name] ?? null;
  }

  begin(row) {
    const sketch = { epoch: [row.epoch], stride: 1, points: this.points };
    for (const name of this.names) sketch[name] = [this.value(row, name, null)];
    this.byNumber.set(row.number, sketch);
    if (row.epoch === 1) this.old.delete(row.number); // it was trained again from its start
  }

  append(sketch, epoch, value) {
    const length = sketch.epoch.length;
    const provisional = length > 1 && !kept(sketch, sketch.epoch[length - 1]); // was only the last
    const place = provisional ? length - 1 : length;
    sketch.epoch[place] = epoch;
    for (const name of this.names) sketch[name][place] = value(name);
    if (sketch.epoch.length > 2 * sketch.points) this.thin(sketch);
  }

  thin(sketch) {
    sketch.stride *= 2;
    const last = sketch.epoch.length - 1;
    const stays = sketch.epoch.map((epoch, place) => place === last || kept(sketch, epoch));
    for (const name of ["epoch", ...this.names]) sketch[name] = sketch[name].filter((_, place) => stays[place]);
  }

  // All are fetched anew by whoever draws them, who sees the old ones until then.
  clear() {
    this.old = new Map([...this.old, ...this.byNumber]);
    this.byNumber.clear();
    this.asked.clear();
  }
}

function kept({ points, stride }, epoch) { return epoch <= Math.min(points / 2, HEAD) || (epoch - 1) % stride === 0; }

function key(number, points) { return `${number}:${points}`; }
