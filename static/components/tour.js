// The tour of a sweep's page: five steps, shown once per browser. Esc skips it; the help page restarts it.
import { get } from "../core/api.js";
import { $, make, setText } from "../core/dom.js";
import { recall, remember } from "../core/local_storage.js";

const TOUR_KEY = "lossdeck-tour";
const SPOT_MARGIN = 8; // pixels around what is pointed at
const STEPS = [
  [".readouts", "Progress", "How many trials have ended, the best of them, and how long the rest will take. Everything on this page moves by itself."],
  [".wall-view > .panel", "The wall", "A tile is a trial: its cost while it trains, and a verdict. Click one to read what its curve says."],
  [".map", "The map", "A point is a trial, coloured by val accuracy. Drag over some, and they are selected in every view."],
  [".advice", "Advice", "What the curves have in common, and what to try next. Refine begins the finer sweep."],
  ['.bar a[href="/help"]', "Help", "What each finding means, with its picture. This tour begins again from there."],
];

// Where it has not been shown: now, or when the tab is first seen.
export function offerTour() {
  if (recall(TOUR_KEY) || $("dialog[open]")) return;
  if (document.hidden) document.addEventListener("visibilitychange", offerTour, { once: true });
  else new Tour().begin();
}

// On the newest sweep; if there is none yet, on the first one.
export async function restartTour() {
  remember(TOUR_KEY, "");
  const { sweeps: [newest] } = await get("/api/sweeps?limit=1");
  location.assign(newest ? `/sweeps/${newest.id}` : "/");
}

class Tour {
  begin() {
    remember(TOUR_KEY, "seen");
    this.step = 0;
    const top = scrollY;
    const button = (word, act, attributes = {}) => {
      const made = make("button", { class: "button", type: "button", ...attributes }, word);
      made.addEventListener("click", act);
      return made;
    };
    this.title = make("h2", { id: "tour-title" });
    this.words = make("p", { id: "tour-words" });
    this.count = make("span", { class: "quiet small" });
    this.skip = button("Skip", () => this.dialog.close(), { class: "button plain" });
    this.back = button("Back", () => this.go(-1));
    this.next = button("Next", () => this.go(1), { class: "button main", autofocus: true });
    this.spot = make("i");
    this.card = make("div", { class: "card" },
      make("div", { "aria-live": "polite" }, this.title, this.words),
      make("div", { class: "actions" }, this.count, this.skip, this.back, this.next));
    this.dialog = make("dialog", { class: "tour", "aria-labelledby": "tour-title", "aria-describedby": "tour-words" }, this.spot, this.card);
    this.dialog.addEventListener("click", ({ target }) => { if (target === this.dialog) this.dialog.close(); });
    this.dialog.addEventListener("keydown", ({ key }) => this.go({ ArrowRight: 1, ArrowLeft: -1 }[key] ?? 0));
    const gone = new AbortController();
    for (const kind of ["resize", "scroll"]) addEventListener(kind, () => this.place(), { signal: gone.signal });
    const moved = new ResizeObserver(() => this.place());
    this.dialog.addEventListener("close", () => { gone.abort(); moved.disconnect(); this.dialog.remove(); scrollTo({ top, behavior: "instant" }); });
    document.body.append(this.dialog);
    this.dialog.showModal();
    moved.observe($("main"));
    this.show();
  }

  go(by) {
    if (!by || this.step + by < 0) return;
    this.step += by;
    if (this.step < STEPS.length) this.show();
    else this.dialog.close();
  }

  show() {
    const [selector, title, words] = STEPS[this.step];
    this.target = $(selector);
    setText(this.title, title);
    setText(this.words, words);
    setText(this.count, `${this.step + 1} of ${STEPS.length}`);
    setText(this.next, this.step + 1 < STEPS.length ? "Next" : "Done");
    this.back.hidden = this.step === 0;
    this.skip.hidden = this.step + 1 === STEPS.length;
    if (!this.next.matches(":focus")) this.next.focus();
    this.target.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
    this.place();
  }

  // The card goes below what it speaks of, else above it, else over its lower end.
  place() {
    const box = this.target.getBoundingClientRect();
    const [left, top] = [Math.max(0, box.left - SPOT_MARGIN), Math.max(0, box.top - SPOT_MARGIN)];
    const [right, bottom] = [Math.min(innerWidth, box.right + SPOT_MARGIN), Math.min(innerHeight, box.bottom + SPOT_MARGIN)];
    Object.assign(this.spot.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
    const { offsetWidth: width, offsetHeight: height } = this.card;
    const below = bottom + SPOT_MARGIN + height <= innerHeight ? bottom + SPOT_MARGIN : top - SPOT_MARGIN - height;
    const over = innerHeight - height - 2 * SPOT_MARGIN;
    this.card.style.left = `${Math.max(SPOT_MARGIN, Math.min(left, innerWidth - width - SPOT_MARGIN))}px`;
    this.card.style.top = `${below >= 0 ? below : over}px`;
  }
}
