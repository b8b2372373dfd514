// The panel beside the wall: the trial selected last, with its curve, findings and actions.
import { drawSparkline, makeSparkline } from "../charts/sparkline.js";
import { listenActions, showActions, TRIAL_QUESTIONS, trialActions } from "../components/action_buttons.js";
import { fillFindings } from "../components/findings.js";
import { get } from "../core/api.js";
import { $, fill, setState, throttle } from "../core/dom.js";
import { accuracy, setting } from "../core/format.js";

const PANEL_CURVE = { width: 420, height: 150 };
const FINE_POINTS = 200; // points of its curve
const FINDINGS_MS = 3000; // between looks at the findings of a trial that runs

export class TrialPanel {
  constructor(element, { store, thinnedCurves, selection, onChange }) {
    Object.assign(this, { element, store, thinnedCurves, selection, trial: null });
    this.picture = makeSparkline(PANEL_CURVE.width, PANEL_CURVE.height);
    $(".curve", element).append(this.picture);
    this.refreshFindings = throttle(() => this.loadFindings().catch(() => {}), FINDINGS_MS);
    selection.addEventListener("change", () => this.show());
    store.addEventListener("change", () => this.show());
    thinnedCurves.addEventListener("change", () => this.draw());
    $("#trial-panel-close", element).addEventListener("click", () => {
      const { number } = this.trial;
      selection.toggle(number);
      $(`#tile-${number}`)?.focus({ preventScroll: true });
    });
    listenActions($("#trial-panel-actions", element), () => `/api/trials/${this.trial.id}`, TRIAL_QUESTIONS, onChange);
  }

  show() {
    const number = [...this.selection.numbers].at(-1);
    const trial = number === undefined ? null : this.store.get(number);
    const fresh = trial?.number !== this.trial?.number;
    this.trial = trial ?? null;
    this.element.hidden = !trial;
    if (!trial) return;
    const axes = this.store.axes.map((name) => `${name} ${setting(name, trial.settings[name])}`);
    fill(this.element, {
      "trial-panel-name": `Trial #${trial.number}`,
      "trial-panel-accuracy": accuracy(trial.best_val_acc),
      "trial-panel-epochs": `${trial.epochs_done} / ${trial.epochs_total}`,
      "trial-panel-settings": axes.join(" · "),
    });
    setState($("#trial-panel-state", this.element), trial.state);
    $("#trial-panel-link", this.element).href = `/trials/${trial.id}`;
    showActions($("#trial-panel-actions", this.element), trialActions(trial));
    if (fresh) $("#trial-panel-findings", this.element).replaceChildren();
    if (trial.epochs_done) this.thinnedCurves.fetchMissing([number], FINE_POINTS).catch(() => {});
    this.draw();
    if (!this.element.checkVisibility()) return; // another view is shown
    if (fresh || this.seen !== `${number}:${trial.epochs_done}:${trial.state}`) this.refreshFindings();
  }

  draw() {
    const curve = this.trial && this.thinnedCurves.get(this.trial.number);
    this.picture.toggleAttribute("hidden", !curve);
    if (curve) drawSparkline(this.picture, this.trial.epochs_done > 0 && curve, { state: this.trial.state, end: this.store.end(this.trial), log: this.log, ...PANEL_CURVE });
  }

  async loadFindings() {
    const { trial } = this;
    if (!trial) return;
    this.seen = `${trial.number}:${trial.epochs_done}:${trial.state}`;
    const { findings } = await get(`/api/trials/${trial.id}/findings`);
    if (this.trial?.number !== trial.number) return;
    fillFindings($("#trial-panel-findings", this.element), findings, "Nothing to say before its first epoch.");
  }
}
