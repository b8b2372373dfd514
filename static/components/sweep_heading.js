// The top of a sweep's page: progress, one sentence of advice, and the buttons that control the sweep.
import { get } from "../core/api.js";
import { $, fill, icon, make, setState, setText, setTrack, throttle } from "../core/dom.js";
import { accuracy, duration, durationRange } from "../core/format.js";
import { sweepState } from "../core/states.js";
import { listenActions, showActions, SWEEP_QUESTIONS } from "./action_buttons.js";
import { fillFindings, whyLink } from "./findings.js";

const NOTHING_YET = "Advice appears here as soon as trials have finished their first epochs.";
const ADVICE_MS = 2000; // between looks at the findings while a sweep runs

export class SweepHeading {
  // `onImportance(importance)`: the answer that brings the advice has the settings' importance too.
  constructor(sweep, onImportance) {
    this.onImportance = onImportance;
    // What fails here is asked again at the next change; that the server is away, the stale banner says.
    this.advise = throttle(() => this.showAdvice().catch(() => {}), ADVICE_MS);
    this.show(sweep);
    listenActions($("#actions"), () => this.path, SWEEP_QUESTIONS, (answer) => this.show(answer));
  }

  get path() { return `/api/sweeps/${this.sweep.id}`; }

  show(sweep) {
    this.sweep = sweep;
    setState($("#state"), sweep.state);
    $("#tags").replaceChildren(...sweep.tags.map((tag) => make("span", { class: "tag" }, tag)));
    const { total, ended } = setTrack($("#track"), sweep.counts);
    const { trains: busy, actions } = sweepState(sweep.state);
    const over = sweep.finished_at && sweep.started_at;
    const { diverged = 0, failed = 0, running = 0 } = sweep.counts;
    fill(document, {
      name: sweep.name,
      progress: `${ended} / ${total}`,
      "best-value": accuracy(sweep.best?.best_val_acc),
      "eta-label": over ? "Time taken" : "Time left",
      eta: etaText(sweep, busy, over),
      "eta-note": etaNote(sweep, busy, ended === total),
      diverged: String(diverged),
      "diverged-note": divergedNote(sweep.counts, ended, over),
    });
    const link = $("#best-link");
    if (sweep.best) {
      link.href = `/trials/${sweep.best.id}`;
      setText(link, `trial #${sweep.best.number}, epoch ${sweep.best.best_epoch ?? "–"}`);
    }
    link.hidden = !sweep.best;
    $("#failed-note").hidden = !failed;
    setText($("#failed-note"), `${failed} failed`);
    showActions($("#actions"), actions);
    showSaved(sweep);
    $("#add-trials").hidden = !actions.includes("add trials");
    $("#delete").hidden = !actions.includes("delete") || running > 0;
    document.title = `${busy ? `(${ended}/${total}) ` : ""}${sweep.name} · Lossdeck`;
  }

  async showAdvice() {
    const box = $("#advice");
    const words = $(".quiet", box);
    if (words && this.sweep.best) setText(words, "Reading the curves …");
    const { findings, importance } = await get(`${this.path}/findings`);
    this.onImportance(importance);
    const nothing = this.sweep.finished_at ? "Nothing to advise: the trials’ own pages say what their curves show." : NOTHING_YET;
    const said = findings.length ? JSON.stringify(findings) : nothing;
    if (this.advice === said) return; // who stands on a link in it stays there
    this.advice = said;
    if (!findings.length) {
      delete box.dataset.tone;
      box.replaceChildren(make("p", { class: "quiet" }, nothing));
      return;
    }
    const [first] = findings;
    box.dataset.tone = first.severity;
    box.replaceChildren(icon(first.severity), make("p", {}, make("strong", {}, first.sentence), ` ${first.advice} `, whyLink(first)));
    if (findings.length > 1) box.append(moreFindings(findings.slice(1), $("details", box)?.open));
  }
}

function etaText({ state, started_at: start, finished_at: end, eta_range: range }, busy, over) {
  if (over) return duration((Date.parse(end) - Date.parse(start)) / 1000);
  if (busy) return durationRange(range);
  return state === "paused" ? "paused" : "–";
}

function etaNote({ state, counts: { running = 0 }, eta_range: range }, busy, allEnded) {
  if (state === "paused") return running ? `${running} that ${running === 1 ? "runs trains" : "run train"} to the end` : "";
  if (!busy) return allEnded ? "all trials ended" : "";
  if (!running) return "waiting for a worker";
  return range ? `${running} running now` : `too early to say; ${running} running`;
}

function divergedNote({ diverged = 0, failed = 0 }, ended, over) {
  if (diverged) return `${Math.round((100 * diverged) / Math.max(1, ended))} % of those that ended`;
  if (failed) return "";
  return over ? "none" : "none so far";
}

// What the stopping rule has saved; nothing while that is nothing.
function showSaved({ saved }) {
  const place = $("#saved");
  if (!place) return;
  place.hidden = !saved.trials;
  const trials = saved.trials === 1 ? "1 trial was" : `${saved.trials} trials were`;
  const epochs = saved.epochs === 1 ? "1 epoch" : `${saved.epochs} epochs`;
  const time = saved.seconds == null ? "" : `, about ${duration(saved.seconds)} of one worker’s time`;
  setText(place, `${trials} stopped early, which saved ${epochs} of training${time}.`);
}

function moreFindings(findings, open) {
  const list = make("ul", { class: "findings" });
  fillFindings(list, findings);
  return make("details", { class: "menu more", open }, make("summary", { class: "button tiny" }, `${findings.length} more`), make("div", {}, list));
}
