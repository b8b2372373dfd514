// Action buttons of a sweep or a trial: [data-act] posts to the API and asks first when the action destroys something.
import { post } from "../core/api.js";
import { $$, attempt, confirm, notify } from "../core/dom.js";
import { trialState } from "../core/states.js";

export const SWEEP_QUESTIONS = {
  cancel: { title: "Cancel this sweep?", text: "Running trials end now, queued ones are never run. What they have learned so far stays on record.", yes: "Cancel the sweep" },
  stop: { title: "Stop this sweep?", text: "Running trials train to their end; queued ones are never run.", yes: "Stop the sweep" },
};

export const TRIAL_QUESTIONS = {
  retry: { title: "Train this trial again?", text: "It begins anew; its curve so far is deleted.", yes: "Train it again" },
};

const UNDO = { exclude: "include", include: "exclude" };
const DONE = { pause: "Paused.", resume: "Resumed.", stop: "Stopping.", cancel: "Cancelled.", retry: "Queued again.", exclude: "Excluded from the ranking.", include: "Ranked again." };

const UNDONE = { pause: "Not paused", resume: "Not resumed", stop: "Not stopped", cancel: "Not cancelled", retry: "Not queued again", exclude: "Not excluded", include: "Not ranked again" };

// Those of its state, but for what is done already.
export function trialActions({ state, excluded }) {
  return trialState(state).actions.filter((action) => action !== (excluded ? "exclude" : "include"));
}

export function showActions(root, allowed) {
  for (const button of $$("[data-act]", root)) button.hidden = !allowed.includes(button.dataset.act);
}

// `path()`: whose actions they are. `questions`: the question before one that destroys; what can be undone is offered back.
export function listenActions(root, path, questions, onDone) {
  const act = async (action, address) => {
    const answer = await attempt(() => post(`${address}/${action}`), UNDONE[action]);
    if (!answer) return;
    notify(DONE[action], "good", UNDO[action] && { word: "Undo", act: () => act(UNDO[action], address) });
    onDone(answer);
  };
  root.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-act]");
    if (!button) return;
    const action = button.dataset.act;
    if (questions[action] && !(await confirm(questions[action]))) return;
    button.disabled = true;
    await act(action, path());
    button.disabled = false;
  });
}
