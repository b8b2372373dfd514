// Actions on many trials at once: the selected ones, or all that match the filter. One request, one answer.
import { post, query } from "../core/api.js";
import { $$, attempt, confirm, fill, notify } from "../core/dom.js";

const ACTION_WORDS = { stop: "Stop", retry: "Retry", exclude: "Exclude", include: "Include" };
const DONE = { stop: "stopped", retry: "queued again", exclude: "excluded", include: "ranked again" };
const QUESTIONS = {
  stop: "Those that train end at their next epoch, queued ones are never run. What they have learned stays on record.",
  retry: "They train again from the start; their curves so far are deleted.",
};
const UNDO = { exclude: "include", include: "exclude" };
const REASONS = 2; // of refusals, said in the notice

const trialCount = (count) => (count === 1 ? "1 trial" : `${count} trials`);

export class Bulk {
  // `scope()`: {numbers, filter, count} of what is meant now; `onDone()`: something changed.
  constructor(menu, sweep, scope, onDone) {
    Object.assign(this, { menu, sweep, scope, onDone });
    for (const button of $$("[data-bulk]", menu)) button.addEventListener("click", () => this.ask(button.dataset.bulk));
    menu.addEventListener("toggle", () => menu.open && this.updateScope());
    menu.addEventListener("click", (event) => { if (event.target.closest("div > *")) menu.open = false; });
  }

  // Names what is meant on the button and puts it into the addresses of the exports.
  updateScope() {
    const { numbers, filter, count } = this.scope();
    fill(this.menu, { scope: numbers ? `${count} selected` : filter ? `All ${count} that fit` : `All ${trialCount(count)}` });
    for (const link of $$("[data-export]", this.menu)) {
      const only = numbers ? `number in (${numbers.join(", ")})` : filter;
      link.href = `/api/sweeps/${this.sweep.id}/export?${query({ format: link.dataset.export, filter: only })}`;
    }
  }

  async ask(action) {
    const { numbers, filter, count } = this.scope();
    const question = QUESTIONS[action] || (numbers ? null : `All ${trialCount(count)}${filter ? " that fit the filter" : ""}.`);
    if (question && !(await confirm({ title: `${ACTION_WORDS[action]} ${trialCount(count)}?`, text: question, yes: ACTION_WORDS[action], danger: action in QUESTIONS }))) return;
    await this.act(action, numbers ? { trials: numbers } : { filter });
  }

  async act(action, which) {
    const answer = await attempt(() => post(`/api/sweeps/${this.sweep.id}/trials/bulk`, { action, ...which }), `Not ${DONE[action]}`);
    if (!answer) return;
    const { done, refused } = answer;
    const why = refused.slice(0, REASONS).map((refusal) => refusal.message).join(" ");
    const left = refused.length ? ` ${trialCount(refused.length)} left as ${refused.length === 1 ? "it is" : "they are"}: ${why}` : "";
    const undo = UNDO[action] && done.length ? { word: "Undo", act: () => this.act(UNDO[action], { trials: done }) } : null;
    notify(`${trialCount(done.length)} ${DONE[action]}.${left}`, done.length ? "good" : "bad", undo);
    this.onDone();
  }
}
