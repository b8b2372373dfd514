// Desktop notifications about the sweep on the page: wanted by a click, remembered by the browser, shown by one tab of it.
import { notify } from "../core/dom.js";
import { accuracy } from "../core/format.js";
import { remember, remembered } from "../core/local_storage.js";

const KEY = "lossdeck-notify";
const OVER = new Set(["finished", "cancelled"]);

const wanted = () => remembered(KEY) === "on" && Notification.permission === "granted";

export class Bell {
  constructor(button) {
    this.button = button;
    this.able = "Notification" in globalThis && Boolean(navigator.locks);
    if (!this.able) return;
    button.addEventListener("click", () => this.press());
    addEventListener("storage", ({ key }) => { if (key === KEY) this.mark(); });
    this.mark();
  }

  // There is something to wait for until the sweep is over.
  show(sweep) { this.button.hidden = !this.able || OVER.has(sweep.state); }

  // A tab that hears nothing while it is hidden has nothing to tell.
  silence() {
    this.able = false;
    this.button.hidden = true;
  }

  mark() { this.button.setAttribute("aria-pressed", String(wanted())); }

  async press() {
    const on = !wanted();
    const allowed = on ? await Notification.requestPermission() : "granted";
    if (allowed === "denied") notify("This browser does not let Lossdeck show notifications; its settings for this site can change that.");
    remember(KEY, on && allowed === "granted" ? "on" : "off");
    this.mark();
  }

  // Tells what is new since `before`, if it is worth it.
  ring(before, sweep) {
    if (!this.able || !wanted()) return;
    const { diverged = 0, finished = 0 } = sweep.counts;
    if (!before.counts.diverged && diverged) tell(`${sweep.created_at} diverged`, sweep.name, "The first trial has diverged.");
    if (OVER.has(before.state) || !OVER.has(sweep.state)) return;
    const best = sweep.best ? `, best val accuracy ${accuracy(sweep.best.best_val_acc)} (trial #${sweep.best.number})` : "";
    tell(`${sweep.created_at} ${sweep.finished_at}`, sweep.name, `The sweep is ${sweep.state}: ${finished} finished, ${diverged} diverged${best}.`);
  }
}

// The first tab to hear of it keeps the lock for as long as it lives; the others find it taken.
function tell(what, title, body) {
  navigator.locks.request(`lossdeck ${what}`, { ifAvailable: true }, (lock) => {
    if (!lock) return undefined;
    const shown = new Notification(title, { body, tag: what, icon: new URL("../img/favicon.svg", import.meta.url).href });
    shown.onclick = () => { focus(); shown.close(); };
    return new Promise(() => {});
  });
}
