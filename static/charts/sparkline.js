// The small curve of a trial: train and val loss by epoch, × where it diverged. A running trial has room on the right.
import { svg } from "../core/dom.js";

const HEADROOM = 1.25; // above the first loss; what explodes leaves at the top
const AHEAD = 1.3; // of a running trial's epochs so far: a long run shows its shape, not a line at the left edge

export function makeSparkline(width, height) {
  return svg("svg", { class: "mini", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "train" }), svg("path", { class: "val" }), svg("path", { class: "cross" }));
}

// Without a curve the picture is empty.
export function drawSparkline(picture, curve, { state, end, width, height, log = false }) {
  const [train, val, cross] = picture.children;
  if (!curve) return [train, val, cross].forEach((line) => setPath(line, ""));
  const top = topOf(curve);
  const last = curve.epoch.at(-1);
  const diverged = state === "diverged";
  const span = Math.max(1, endOfAxis(state, last, end) - 1);
  const x = (epoch) => (diverged && last === 1 ? width / 2 : 4 + ((width - 8) * (epoch - 1)) / span).toFixed(1);
  const low = log ? bottomOf(curve, top) : 0;
  const share = log ? (value) => Math.log(Math.max(value, low) / low) / Math.log(top / low) : (value) => value / top;
  const y = (value) => (3 + (height - 6) * (1 - Math.min(1, share(value)))).toFixed(1);
  setPath(train, path(curve, "data_loss", x, y));
  setPath(val, path(curve, "val_loss", x, y));
  setPath(cross, diverged ? `M${x(last) - 3},2l6,6m0,-6l-6,6` : "");
  return undefined;
}

function endOfAxis(state, last, end) {
  if (state === "diverged") return last;
  return state === "running" ? Math.min(end, last * AHEAD) : Math.max(end, last);
}

function topOf(curve) {
  const seen = [...curve.data_loss, ...curve.val_loss].filter((value) => value != null);
  const first = [curve.data_loss[0], curve.val_loss[0]].filter((value) => value != null);
  return Math.min(Math.max(...seen, 1e-9), HEADROOM * Math.max(...first, 1e-9)) * 1.05 || 1;
}

// Above 0, and a tenth of the top at most, so that noise does not fill the picture.
function bottomOf(curve, top) {
  const seen = [...curve.data_loss, ...curve.val_loss].filter((value) => value > 0);
  return Math.min(Math.max(1e-9, ...[Math.min(...seen)].filter(Number.isFinite)), top / 10);
}

function path(curve, name, x, y) {
  let text = "";
  let pen = "M";
  curve.epoch.forEach((epoch, place) => {
    const value = curve[name][place];
    if (value == null) { pen = "M"; return; }
    text += `${pen}${x(epoch)},${y(value)}`;
    pen = "L";
  });
  return text && !text.includes("L") ? `${text}h0.01` : text; // one epoch is a dot
}

function setPath(element, d) {
  if (element.getAttribute("d") !== d) element.setAttribute("d", d);
}
