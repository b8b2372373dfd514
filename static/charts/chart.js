// One Plotly chart on the page: one figure per theme, drawn only while in view, keeps its zoom when updated.
// plotly.js itself is fetched when the first chart comes into view.
import { isPrinting, listenPrinting } from "../core/printing.js";
import { backgroundOf, ChartMenu } from "./chart_menu.js";

/* global Plotly */

const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]], // no button that sends the chart elsewhere
  doubleClickDelay: 250,
};

const WHOLE = 8; // epochs; on a longer axis plotly's own ticks are whole numbers
const PLOTLY_RETRY_MS = 3000;
const SAVED = { width: 1200, height: 700, scale: 2 }; // of a picture as a file
const CHART_REST = 3; // times as long as the drawing took

let library = null;

function loadPlotly() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.querySelector("meta[name=plotly]").content;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => { library = null; reject(new Error("plotly.js did not come.")); });
    document.head.append(script);
  });
  return library;
}

// Charts that waited for plotly.js are drawn in tasks of their own, so that the first is seen before the last is done.
let queue = Promise.resolve();

function enqueue(draw) {
  queue = queue.then(() => new Promise((done) => {
    setTimeout(() => { try { draw(); } finally { done(); } });
  }));
}

const charts = new Set();
const dark = matchMedia("(prefers-color-scheme: dark)");

export function theme() {
  if (isPrinting()) return "light";
  return document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
}

document.documentElement.addEventListener("themechange", () => charts.forEach((chart) => chart.update(true)));
listenPrinting(() => charts.forEach((chart) => chart.update(true)));
document.addEventListener("visibilitychange", () => charts.forEach((chart) => chart.draw()));

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.chart.drawn && target.offsetHeight) Plotly.Plots.resize(target);
});

const visibility = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.chart.inView = isIntersecting;
    target.chart.draw();
  }
}, { rootMargin: "150px" });

export class Chart {
  // `figure(shell)` fills a fresh copy of the shell: {light: {data, layout}, dark: {...}}. `rows()`: its numbers, where
  // they are not simply the drawn points.
  constructor(element, shells, figure, rows = () => pointsOf(element)) {
    Object.assign(this, { element, shells, figure, inView: false, stale: true, drawn: false, ready: 0 });
    element.chart = this;
    charts.add(this);
    visibility.observe(element);
    sizes.observe(element);
    new ChartMenu(element, { rows, picture: (name, format) => this.save(name, format) });
  }

  // `now`: somebody waits for it. New data may wait until drawing has cost at most a quarter of the time.
  update(now = false) {
    this.stale = true;
    if (now) this.ready = 0;
    this.draw();
  }

  draw() {
    const wanted = isPrinting() ? this.element.checkVisibility() : this.inView && !document.hidden;
    if (!this.stale || !wanted) return;
    const start = performance.now();
    clearTimeout(this.later);
    if (start < this.ready) {
      this.later = setTimeout(() => this.draw(), this.ready - start);
      return;
    }
    if (!globalThis.Plotly) {
      loadPlotly().then(() => enqueue(() => this.draw()), () => { this.later = setTimeout(() => this.draw(), PLOTLY_RETRY_MS); });
      return;
    }
    this.stale = false;
    const { data, layout } = this.figure(structuredClone(this.shells[theme()]));
    const empty = !data.some((trace) => trace.x.length);
    if (empty) {
      this.element.dataset.empty = this.element.dataset.nothing || "Nothing to draw yet.";
      layout.xaxis.visible = layout.yaxis.visible = false;
      layout.shapes = [];
    } else delete this.element.dataset.empty;
    if (isPrinting()) Object.assign(layout, { autosize: false, width: this.element.clientWidth, height: this.element.clientHeight });
    layout.modebar = { bgcolor: "rgba(0,0,0,0)" };
    layout.selections = []; // the page draws what is selected
    Plotly.react(this.element, data, layout, CONFIG);
    if (!this.drawn) this.listen();
    this.drawn = true;
    const end = performance.now();
    this.ready = end + CHART_REST * (end - start);
  }

  save(name, format) {
    if (!this.drawn) return;
    const layout = { ...this.element.layout, paper_bgcolor: backgroundOf(this.element) };
    Plotly.downloadImage({ data: this.element.data, layout }, { ...SAVED, format, filename: name.replace(/\.\w+$/, "") });
  }

  listen() {
    this.element.on("plotly_click", ({ points, event }) => {
      const point = points.find((mark) => mark.customdata !== undefined);
      if (point) this.onPick?.(point.customdata, event);
    });
    this.element.on("plotly_selected", (event) => event?.range && this.onBrush?.(event.range));
  }
}

// The drawn points, a row each: which line, which trial if the chart is of trials, x and y.
function pointsOf({ data = [], layout = {} }) {
  const rows = [["line", "trial", layout.xaxis?.title?.text || "x", layout.yaxis?.title?.text || "y"]];
  for (const trace of data) {
    trace.x.forEach((x, place) => {
      if (x != null) rows.push([trace.name, trace.customdata?.[place] ?? null, x, trace.y[place]]);
    });
  }
  return rows;
}

// The axis of epochs: from the first to the last, whole numbers only; a lone epoch stands in the middle.
export function epochAxis(figure, last, first = 1) {
  if (!last) return;
  const room = last > first ? 0 : 0.5;
  figure.layout.xaxis.autorangeoptions = { minallowed: first - room, maxallowed: last + room };
  if (last - first < WHOLE) Object.assign(figure.layout.xaxis, { tick0: 0, dtick: 1 });
}

export function byRole(figure, role) {
  return figure.data.find((trace) => trace.meta.role === role);
}
