// A canvas context that writes SVG: the part of the 2D API that the map and the parallel axes use.
import { svg } from "../core/dom.js";

const ANCHORS = { left: "start", center: "middle", right: "end" };

export class SvgCanvas {
  constructor(width, height, ground, font) {
    Object.assign(this, { fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, globalAlpha: 1, textAlign: "left", path: "", dash: [] });
    const own = { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}`, style: `font:${font}` };
    this.picture = svg("svg", own, svg("rect", { width, height, fill: ground }));
  }

  get text() { return new XMLSerializer().serializeToString(this.picture); }

  clearRect() {} // it begins clear, and draws once

  beginPath() { this.path = ""; }
  moveTo(x, y) { this.path += `M${x.toFixed(1)} ${y.toFixed(1)}`; }
  lineTo(x, y) { this.path += `L${x.toFixed(1)} ${y.toFixed(1)}`; }

  arc(x, y, radius) { // whole circles only
    this.moveTo(x - radius, y);
    this.path += `a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
  }

  setLineDash(dash) { this.dash = dash; }

  stroke() { this.put("path", { d: this.path, ...this.line }); }
  fill() { this.put("path", { d: this.path, fill: this.fillStyle }); }
  strokeRect(x, y, width, height) { this.put("rect", { ...box(x, y, width, height), ...this.line }); }
  fillRect(x, y, width, height) { this.put("rect", { ...box(x, y, width, height), fill: this.fillStyle }); }
  strokeText(words, x, y) { this.put("text", { x, y, "text-anchor": ANCHORS[this.textAlign], ...this.line }, words); }
  fillText(words, x, y) { this.put("text", { x, y, "text-anchor": ANCHORS[this.textAlign], fill: this.fillStyle }, words); }

  get line() {
    return { fill: "none", stroke: this.strokeStyle, "stroke-width": this.lineWidth, ...(this.dash.length ? { "stroke-dasharray": this.dash.join(" ") } : {}) };
  }

  put(tag, attributes, ...children) {
    if (this.globalAlpha < 1) attributes.opacity = this.globalAlpha;
    this.picture.append(svg(tag, attributes, ...children));
  }
}

// A canvas takes sides that go left or up; SVG does not.
function box(x, y, width, height) {
  return { x: Math.min(x, x + width), y: Math.min(y, y + height), width: Math.abs(width), height: Math.abs(height) };
}
