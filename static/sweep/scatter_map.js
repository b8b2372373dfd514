// The map: every trial is a point on two axes of the user's choice, coloured by val accuracy. Dragging selects what lies inside.
import { Canvas, colours, listenDrags, shade } from "../charts/canvas.js";
import { ChartMenu } from "../charts/chart_menu.js";
import { axisLabel, colourScale, scaleOf } from "../charts/scales.js";
import { mapTakeaway } from "../charts/takeaways.js";
import { accuracy, setting } from "../core/format.js";
import { isRanked, rowsOf, valueOf } from "../data/trial_store.js";

const MAP_MARGIN = { left: 46, right: 12, top: 22, bottom: 34 };
const CROWD_OF_TRIALS = 600; // from so many trials on, points are small
const POINT_REACH = 12; // pixels from a point that still mean it
const RINGED = 3; // best trials

export class TrialMap {
  constructor(element, { store, selection, space, palettes, axes, byRank, tip, onTakeaway }) {
    Object.assign(this, { element, store, selection, space, palettes, axes, byRank, tip, onTakeaway, drag: null });
    this.canvas = new Canvas(element, (pen, width, height) => this.draw(pen, width, height));
    new ChartMenu(element.parentElement, { rows: () => this.rows(), picture: (name, format) => this.canvas.save(name, format) });
    listenDrags(element, {
      onMove: (from, to) => { this.drag = [from, to]; this.canvas.update(); },
      onEnd: (from, to) => this.brush(from, to),
      onCancel: () => { this.drag = null; this.update(); },
      onClick: (at, event) => this.click(at, event),
    });
    element.addEventListener("pointermove", (event) => this.hover(event));
    element.addEventListener("pointerleave", () => { tip.hidden = true; });
    store.addEventListener("change", () => this.canvas.update());
    selection.addEventListener("change", () => this.canvas.update());
  }

  update() { this.canvas.update(); }

  draw(pen, width, height) {
    const palette = colours(this.palettes);
    const [across, up] = this.axes().map((name) => scaleOf(name, this.store, this.space));
    const frame = { left: MAP_MARGIN.left, top: MAP_MARGIN.top, width: width - MAP_MARGIN.left - MAP_MARGIN.right, height: height - MAP_MARGIN.top - MAP_MARGIN.bottom };
    Object.assign(this, { across, up, frame });
    pen.clearRect(0, 0, width, height);
    this.drawAxes(pen, palette);
    this.drawPoints(pen, palette);
    this.drawBrush(pen, palette);
    this.onTakeaway(mapTakeaway(this.store.leaders(), [across, up]));
  }

  // A row for each point, the best first.
  rows() {
    return rowsOf((this.points || []).map(([,, trial]) => trial).reverse(), [...new Set([...this.axes(), "best_val_acc"])]);
  }

  x(place) { return this.frame.left + place * this.frame.width; }
  y(place) { return this.frame.top + (1 - place) * this.frame.height; }

  drawAxes(pen, { grid, quiet, diverged }) {
    const { across, up, frame } = this;
    pen.strokeStyle = grid;
    pen.fillStyle = quiet;
    pen.lineWidth = 1;
    pen.textAlign = "center";
    for (const tick of across.ticks) {
      line(pen, this.x(tick.at), frame.top, this.x(tick.at), frame.top + frame.height);
      pen.fillText(tick.text, this.x(tick.at), frame.top + frame.height + 14);
    }
    pen.textAlign = "right";
    for (const tick of up.ticks) {
      line(pen, frame.left, this.y(tick.at), frame.left + frame.width, this.y(tick.at));
      pen.fillText(tick.text, frame.left - 5, this.y(tick.at) + 4);
    }
    pen.fillText(axisLabel(across.name), frame.left + frame.width, frame.top + frame.height + 29);
    pen.textAlign = "left";
    pen.fillText(axisLabel(up.name), frame.left, frame.top - 9);
    pen.setLineDash([2, 3]);
    pen.strokeStyle = diverged;
    for (const edge of across.edges || []) line(pen, this.x(across.at(edge)), frame.top, this.x(across.at(edge)), frame.top + frame.height);
    for (const edge of up.edges || []) line(pen, frame.left, this.y(up.at(edge)), frame.left + frame.width, this.y(up.at(edge)));
    pen.setLineDash([]);
  }

  // Where a trial stands; one that diverged has no accuracy to compare, it stands at the lower edge.
  place(trial) {
    const x = this.across.at(valueOf(trial, this.across.name));
    const lost = this.up.name === "best_val_acc" && trial.state === "diverged";
    return [this.x(x), lost ? this.y(0) - 4 : this.y(this.up.at(valueOf(trial, this.up.name)))];
  }

