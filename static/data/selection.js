// The selected trials, shared by every chart, tile and row and kept in the address: those picked one by one
// (by number), and those inside a brush (ranges of settings and results, which new trials may enter).
import { valueOf } from "./trial_store.js";

const MOST_SELECTED = 20;

export class Selection extends EventTarget {
  constructor() {
    super();
    this.read();
    addEventListener("popstate", () => { this.read(); this.announce(); });
    document.addEventListener("keydown", (event) => {
      const meant = event.defaultPrevented || document.querySelector("dialog[open]") || event.target.closest("input:not([type=checkbox]), select, textarea");
      if (event.key !== "Escape" || meant) return; // something else is closed by it
      if (this.numbers.size || this.hasBrush) this.clear();
    });
  }

  read() {
    const given = new URLSearchParams(location.search);
    const numbers = (given.get("selected") || "").split(",").filter((part) => /^\d+$/.test(part));
    this.numbers = new Set(numbers.map(Number).slice(0, MOST_SELECTED));
    const ranges = (given.get("brush") || "").split(",").map((part) => part.split(":"));
    const whole = ranges.filter(([name, ...ends]) => name && ends.length === 2 && ends.every((end) => Number.isFinite(Number(end))));
    this.ranges = new Map(whole.map(([name, low, high]) => [name, [Number(low), Number(high)]]));
  }

  get hasBrush() { return this.ranges.size > 0; }

  // Whether a trial lies inside every range of the brush.
  holds(trial) {
    for (const [name, [low, high]] of this.ranges) {
      const value = valueOf(trial, name);
      if (typeof value !== "number" || value < low || value > high) return false;
    }
    return true;
  }

  // Sets the range of some names; null takes it away.
  brush(ranges) {
    for (const [name, range] of Object.entries(ranges)) {
      if (range) this.ranges.set(name, range.map((end) => Number(end.toPrecision(4))));
      else this.ranges.delete(name);
    }
    this.write();
  }

  // The brush in the words of the table's filter.
  get filter() {
    return [...this.ranges].map(([name, [low, high]]) => `${name} >= ${low} and ${name} <= ${high}`).join(" and ");
  }

  toggle(number) {
    if (!this.numbers.delete(number) && this.numbers.size < MOST_SELECTED) this.numbers.add(number);
    this.write();
  }

  selectOnly(number) {
    const alone = this.numbers.size === 1 && this.numbers.has(number);
    this.numbers = new Set(alone ? [] : [number]);
    this.write();
  }

  // A click picks one trial; with Shift or Ctrl it adds to what is picked.
  pick(number, event) {
    if (event?.shiftKey || event?.ctrlKey || event?.metaKey) this.toggle(number);
    else this.selectOnly(number);
  }

  clear() {
    this.numbers = new Set();
    this.ranges = new Map();
    this.write();
  }

  place(number) { return [...this.numbers].indexOf(number); }

  write() {
    const brush = [...this.ranges].map(([name, ends]) => [name, ...ends].join(":")).join(",");
    setParameters({ selected: [...this.numbers].join(","), brush });
    this.announce();
  }

  announce() { this.dispatchEvent(new Event("change")); }
}

export function parameter(name, otherwise = "") {
  return new URLSearchParams(location.search).get(name) ?? otherwise;
}

// With `step` the way back leads here again.
export function setParameters(values, step = false) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  address.search = address.search.replaceAll("%2C", ",").replaceAll("%3A", ":");
  history[step ? "pushState" : "replaceState"](history.state, "", address);
  lastParameters = address.searchParams;
}

let lastParameters = new URLSearchParams(location.search);

// The way back leads through the views; what is chosen in them, and what is selected, stays.
addEventListener("popstate", () => {
  const view = parameter("view");
  const address = new URL(location.href);
  address.search = new URLSearchParams(lastParameters);
  history.replaceState(history.state, "", address);
  setParameters({ view });
});
