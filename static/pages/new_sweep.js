// The new-sweep form. Recipes fill it, a dry run checks every change, and its trials are previewed before they run.
import { byRole, Chart } from "../charts/chart.js";
import { preflightWarnings } from "../components/preflight_warning.js";
import { parseNumber, SpaceRows } from "../components/space_rows.js";
import { StoppingRule } from "../components/stopping_rule.js";
import { errorMessage, get, post, Refused } from "../core/api.js";
import { $, $$, attempt, data, debounce, fill, setText } from "../core/dom.js";
import { duration } from "../core/format.js";

const CHECK_MS = 350; // of quiet before the form is checked

const page = data();
const form = $("#new");
const control = (name) => form.elements.namedItem(name);
const submit = $("#start");
let { recipes } = page; // with the numbers for the chosen data set
let recipe = page.start.recipe;
let draws = [];
let edited = false; // since the recipe was chosen: then it is left as it is
let checking = 0;
const visit = Math.random().toString(36).slice(2);

// --- the form as a body, and back

function body() {
  const settings = {};
  for (const field of $$("[data-setting]", form)) {
    const name = field.dataset.setting;
    if (space.names().includes(name) || (field.value.trim() === "" && name !== "hidden")) continue;
    settings[name] = readSetting(name, field.value);
  }
  const values = { name: control("name").value.trim(), dataset: control("dataset").value, space: space.read(), settings, sampler: control("sampler").value };
  if (!values.name) delete values.name;
  if (recipe) values.recipe = recipe;
  const rule = stopping.read();
  if (rule) values.stopping = rule;
  return { ...values, trials: parseNumber(control("trials").value), seed: parseNumber(control("seed").value) };
}

function readSetting(name, text) {
  if (name === "hidden") return text.split(/[,×x\s]+/).filter(Boolean).map(parseNumber);
  return parseNumber(text);
}

function write(plan) {
  space.write(plan.space);
  for (const field of $$("[data-setting]", form)) {
    const value = plan.settings[field.dataset.setting];
    field.value = value === undefined ? field.dataset.otherwise : Array.isArray(value) ? value.join(", ") : value ?? "";
  }
  control("trials").value = plan.trials;
  control("sampler").value = plan.sampler;
  if (plan.stopping !== undefined) stopping.write(plan.stopping); // a data set's numbers for a recipe leave rule and seed
  if (plan.seed !== undefined) control("seed").value = plan.seed;
  control("name").value = plan.label ?? plan.name;
}

const space = new SpaceRows($("#space"), () => check());
const stopping = new StoppingRule($("#stopping"));

// --- recipes

function choose(name) {
  recipe = name;
  edited = false;
  $$(".recipe").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.recipe === name)));
  setText($("#note"), recipes[name].note);
  write(recipes[name]);
  check();
}

// --- checking

function disableVariedSettings() {
  const varying = new Set(space.names());
  for (const field of $$("[data-setting]", form)) field.disabled = varying.has(field.dataset.setting);
}

const check = debounce(async () => {
  disableVariedSettings();
  const turn = ++checking;
  try {
    const draft = await post("/api/sweeps?dry_run=true", body());
    if (turn === checking) accept(draft);
  } catch (error) {
    if (turn === checking) refuse(error, "Not checked");
  }
}, CHECK_MS);

function accept(draft) {
  showErrors([]);
  submit.disabled = false;
  show(draft.draws);
  $("#preflight-warnings").replaceChildren(...preflightWarnings(draft.warnings));
  fill(document, {
    estimate: draft.estimated_seconds == null ? "not measured yet" : duration(draft.estimated_seconds),
    "estimate-note": `${draft.trials} ${draft.trials === 1 ? "trial" : "trials"}, about, on this machine’s workers`,
  });
}

