// Parallel coordinates: an axis per setting and one for val accuracy, a line per trial. Dragging along an axis selects.
import { Canvas, colours, listenDrags, shade } from "../charts/canvas.js";
import { ChartMenu } from "../charts/chart_menu.js";
import { axisLabel, colourScale, scaleOf } from "../charts/scales.js";
import { rowsOf, valueOf } from "../data/trial_store.js";

const PARALLEL_MARGIN = { left: 72, right: 48, top: 26, bottom: 14 };
const AXIS_REACH = 24; // pixels to the side of an axis that still mean it
const LINE_REACH = 8; // pixels from a line
const CROWD_OF_LINES = 200;
const COLOUR_CLASSES = 9; // colour classes: lines of one class are one stroke

export class Parallel {
  constructor(element, { store, selection, space, palettes }) {
    Object.assign(this, { element, store, selection, space, palettes, drag: null });
    const searched = Object.keys(space).length ? Object.keys(space) : store.axes;
    this.names = [...searched, "best_val_acc"];
    this.canvas = new Canvas(element, (pen, width, height) => this.draw(pen, width, height));
    new ChartMenu(element.parentElement, { rows: () => rowsOf(this.visibleTrials(), this.names), picture: (name, format) => this.canvas.save(name, format) });
    listenDrags(element, {
      onMove: (from, to) => { this.drag = [this.nearestAxis(from[0]), from[1], to[1]]; this.update(); },
      onEnd: (from, to) => this.brush(from, to),
      onCancel: () => { this.drag = null; this.update(); },
      onClick: (at, event) => this.click(at, event),
    });
    selection.addEventListener("change", () => this.update());
  }

  update() { this.canvas.update(); }

  x(n) { return PARALLEL_MARGIN.left + (n * (this.width - PARALLEL_MARGIN.left - PARALLEL_MARGIN.right)) / Math.max(1, this.names.length - 1); }
  y(place) { return PARALLEL_MARGIN.top + (1 - place) * (this.height - PARALLEL_MARGIN.top - PARALLEL_MARGIN.bottom); }
  place(y) { return 1 - (y - PARALLEL_MARGIN.top) / (this.height - PARALLEL_MARGIN.top - PARALLEL_MARGIN.bottom); }

  draw(pen, width, height) {
    Object.assign(this, { width, height });
    const palette = colours(this.palettes);
    this.scales = this.names.map((name) => scaleOf(name, this.store, this.space));
    pen.clearRect(0, 0, width, height);
    this.drawLines(pen, palette);
    this.drawAxes(pen, palette);
  }

  // The trials that have a line, the best first.
  visibleTrials() { return this.store.leaders().filter((trial) => !trial.excluded && trial.state !== "queued"); }

  line(trial) {
    return this.scales.map((scale, n) => {
      const lost = scale.name === "best_val_acc" && trial.state === "diverged";
      return [this.x(n), this.y(lost ? 0 : scale.at(valueOf(trial, scale.name)))];
    });
  }

  drawLines(pen, palette) {
    const { selection, store } = this;
    const tone = colourScale(store, false);
    const order = this.visibleTrials().reverse();
    const classes = new Map();
    for (const trial of order) {
      const held = !selection.hasBrush || selection.holds(trial);
      const place = tone(trial);
      const colour = !held ? "out" : trial.state === "diverged" ? "diverged" : place === null ? "" : Math.round(place * (COLOUR_CLASSES - 1));
      if (colour === "") continue;
      if (!classes.has(colour)) classes.set(colour, []);
      classes.get(colour).push(this.line(trial));
    }
    const ways = ["out", "diverged", ...Array(COLOUR_CLASSES).keys()].filter((name) => classes.has(name));
    pen.lineWidth = order.length > CROWD_OF_LINES ? 0.7 : 1.3;
    for (const name of ways) {
      pen.strokeStyle = name === "out" ? palette.grid : name === "diverged" ? palette.diverged : shade(palette, name / (COLOUR_CLASSES - 1));
      pen.globalAlpha = name === "out" ? 0.7 : name === "diverged" ? 0.35 : 0.75;
      stroke(pen, classes.get(name));
    }
    pen.globalAlpha = 1;
    pen.lineWidth = 2.5;
    [...selection.numbers].forEach((number, n) => {
      const trial = store.get(number);
      pen.strokeStyle = palette.series[n % palette.series.length];
      if (trial) stroke(pen, [this.line(trial)]);
    });
  }

