// A canvas on the page: sharp on every screen, drawn only when visible and out of date, saved as PNG or SVG.
import { isPrinting, listenPrinting } from "../core/printing.js";
import { theme } from "./chart.js";
import { backgroundOf, save } from "./chart_menu.js";
import { SvgCanvas } from "./svg_canvas.js";

const SHARP = 2; // pixels of a file, or on paper, for one of the page

export class Canvas {
  // `draw(pen, width, height)` in pixels of the page.
  constructor(element, draw) {
    Object.assign(this, { element, draw, stale: true, seen: false });
    new IntersectionObserver(([{ isIntersecting }]) => { this.seen = isIntersecting; this.paint(); }, { rootMargin: "100px" }).observe(element);
    new ResizeObserver(() => this.update()).observe(element);
    document.addEventListener("visibilitychange", () => this.paint());
    document.documentElement.addEventListener("themechange", () => this.update());
    listenPrinting(() => (isPrinting() ? this.paintNow() : this.update()));
  }

  update() {
    this.stale = true;
    this.paint();
  }

  paint() {
    if (!this.stale || !this.seen || document.hidden || this.frame) return;
    this.frame = requestAnimationFrame(() => setTimeout(() => { // a task of its own: ten thousand points take a while
      this.frame = null;
      this.paintNow();
    }));
  }

  paintNow() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    this.stale = false;
    this.draw(this.pen(this.element, isPrinting() ? SHARP : devicePixelRatio || 1), width, height);
  }

  get font() { return `11px ${getComputedStyle(this.element).fontFamily}`; }

  // A pen for a canvas that is to be as large as the one on the page, and so sharp.
  pen(canvas, sharp) {
    const { clientWidth: width, clientHeight: height } = this.element;
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    pen.font = this.font;
    return pen;
  }

  // As it stands on the page.
  save(name, format) {
    const { clientWidth: width, clientHeight: height } = this.element;
    const ground = backgroundOf(this.element);
    if (format === "svg") {
      const pen = new SvgCanvas(width, height, ground, this.font);
      this.draw(pen, width, height);
      save(new Blob([pen.text], { type: "image/svg+xml" }), name);
      return;
    }
    const canvas = document.createElement("canvas");
    const pen = this.pen(canvas, SHARP);
    this.draw(pen, width, height);
    pen.globalCompositeOperation = "destination-over"; // behind what is drawn
    pen.fillStyle = ground;
    pen.fillRect(0, 0, width, height);
    canvas.toBlob((blob) => save(blob, name));
  }
}

// Where a drag began and went, in pixels of the element; a press that stays in place is a click. A drag that ends where it
// began, or is broken off, has meant nothing: `onCancel`.
export function listenDrags(element, { onMove, onEnd, onCancel, onClick }) {
  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let from = null;
  let dragged = false;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return; // a finger scrolls; it taps to pick
    from = place(event);
    dragged = false;
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (!from || !(dragged || isDrag(from, place(event)))) return;
    dragged = true;
    onMove(from, place(event));
  });
  element.addEventListener("pointerup", (event) => {
    const start = from;
    from = null;
    if (!start) return;
    if (!dragged) onClick(start, event);
    else if (isDrag(start, place(event))) onEnd(start, place(event));
    else onCancel();
  });
  element.addEventListener("pointercancel", () => { if (from) onCancel(); from = null; });
  element.addEventListener("click", (event) => { if (event.pointerType === "touch") onClick(place(event), event); });
}

function isDrag([x, y], [left, top]) { return Math.hypot(x - left, y - top) > 4; }

export function colours(palettes) { return palettes[theme()]; }

export function shade(palette, place) {
  return palette.scale[Math.max(0, Math.min(palette.scale.length - 1, Math.round(place * (palette.scale.length - 1))))];
}
