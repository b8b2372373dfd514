// A canvas on the page: sharp on every screen, drawn only while it is seen and something is new, safe as PNG.
import { theme } from "./chart.js";

export class Canvas {
  // `draw(pen, width, height)` in pixels of the page.
  constructor(element, draw) {
    Object.assign(this, { element, draw, stale: true, seen: false });
    new IntersectionObserver(([{ isIntersecting }]) => { this.seen = isIntersecting; this.paint(); }, { rootMargin: "100px" }).observe(element);
    new ResizeObserver(() => this.update()).observe(element);
    document.addEventListener("visibilitychange", () => this.paint());
    document.documentElement.addEventListener("themechange", () => this.update());
  }

  update() {
    this.stale = true;
    this.paint();
  }

  paint() {
    if (!this.stale || !this.seen || document.hidden || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      const { clientWidth: width, clientHeight: height } = this.element;
      if (!width || !height) return;
      this.stale = false;
      const sharp = devicePixelRatio || 1;
      this.element.width = Math.round(width * sharp);
      this.element.height = Math.round(height * sharp);
      const pen = this.element.getContext("2d");
      pen.scale(sharp, sharp);
      pen.font = `11px ${getComputedStyle(this.element).fontFamily}`;
      this.draw(pen, width, height);
    });
  }
}

// Where a drag began and went, in pixels of the element; a press that stays in place is a click.
export function listenDrags(element, { moved, ended, clicked }) {
  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let from = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return; // a finger scrolls; it taps to pick
    from = place(event);
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => { if (from && far(from, place(event))) moved(from, place(event)); });
  element.addEventListener("pointerup", (event) => {
    const start = from;
    from = null;
    if (start && far(start, place(event))) ended(start, place(event));
    else if (start) clicked(start, event);
  });
  element.addEventListener("pointercancel", () => { from = null; });
  element.addEventListener("click", (event) => { if (event.pointerType === "touch") clicked(place(event), event); });
}

function far([x, y], [left, top]) { return Math.hypot(x - left, y - top) > 4; }

export function colours(palettes) { return palettes[theme()]; }

export function shade(palette, place) {
  return palette.scale[Math.max(0, Math.min(palette.scale.length - 1, Math.round(place * (palette.scale.length - 1))))];
}
