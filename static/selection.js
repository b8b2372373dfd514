// The selected trials (by number), the same in every chart and table, kept in the address.

const MOST = 20;

export class Selection extends EventTarget {
  constructor() {
    super();
    this.numbers = new Set();
    this.read();
    addEventListener("popstate", () => { this.read(); this.announce(); });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.numbers.size && !document.querySelector("dialog[open]")) this.clear();
    });
  }

  read() {
    const given = new URLSearchParams(location.search).get("selected") || "";
    this.numbers = new Set(given.split(",").filter((part) => /^\d+$/.test(part)).map(Number).slice(0, MOST));
  }

  toggle(number) {
    if (!this.numbers.delete(number) && this.numbers.size < MOST) this.numbers.add(number);
    this.write();
  }

  only(number) {
    const alone = this.numbers.size === 1 && this.numbers.has(number);
    this.numbers = new Set(alone ? [] : [number]);
    this.write();
  }

  // A click picks one trial; with Shift or Ctrl it adds to what is picked.
  pick(number, event) {
    if (event?.shiftKey || event?.ctrlKey || event?.metaKey) this.toggle(number);
    else this.only(number);
  }

  clear() {
    this.numbers = new Set();
    this.write();
  }

  place(number) { return [...this.numbers].indexOf(number); }

  write() {
    setParameters({ selected: [...this.numbers].join(",") });
    this.announce();
  }

  announce() { this.dispatchEvent(new Event("change")); }
}

export function parameter(name, otherwise = "") {
  return new URLSearchParams(location.search).get(name) ?? otherwise;
}

export function setParameters(values) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  address.search = address.search.replaceAll("%2C", ",");
  history.replaceState(history.state, "", address);
}
