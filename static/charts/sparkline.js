// The small curve of a trial: train and val loss by epoch, × where it diverged. One that runs has room to its right.
import { svg } from "../core/dom.js";

const ROOM = 1.25; // above the first loss; what explodes leaves at the top
const AHEAD = 1.3; // of a running trial's epochs so far: a long run shows its shape, not a line at the left edge

export function freshCurve(width, height) {
  return svg("svg", { class: "mini", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "train" }), svg("path", { class: "val" }), svg("path", { class: "cross" }));
}

// Without a sketch the picture is empty.
export function drawCurve(picture, sketch, { state, end, width, height, log = false }) {
  const [train, val, cross] = picture.children;
  if (!sketch) return [train, val, cross].forEach((line) => set(line, ""));
  const top = highest(sketch);
  const last = sketch.epoch.at(-1);
  const diverged = state === "diverged";
  const span = Math.max(1, lastShown(state, last, end) - 1);
  const x = (epoch) => (diverged && last === 1 ? width / 2 : 4 + ((width - 8) * (epoch - 1)) / span).toFixed(1);
  const low = log ? lowest(sketch, top) : 0;
  const share = log ? (value) => Math.log(Math.max(value, low) / low) / Math.log(top / low) : (value) => value / top;
  const y = (value) => (3 + (height - 6) * (1 - Math.min(1, share(value)))).toFixed(1);
  set(train, path(sketch, "data_loss", x, y));
  set(val, path(sketch, "val_loss", x, y));
  set(cross, diverged ? `M${x(last) - 3},2l6,6m0,-6l-6,6` : "");
  return undefined;
}

function lastShown(state, last, end) {
  if (state === "diverged") return last;
  return state === "running" ? Math.min(end, last * AHEAD) : Math.max(end, last);
}

function highest(sketch) {
  const seen = [...sketch.data_loss, ...sketch.val_loss].filter((value) => value != null);
  const first = [sketch.data_loss[0], sketch.val_loss[0]].filter((value) => value != null);
  return Math.min(Math.max(...seen, 1e-9), ROOM * Math.max(...first, 1e-9)) * 1.05 || 1;
}

// Above 0, and a tenth of the top at most, so that noise does not fill the picture.
function lowest(sketch, top) {
  const seen = [...sketch.data_loss, ...sketch.val_loss].filter((value) => value > 0);
  return Math.min(Math.max(1e-9, ...[Math.min(...seen)].filter(Number.isFinite)), top / 10);
}

function path(sketch, name, x, y) {
  let drawn = "";
  let pen = "M";
  sketch.epoch.forEach((epoch, place) => {
    const value = sketch[name][place];
    if (value == null) { pen = "M"; return; }
    drawn += `${pen}${x(epoch)},${y(value)}`;
    pen = "L";
  });
  return drawn && !drawn.includes("L") ? `${drawn}h0.01` : drawn; // one epoch is a dot
}

function set(element, d) {
  if (element.getAttribute("d") !== d) element.setAttribute("d", d);
}
