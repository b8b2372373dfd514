// Numbers, times and settings as text. Knows nothing of the page.

export const NONE = "–";

export function accuracy(value) {
  return value == null ? NONE : value.toFixed(3);
}

export function loss(value, flag) {
  if (flag) return flag;
  if (value == null) return NONE;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return shortNumber(value, 3);
  return size < 10 ? value.toFixed(4) : value.toPrecision(5);
}

// With so many significant digits and without an exponent where people need none, as learning/number_format.py.
export function shortNumber(value, digits = 2) {
  if (value == null) return NONE;
  const short = Number(value.toPrecision(digits));
  const size = Math.abs(short);
  return short && (size < 1e-3 || size >= 1e5) ? short.toExponential().replace("e+", "e") : String(short);
}

// The size of an update against that of the weights: compared by orders of magnitude, in which it should be -3.
export function ratio(value) {
  return value == null || value === 0 || value >= 0.1 ? shortNumber(value) : value.toExponential(1);
}

export function signedNumber(value) {
  if (value == null) return NONE;
  return (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);
}

const DRAWN = new Set(["lr", "reg", "init_scale"]); // with more digits than anybody needs

export function setting(name, value, digits = DRAWN.has(name) ? 4 : 6) {
  if (value == null) return NONE;
  if (Array.isArray(value)) return value.length ? value.join(" × ") : "none (softmax regression)";
  return typeof value === "number" && !Number.isInteger(value) ? shortNumber(value, digits) : String(value);
}

export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} days`;
}

// From so many seconds on a time is said in this unit of so many seconds, with so many decimals.
const DURATION_UNITS = [[172800, 86400, "days", 1], [5400, 3600, "h", 1], [90, 60, "min", 0], [0, 1, "s", 0]];

// A time that is known only from and to.
export function durationRange(range) {
  if (!range) return NONE;
  const [, size, unit, digits] = DURATION_UNITS.find(([least]) => range[1] >= least);
  const [low, high] = range.map((seconds) => Number((seconds / size).toFixed(digits)));
  if (!low) return `less than ${Math.max(1, high)} ${unit}`;
  return low === high ? `about ${high} ${unit}` : `${low} to ${high} ${unit}`;
}

export function clock(date) {
  return new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(date);
}

export function moment(iso, now = new Date()) {
  if (!iso) return NONE;
  const date = new Date(iso);
  const today = date.toDateString() === now.toDateString();
  const style = today ? { hour: "2-digit", minute: "2-digit" } : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(undefined, style).format(date);
}
