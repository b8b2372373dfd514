// Desktop notifications about the sweep on the page. A click turns them on, the browser remembers it, and one tab shows them.
import { notify } from "../core/dom.js";
import { accuracy } from "../core/format.js";
import { recall, remember } from "../core/local_storage.js";
import { sweepState } from "../core/states.js";

const NOTIFY_KEY = "lossdeck-notify";

const hasEnded = (sweep) => !sweepState(sweep.state).living;
const isEnabled = () => recall(NOTIFY_KEY) === "on" && Notification.permission === "granted";

export class SweepNotifications {
  constructor(button) {
    this.button = button;
    this.supported = "Notification" in globalThis && Boolean(navigator.locks);
    if (!this.supported) return;
    button.addEventListener("click", () => this.toggle());
    addEventListener("storage", ({ key }) => { if (key === NOTIFY_KEY) this.showPressed(); });
    this.showPressed();
  }

  // There is something to wait for until the sweep is over.
  show(sweep) { this.button.hidden = !this.supported || hasEnded(sweep); }

  // A tab that hears nothing while it is hidden has nothing to tell.
  disable() {
    this.supported = false;
    this.button.hidden = true;
  }

  showPressed() { this.button.setAttribute("aria-pressed", String(isEnabled())); }

  async toggle() {
    const on = !isEnabled();
    const allowed = on ? await Notification.requestPermission() : "granted";
    if (allowed === "denied") notify("This browser does not let Lossdeck show notifications; its settings for this site can change that.");
    remember(NOTIFY_KEY, on && allowed === "granted" ? "on" : "off");
    this.showPressed();
  }

  // Tells what is new since `before`, if it is worth it.
  report(before, sweep) {
    if (!this.supported || !isEnabled()) return;
    const { diverged = 0, finished = 0 } = sweep.counts;
    if (!before.counts.diverged && diverged) notifyOnce(`${sweep.created_at} diverged`, sweep.name, "The first trial has diverged.");
    if (hasEnded(before) || !hasEnded(sweep)) return;
    const best = sweep.best ? `, best val accuracy ${accuracy(sweep.best.best_val_acc)} (trial #${sweep.best.number})` : "";
    notifyOnce(`${sweep.created_at} ${sweep.finished_at}`, sweep.name, `The sweep is ${sweep.state}: ${finished} finished, ${diverged} diverged${best}.`);
  }
}

// The first tab to hear of it keeps the lock for as long as it lives; the others find it taken.
function notifyOnce(what, title, body) {
  navigator.locks.request(`lossdeck ${what}`, { ifAvailable: true }, (lock) => {
    if (!lock) return undefined;
    const notification = new Notification(title, { body, tag: what, icon: new URL("../img/favicon.svg", import.meta.url).href });
    notification.onclick = () => { focus(); notification.close(); };
    return new Promise(() => {});
  });
}