function refuse(error, undone) {
  submit.disabled = error instanceof Refused;
  show([], "The trials are drawn when the form is right."); // those of an earlier form are none of this one's
  $("#preflight-warnings").replaceChildren();
  fill(document, { estimate: "–", "estimate-note": error instanceof Refused ? "Mend what is marked first." : "" });
  showErrors(error instanceof Refused && error.errors.length ? error.errors : [{ field: "", message: errorMessage(error, undone) }]);
}

// Each error at its field; what has no field of its own is said above the button.
function showErrors(errors) {
  const rest = [];
  for (const place of $$("[data-error-for]")) showError(place, "");
  for (const { field, message } of errors) {
    const place = $$("[data-error-for]").find((element) => sameField(element.dataset.errorFor, field));
    if (place) showError(place, message);
    else rest.push(message);
  }
  setText($("#form-error"), rest.join(" "));
}

function sameField(place, field) {
  return place === field || field === place.replace(/^settings\./, "") || field.startsWith(`${place}.`) || field.startsWith(`${place}[`);
}

function showError(place, message) {
  const error = $(".error", place);
  error.id ||= `error-of-${place.dataset.errorFor}`;
  setText(error, message);
  for (const control of $$("input, select", place)) {
    for (const [name, value] of [["aria-invalid", "true"], ["aria-describedby", error.id]]) {
      if (message) control.setAttribute(name, value);
      else control.removeAttribute(name);
    }
  }
}

// --- preview

function show(drawn, nothing = "Nothing numeric varies: no picture.") {
  draws = drawn;
  $("#preview").dataset.nothing = nothing;
  preview.update(true);
}

const preview = new Chart($("#preview"), page.figures.preview, (figure) => {
  const numeric = Object.entries(space.read()).filter(([, spec]) => !("choice" in spec)).map(([name, spec]) => [name, "log_uniform" in spec]);
  const points = byRole(figure, "running");
  const [x, y] = numeric;
  if (x) {
    points.x = draws.map((draw) => draw[x[0]]);
    points.y = draws.map((draw) => (y ? draw[y[0]] : 0));
    axis(figure.layout.xaxis, x[0], x[1]);
    axis(figure.layout.yaxis, y?.[0] ?? "", Boolean(y?.[1]));
    figure.layout.yaxis.showticklabels = Boolean(y);
  }
  figure.data = [points];
  return figure;
});

function axis(frame, name, log) {
  frame.title.text = name;
  frame.type = log ? "log" : "linear";
  if (log) Object.assign(frame, { dtick: 1, exponentformat: "power", tickfont: { size: 10 } });
  frame.uirevision = `${name} ${log}`;
}

// --- doing

form.addEventListener("input", ({ target }) => {
  edited ||= target !== control("dataset");
  check();
});
control("dataset").addEventListener("change", () => attempt(async () => {
  const answer = await get(`/api/recipes?dataset=${encodeURIComponent(control("dataset").value)}`);
  recipes = Object.fromEntries(answer.recipes.map((plan) => [plan.name, plan]));
  if (recipe in recipes && !edited) choose(recipe);
  else check();
}));
for (const button of $$(".recipe")) {
  button.addEventListener("click", () => {
    stopping.write(null); // no recipe has a rule, and that of another search may contradict this one
    choose(button.dataset.recipe);
  });
}
$("#add-space").addEventListener("click", () => space.add());
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  submit.disabled = true;
  try {
    const sweep = await post("/api/sweeps", body(), { "idempotency-key": await keyOf(body()) });
    location.assign(`/sweeps/${sweep.id}`);
  } catch (error) {
    refuse(error, "Not started");
  }
});

// A second click with the same form makes no second sweep.
async function keyOf(values) {
  const text = new TextEncoder().encode(JSON.stringify(values));
  if (!crypto.subtle) return `${visit}-${text.length}-${Date.now()}`; // plain HTTP from another machine
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return `${visit}-${[...digest.slice(0, 12)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

write(page.start);
check();
$("#controls").disabled = false; // what is typed before this would be overwritten
