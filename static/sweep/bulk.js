// What is done to many trials at once: those that are selected, else all that fit the filter. One request, one answer.
import { post, query } from "../core/api.js";
import { $$, attempt, confirm, fill, notify } from "../core/dom.js";

const WORDS = { stop: "Stop", retry: "Retry", exclude: "Exclude", include: "Include" };
const DONE = { stop: "stopped", retry: "queued again", exclude: "excluded", include: "ranked again" };
const ASK = {
  stop: "Those that train end at their next epoch, queued ones are never run. What they have learned stays on record.",
  retry: "They train again from the start; their curves so far are deleted.",
};
const UNDO = { exclude: "include", include: "exclude" };
const REASONS = 2; // of refusals, said in the notice

const several = (count) => (count === 1 ? "1 trial" : `${count} trials`);

export class Bulk {
  // `scope()`: {numbers, filter, count} of what is meant now; `done()`: something changed.
  constructor(menu, sweep, scope, done) {
    Object.assign(this, { menu, sweep, scope, done });
    for (const button of $$("[data-bulk]", menu)) button.addEventListener("click", () => this.ask(button.dataset.bulk));
    menu.addEventListener("toggle", () => menu.open && this.aim());
    menu.addEventListener("click", (event) => { if (event.target.closest("div > *")) menu.open = false; });
  }

  // Names what is meant on the button and puts it into the addresses of the exports.
  aim() {
    const { numbers, filter, count } = this.scope();
    fill(this.menu, { scope: numbers ? `${count} selected` : filter ? `All ${count} that fit` : `All ${several(count)}` });
    for (const link of $$("[data-export]", this.menu)) {
      const only = numbers ? `number in (${numbers.join(", ")})` : filter;
      link.href = `/api/sweeps/${this.sweep.id}/export?${query({ format: link.dataset.export, filter: only })}`;
    }
  }

  async ask(action) {
    const { numbers, filter, count } = this.scope();
    const question = ASK[action] || (numbers ? null : `All ${several(count)}${filter ? " that fit the filter" : ""}.`);
    if (question && !(await confirm({ title: `${WORDS[action]} ${several(count)}?`, text: question, yes: WORDS[action], danger: action in ASK }))) return;
    await this.act(action, numbers ? { trials: numbers } : { filter });
  }

  async act(action, which) {
    const answer = await attempt(() => post(`/api/sweeps/${this.sweep.id}/trials/bulk`, { action, ...which }), `Not ${DONE[action]}`);
    if (!answer) return;
    const { done, refused } = answer;
    const why = refused.slice(0, REASONS).map((one) => one.message).join(" ");
    const left = refused.length ? ` ${several(refused.length)} left as ${refused.length === 1 ? "it is" : "they are"}: ${why}` : "";
    const undo = UNDO[action] && done.length ? { word: "Undo", act: () => this.act(UNDO[action], { trials: done }) } : null;
    notify(`${several(done.length)} ${DONE[action]}.${left}`, done.length ? "good" : "bad", undo);
    this.done();
  }
}