  drawPoints(pen, palette) {
    const tone = colourScale(this.store, this.byRank());
    const size = this.store.length > CROWD_OF_TRIALS ? 2.2 : 4;
    const { selection } = this;
    const order = this.store.leaders().filter((trial) => !trial.excluded).reverse();
    this.points = [];
    for (const trial of order) {
      const [x, y] = this.place(trial);
      if (!Number.isFinite(x) || !Number.isFinite(y) || trial.state === "queued") continue;
      this.points.push([x, y, trial]);
      pen.globalAlpha = selection.hasBrush && !selection.holds(trial) ? 0.15 : 0.9;
      const place = tone(trial);
      if (trial.state === "diverged") cross(pen, x, y, size, palette.diverged);
      else if (place !== null) dot(pen, x, y, size, shade(palette, place));
      else if (trial.state === "running") ring(pen, x, y, size, palette.running, 1.5);
    }
    pen.globalAlpha = 1;
    for (const trial of order.filter(isRanked).slice(-RINGED)) ring(pen, ...this.place(trial), size + 4, palette.best, 1.5);
    [...selection.numbers].forEach((number, n) => {
      const trial = this.store.get(number);
      if (trial) ring(pen, ...this.place(trial), size + 6, palette.series[n % palette.series.length], 2.5);
    });
  }

  drawBrush(pen, { ink }) {
    const { across, up, frame } = this;
    const ends = (scale, to) => {
      const range = this.selection.ranges.get(scale.name);
      return range ? range.map((value) => to(Math.max(0, Math.min(1, scale.at(value))))) : [to(0), to(1)];
    };
    let box = null;
    if (this.drag) box = this.drag;
    else if (this.selection.ranges.has(across.name) || this.selection.ranges.has(up.name)) {
      const [[x0, x1], [y0, y1]] = [ends(across, (at) => this.x(at)), ends(up, (at) => this.y(at))];
      box = [[x0, y0], [x1, y1]];
    }
    if (!box) return;
    const [[x0, y0], [x1, y1]] = box.map(([x, y]) => [clamp(x, frame.left, frame.width), clamp(y, frame.top, frame.height)]);
    pen.strokeStyle = pen.fillStyle = ink;
    pen.lineWidth = 1;
    pen.globalAlpha = 0.06;
    pen.fillRect(x0, y0, x1 - x0, y1 - y0);
    pen.globalAlpha = 0.6;
    pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
    pen.globalAlpha = 1;
  }

  brush(from, to) {
    this.drag = null;
    const range = (scale, a, b) => (scale.words ? null : [scale.value(Math.min(a, b)), scale.value(Math.max(a, b))]);
    const { frame } = this;
    this.selection.brush({
      [this.across.name]: range(this.across, (from[0] - frame.left) / frame.width, (to[0] - frame.left) / frame.width),
      [this.up.name]: range(this.up, 1 - (from[1] - frame.top) / frame.height, 1 - (to[1] - frame.top) / frame.height),
    });
  }

  nearestPoint([left, top]) {
    let found = null;
    let least = POINT_REACH;
    for (const [x, y, trial] of this.points || []) {
      const distance = Math.hypot(x - left, y - top);
      if (distance <= least) [found, least] = [[x, y, trial], distance];
    }
    return found;
  }

  click(at, event) {
    const found = this.nearestPoint(at);
    if (found) this.selection.pick(found[2].number, event);
    else if (this.selection.hasBrush) this.selection.brush({ [this.across.name]: null, [this.up.name]: null });
  }

  hover(event) {
    const box = this.element.getBoundingClientRect();
    const found = this.drag ? null : this.nearestPoint([event.clientX - box.left, event.clientY - box.top]);
    this.element.style.cursor = found ? "pointer" : "crosshair";
    this.tip.hidden = !found;
    if (!found) return;
    const [x, y, trial] = found;
    const words = this.store.axes.map((name) => `${name} ${setting(name, trial.settings[name], 4)}`);
    this.tip.textContent = [`#${trial.number} · ${trial.state}`, `val acc ${accuracy(trial.best_val_acc)}`, ...words].join("\n");
    this.tip.style.translate = `${Math.min(x + 10, box.width - this.tip.offsetWidth)}px ${y < box.height / 2 ? y + 12 : y - 12 - this.tip.offsetHeight}px`;
  }
}

function clamp(at, start, size) { return Math.max(start, Math.min(start + size, at)); }

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function dot(pen, x, y, radius, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
}

function ring(pen, x, y, radius, colour, width) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.stroke();
}

function cross(pen, x, y, size, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.2;
  pen.beginPath();
  pen.moveTo(x - size, y - size);
  pen.lineTo(x + size, y + size);
  pen.moveTo(x - size, y + size);
  pen.lineTo(x + size, y - size);
  pen.stroke();
}
