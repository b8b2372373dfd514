// The small charts of preflight checks, 200 by 84, and the words for their figures and axes.
import { svg } from "../core/dom.js";
import { shortNumber } from "../core/format.js";

const WIDTH = 200;
const HEIGHT = 84;
const EDGE = 6;

const CHART_KINDS = {
  "data": { of: "problems", x: "class", y: "examples", bars: true },
  "chance-loss": { of: "distance from ln(C)", x: "weight scale", y: "cost", logX: true, logY: true },
  "reg-raises-loss": { of: "rise", x: "reg", y: "cost", logX: true, logY: true },
  "gradient": { of: "largest error", x: "parameter", y: "relative error", bars: true, logY: true, floor: 1e-18, limit: true },
  "overfit-tiny": { of: "cost", x: "epoch", y: "cost", logY: true, limit: true, dashed: "train accuracy" },
  "lr-probe": { of: "largest fall, of the first cost,", x: "learning rate", y: "cost after it", logX: true, ceiling: 1.5, dashed: "val accuracy" },
  "learns": { of: "val accuracy", x: "epoch", y: "val accuracy", limit: true, share: true, dashed: "train accuracy" },
};

// `siblings`: the same check of other preflights, this one included, which share its scale.
export function drawCheck(picture, check, siblings = [check]) {
  const kind = CHART_KINDS[check.code] || { x: "", y: "" };
  const across = widthScale(siblings.flatMap(({ curve }) => curve.map(([x]) => x)), kind, check.curve.length);
  const up = heightScale(siblings, kind);
  const parts = kind.bars ? bars(check.curve, across, up) : line(check.curve, across, up);
  if (check.accuracy.length) parts.push(svg("path", { class: "accuracy", d: path(check.accuracy, across, accuracyHeight) }));
  if (check.span) parts.unshift(band(...check.span.map(across)));
  if (kind.limit) parts.unshift(svg("path", { class: "limit", d: `M0 ${up(check.threshold)}H${WIDTH}` }));
  picture.replaceChildren(...parts);
  const words = axesText(check);
  picture.setAttribute("aria-label", `${words}; ${check.curve.map(([x, y]) => `${valueText(x)}: ${valueText(y)}`).join(", ")}`);
}

export function figureText({ code, figure: value, flags, relation, threshold }) {
  const sign = relation === "<=" ? "≤" : "≥";
  return `${CHART_KINDS[code]?.of ?? ""} ${flags.figure ?? valueText(value)}, to be ${sign} ${valueText(threshold)}`;
}

export function axesText(check) {
  const kind = CHART_KINDS[check.code] || { x: "", y: "" };
  const ends = kind.logX ? `, ${valueText(check.curve[0]?.[0], 1)} … ${valueText(check.curve.at(-1)?.[0], 1)}` : "";
  const dashed = check.accuracy.length ? `; dashed: ${kind.dashed}` : "";
  const shaded = check.span ? "; shaded: workable" : "";
  if (check.names.length) return `${kind.y} of ${check.names.join(", ")}`;
  return `${kind.y} by ${kind.x}${ends}${dashed}${shaded}`;
}

function valueText(value, digits = 3) {
  return value == null ? "not finite" : shortNumber(value, digits);
}

// A function from x to a place; bars keep half their width free at both ends.
function widthScale(values, { logX, bars: barred }, count) {
  const of = logX ? Math.log10 : Number;
  const [low, high] = [of(Math.min(...values)), of(Math.max(...values))];
  const free = barred ? WIDTH / (2 * Math.max(count, high - low + 1)) : EDGE;
  return (x) => free + ((of(x) - low) / (high - low || 1)) * (WIDTH - 2 * free);
}

// From y to a height; what is not finite or above the ceiling belongs at the top edge.
function heightScale(siblings, kind) {
  if (kind.share) return accuracyHeight;
  const of = kind.logY ? (y) => Math.log10(Math.max(y, kind.floor ?? 1e-12)) : Number;
  const known = siblings.flatMap(({ curve }) => curve.map(([, y]) => y)).filter((y) => y != null);
  if (kind.limit) known.push(...siblings.map(({ threshold }) => threshold));
  const top = of(kind.ceiling ? Math.min(Math.max(...known), kind.ceiling * known[0]) : Math.max(...known));
  const bottom = kind.bars && !kind.logY ? 0 : kind.floor ? of(kind.floor) : of(Math.min(...known));
  return (y) => {
    if (y == null || of(y) > top) return EDGE;
    return HEIGHT - EDGE - ((of(y) - bottom) / (top - bottom || 1)) * (HEIGHT - 3 * EDGE);
  };
}

function bars(curve, across, up) {
  const wide = Math.max(1, (0.7 * WIDTH) / curve.length);
  return curve.map(([x, y]) => svg("rect", { x: across(x) - wide / 2, y: up(y), width: wide, height: Math.max(1, HEIGHT - up(y)), rx: 1 }));
}

function line(curve, across, up) {
  const inside = curve.filter(([, y]) => up(y) > EDGE);
  const over = curve.filter(([, y]) => up(y) === EDGE);
  const marks = over.map(([x]) => svg("path", { class: "over", d: `M${(across(x) - 2.5).toFixed(1)} ${EDGE - 3}l5 5m0 -5l-5 5` }));
  return [...(inside.length ? [svg("path", { d: path(inside, across, up) })] : []), ...marks];
}

function path(points, across, up) {
  return `M${points.map(([x, y]) => `${across(x).toFixed(1)} ${up(y).toFixed(1)}`).join("L")}`;
}

// An accuracy: 0 at the foot, 1 at the top.
function accuracyHeight(y) {
  return HEIGHT - EDGE - y * (HEIGHT - 3 * EDGE);
}

function band(from, to) {
  return svg("rect", { class: "span", x: from - 2, y: 0, width: Math.max(4, to - from + 4), height: HEIGHT });
}