  drawAxes(pen, { ink, quiet, ground }) {
    this.scales.forEach((scale, n) => {
      const x = this.x(n);
      pen.strokeStyle = quiet;
      pen.lineWidth = 1;
      stroke(pen, [[[x, this.y(0)], [x, this.y(1)]]]);
      pen.textAlign = n === this.scales.length - 1 ? "left" : "right";
      const side = n === this.scales.length - 1 ? 5 : -5;
      for (const tick of scale.ticks) outlineText(pen, tick.text, x + side, this.y(tick.at) + 4, quiet, ground);
      pen.textAlign = n === 0 ? "left" : n === this.scales.length - 1 ? "right" : "center";
      outlineText(pen, axisLabel(scale.name), n === 0 ? 4 : n === this.scales.length - 1 ? this.width - 4 : x, 14, ink, ground);
      const range = this.drag?.[0] === n ? this.drag.slice(1) : this.selection.ranges.get(scale.name)?.map((value) => this.y(Math.max(0, Math.min(1, scale.at(value)))));
      if (!range) return;
      pen.fillStyle = ink;
      pen.globalAlpha = 0.3;
      pen.fillRect(x - 5, Math.min(...range), 10, Math.abs(range[1] - range[0]));
      pen.globalAlpha = 1;
    });
  }

  nearestAxis(x) {
    const n = Math.round(((x - PARALLEL_MARGIN.left) / (this.width - PARALLEL_MARGIN.left - PARALLEL_MARGIN.right)) * (this.names.length - 1));
    return Math.max(0, Math.min(this.names.length - 1, n));
  }

  brush(from, to) {
    this.drag = null;
    const scale = this.scales[this.nearestAxis(from[0])];
    const ends = [this.place(from[1]), this.place(to[1])].sort((a, b) => a - b);
    if (scale.words) this.update();
    else this.selection.brush({ [scale.name]: ends.map((end) => scale.value(end)) });
  }

  // On an axis a click takes its range away; elsewhere it picks the line under it.
  click([x, y], event) {
    const n = this.nearestAxis(x);
    const { name } = this.scales[n];
    if (Math.abs(this.x(n) - x) < AXIS_REACH && this.selection.ranges.has(name)) return this.selection.brush({ [name]: null });
    let [found, least] = [null, LINE_REACH];
    for (const trial of this.store.all()) {
      if (this.selection.hasBrush && !this.selection.holds(trial)) continue;
      const distance = Math.abs(heightAt(this.line(trial), x) - y);
      if (distance < least) [found, least] = [trial, distance];
    }
    if (found) this.selection.pick(found.number, event);
    return undefined;
  }
}

function stroke(pen, lines) {
  pen.beginPath();
  for (const points of lines) {
    let down = false; // a value that is missing leaves a gap
    for (const [x, y] of points) {
      if (!Number.isFinite(y)) { down = false; continue; }
      if (down) pen.lineTo(x, y);
      else pen.moveTo(x, y);
      down = true;
    }
  }
  pen.stroke();
}

function heightAt(points, x) {
  const n = points.findIndex(([right], place) => place > 0 && right >= x);
  if (n < 1) return NaN;
  const [[x0, y0], [x1, y1]] = [points[n - 1], points[n]];
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

function outlineText(pen, text, x, y, colour, ground) {
  pen.strokeStyle = ground;
  pen.lineWidth = 3;
  pen.strokeText(text, x, y);
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}
