// The preflight page: starts a preflight and shows its checks as they finish. Polls only while one is under way.
import { figureText } from "../charts/preflight_charts.js";
import { differingSettings, fillComparison, showCheck } from "../components/preflight_comparison.js";
import { errorMessage, get, post, query } from "../core/api.js";
import { $, $$, attempt, data, fill, icon, make, setLink, setState, setText } from "../core/dom.js";
import { clock, moment, setting, shortNumber } from "../core/format.js";
import { trialState } from "../core/states.js";

const PREFLIGHT_POLL_MS = 500;

const page = data();
const form = $("#start");
const report = $("#report");
const list = $("#checks");
const body = $("#earlier tbody");
const rows = new Map();
const known = new Map();
let shown = null;
let heard = new Date();

const isActive = (preflight) => trialState(preflight.state).living;

function show(preflight) {
  shown = preflight;
  report.hidden = false;
  setText($("[data-field=title]", report), `Preflight ${preflight.id} on ${preflight.dataset}`);
  setState($("[data-field=state]", report), preflight.state);
  showVerdict($("[data-field=verdict]", report), preflight);
  $("#cancel").hidden = !isActive(preflight);
  $("#next").hidden = !preflight.passed;
  $("#next").href = `/sweeps/new?${query({ dataset: preflight.dataset, recipe: "coarse" })}`;
  while (list.children.length > preflight.checks.length) list.lastElementChild.remove();
  preflight.checks.forEach((check, n) => update(list.children[n] || addCheck(), check));
  showRow(summary(preflight));
}

// What a row shows of the checks; the page's own rows come with it and without the checks.
const summary = (preflight) => ({
  ...preflight,
  failed: preflight.checks.filter((check) => !check.passed).map((check) => check.code),
  workable: preflight.checks.find((check) => check.span)?.span ?? null,
});

function showVerdict(element, preflight) {
  const words = verdict(preflight);
  if (element.textContent === words) return;
  const mark = { true: ["good"], false: ["bad"] }[preflight.passed] || [];
  element.dataset.passed = preflight.passed;
  element.replaceChildren(...mark.map(icon), make("span", {}, words));
}

function verdict({ state, checks, checks_total: total, reason, verdict: words }) {
  if (state === "queued") return "waits for a free worker";
  if (state === "running") return `${checks.length} of ${total} checks done`;
  if (state === "failed") return `could not be run: ${reason.split("\n")[0]}`;
  if (state === "cancelled") return "";
  return words;
}

function addCheck() {
  const item = $("#check").content.firstElementChild.cloneNode(true);
  list.append(item);
  return item;
}

function update(item, check) {
  if (item.dataset.code === check.code && item.dataset.figure === figureText(check)) return;
  item.dataset.code = check.code;
  item.dataset.figure = figureText(check);
  showCheck(item, check);
}

function showRow(preflight) {
  known.set(preflight.id, preflight);
  const row = rows.get(preflight.id) || addRow(preflight.id);
  const cells = Object.fromEntries($$("[data-field]", row).map((cell) => [cell.dataset.field, cell]));
  setText(cells.number, preflight.id);
  cells.number.href = `/preflight?id=${preflight.id}`;
  setText(cells.dataset, preflight.dataset);
  setText(cells.workable, preflight.workable ? preflight.workable.map((rate) => shortNumber(rate)).join(" to ") : "–");
  setState(cells.state, preflight.state);
  setText(cells.checks, preflight.state !== "finished" ? "–" : preflight.failed.length ? `failed: ${preflight.failed.join(", ")}` : "all passed");
  setText(cells.created, moment(preflight.created_at));
  nameNets(preflight.dataset);
  offerComparisons();
}

// A net by its layers, and by the settings in which those on its data set differ.
function nameNets(dataset) {
  const alike = [...known.values()].filter((preflight) => preflight.dataset === dataset);
  const names = differingSettings(alike).filter((name) => name !== "hidden");
  for (const { id, settings } of alike) {
    const words = [setting("hidden", settings.hidden), ...names.map((name) => `${name} ${setting(name, settings[name])}`)];
    setText($("[data-field=net]", rows.get(id)), words.join(", "));
  }
}

// Each row that has ended can be put beside the preflight that is shown.
function offerComparisons() {
  for (const [id, row] of rows) {
    const ended = $('[data-field="state"]', row).dataset.state === "finished";
    const link = $("[data-compare]", row);
    link.hidden = !ended || !shown || shown.id === id || shown.state !== "finished";
    if (!link.hidden) link.href = `/preflight?compare=${shown.id},${id}`;
    link.textContent = `compare with ${shown?.id}`;
  }
}

function addRow(id) {
  const row = $("#row").content.firstElementChild.cloneNode(true);
  rows.set(id, row);
  body.prepend(row);
  $("#earlier").hidden = false;
  $("#empty").hidden = true;
  return row;
}

function receive(preflight) {
  if (shown?.id === preflight.id) show(preflight);
  else showRow(summary(preflight));
}

async function poll() {
  const asked = [...known.values()].filter(isActive);
  if (asked.length && !document.hidden) {
    try {
      for (const { id } of asked) receive(await get(`/api/preflights/${id}`));
      heard = new Date();
      setLink({ state: [...known.values()].some(isActive) ? "live" : "idle" });
    } catch {
      setLink({ state: "down", since: clock(heard) });
    }
  }
  setTimeout(poll, PREFLIGHT_POLL_MS);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = $("button", form);
  button.disabled = true;
  fill(form, { error: "" });
  try {
    const made = await post("/api/preflights", Object.fromEntries(new FormData(form)));
    list.replaceChildren();
    show(made);
    history.replaceState(null, "", `/preflight?id=${made.id}`);
  } catch (error) {
    fill(form, { error: errorMessage(error, "Not begun") });
  }
  button.disabled = false;
});

$("#cancel").addEventListener("click", async () => {
  const answer = await attempt(() => post(`/api/preflights/${shown.id}/cancel`), "Not cancelled");
  if (answer) show(answer);
});

page.earlier.forEach(showRow);
if (page.compared.length) {
  $("#comparison").hidden = false;
  fillComparison($("#comparison table"), page.compared, $("#check"));
}
if (page.preflight) show(page.preflight);
poll();
