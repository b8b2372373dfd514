// What each state means, from the tables of learning/states.py, which come with every page.
const tables = JSON.parse(document.getElementById("states").textContent);
const byName = (rows) => new Map(rows.map((row) => [row.name, row]));
const trialStates = byName(tables.trial);
const sweepStates = byName(tables.sweep);

export const TRIAL_STATES = [...trialStates.keys()]; // from the most to the least hopeful end

// { living, ranked, actions }; preflights have states of trials.
export const trialState = (name) => trialStates.get(name);

// { living, trains, actions }
export const sweepState = (name) => sweepStates.get(name);

// { tone, icon } of a state of anything, or of how grave something is.
export const mark = (name) => tables.marks[name];

// How grave a verdict is.
export const severityOf = (verdict) => tables.verdicts[verdict] ?? "warning";

// How many trials have ended, of so many in each state.
export function countEnded(counts) {
  return TRIAL_STATES.reduce((sum, name) => sum + (trialState(name).living ? 0 : counts[name] || 0), 0);
}

// How those ended that did not come to a good end: "2 stopped, 3 diverged".
export function endsText(counts) {
  const ends = TRIAL_STATES.filter((name) => counts[name] && !trialState(name).living && mark(name).tone !== "good");
  return ends.map((name) => `${counts[name]} ${name}`).join(", ");
}
