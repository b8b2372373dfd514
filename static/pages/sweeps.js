// The list of sweeps: one row each, kept up to date by the overview stream.
import { get, query } from "../core/api.js";
import { $, $$, attempt, data, make, retry, setLink, setState, setText, setTrack, svg, throttle } from "../core/dom.js";
import { accuracy, durationRange, moment } from "../core/format.js";
import { follow } from "../core/live.js";
import { bindKeys } from "../core/shortcuts.js";
import { endsText } from "../core/states.js";
import { parameter, setParameters } from "../data/selection.js";

const SPARK_MS = 2000; // between looks at the curve of a sweep's best trial
const SPARK_POINTS = 60; // of it

const page = data();
const body = $("#sweeps tbody");
const rows = new Map($$("tr", body).map((row) => [Number(row.dataset.id), row]));

function show(sweep) {
  const row = rows.get(sweep.id) || add(sweep);
  if (!row) return;
  const cells = Object.fromEntries($$("[data-field]", row).map((cell) => [cell.dataset.field, cell]));
  setText(cells.name, sweep.name);
  setText(cells.about, describe(sweep));
  if (cells.tags.textContent !== sweep.tags.join("")) cells.tags.replaceChildren(...sweep.tags.map((tag) => make("span", { class: "tag" }, tag)));
  setState(cells.state, sweep.state);
  const { total, ended } = setTrack($(".track", row), sweep.counts);
  setText(cells.progress, `${ended} / ${total}`);
  setText(cells.ends, endsText(sweep.counts));
  setText(cells.best, accuracy(sweep.best?.best_val_acc));
  setText(cells.eta, sweep.state === "paused" ? "paused" : sweep.eta_range || !sweep.counts.running ? durationRange(sweep.eta_range) : "too early to say");
  cells.eta.classList.toggle("nothing", cells.eta.textContent === "–");
  setText(cells.created, moment(sweep.created_at));
  cells.created.title = sweep.created_at;
  spark(row, sweep);
  applySearch(row);
}

// What tells a sweep from others of the same name; its number is that of the command line.
function describe({ id, dataset, recipe, sampler, trials, settings, stopping }) {
  const many = (count, word) => (count === 1 ? `1 ${word}` : `${count} ${word}s`);
  const size = many(trials, "trial") + (settings.epochs ? ` of ${many(settings.epochs, "epoch")}` : "");
  return [`sweep ${id}`, dataset, recipe ?? sampler, size, ...Object.keys(stopping ?? {})].join(" · ");
}

// By number, the newest on top; older ones than the list has, once it is full, stay away.
function add(sweep) {
  const next = [...rows.values()].find((row) => Number(row.dataset.id) < sweep.id);
  if (!next && rows.size >= page.most) return null;
  const row = $("#row").content.firstElementChild.cloneNode(true);
  row.dataset.id = sweep.id;
  $("a", row).href = `/sweeps/${sweep.id}`;
  rows.set(sweep.id, row);
  body.insertBefore(row, [...body.children].find((other) => Number(other.dataset.id) < sweep.id) ?? null);
  $("#sweeps").hidden = $("#find").hidden = false;
  $("#empty").hidden = true;
  return row;
}

// The best trial's train loss so far: asked for in rows that are seen, when another trial leads or the leader got further.
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.inView = isIntersecting;
    if (isIntersecting) target.spark();
  }
});

function spark(row, sweep) {
  row.sweep = sweep;
  row.spark ??= throttle(() => drawSpark(row).catch(() => { row.leader = null; }), SPARK_MS);
  seen.observe(row);
  if (row.inView) row.spark();
}

async function drawSpark(row) {
  const { best, id } = row.sweep;
  const leader = best && `${best.id}:${best.epochs_done}`;
  if (!leader || !row.inView || row.leader === leader) return;
  const known = row.leader === undefined ? page.sparks[id] : undefined;
  row.leader = leader;
  const losses = known ?? (await get(`/api/sweeps/${id}/curves?${query({ numbers: best.number, of: "data_loss", points: SPARK_POINTS })}`)).curves[0]?.metrics.data_loss ?? [];
  draw($(".spark", row), losses.filter((loss) => loss != null), best);
}

function draw(picture, losses, best) {
  if (!losses.length) return;
  const low = Math.min(...losses);
  const span = Math.max(...losses) - low || 1;
  const points = losses.map((loss, n) => [(100 * n) / Math.max(1, losses.length - 1), 26 - (22 * (loss - low)) / span]);
  const line = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  picture.replaceChildren(svg("path", { d: `M${line}` }), svg("path", { class: "end", d: `M${points.at(-1).map((value) => value.toFixed(1)).join(" ")}h0` }));
  picture.setAttribute("aria-label", `train loss of the best trial, #${best.number}: ${losses[0].toPrecision(3)} to ${losses.at(-1).toPrecision(3)}`);
}

// Rows that have all words of the search stay.
function applySearch(row) {
  const { name, tags, dataset, state, id } = row.sweep;
  const text = [name, ...tags, dataset, state, id].join(" ").toLowerCase();
  row.hidden = !$("#find").value.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function find() {
  rows.forEach(applySearch);
  const left = [...rows.values()].filter((row) => !row.hidden).length;
  $("#none-found").hidden = left > 0 || !rows.size;
  setText($("#none-found"), `None of the newest ${rows.size} sweeps has all these words.`);
  setParameters({ find: $("#find").value.trim() });
}

function updateTitle() {
  const running = [...rows.values()].filter((row) => $("[data-field=state]", row).dataset.state === "running").length;
  document.title = `${running ? `(${running} running) ` : ""}Sweeps · Lossdeck`;
}

async function reload() {
  const { sweeps } = await get(`/api/sweeps?limit=${page.most}`);
  const known = new Set(sweeps.map((sweep) => sweep.id));
  for (const [id, row] of rows) if (!known.has(id)) { row.remove(); rows.delete(id); }
  sweeps.reverse().forEach(show);
  $("#sweeps").hidden = !rows.size;
  $("#empty").hidden = rows.size > 0;
}

function receive(batch) {
  const latest = new Map(batch.filter(({ kind }) => kind === "sweep").map(({ row }) => [row.id, row]));
  latest.forEach(show);
  updateTitle();
}

$("#find").value = parameter("find");
$("#find").addEventListener("input", find);
page.sweeps.forEach(show);
if (parameter("find")) find();
updateTitle();
bindKeys({ "/": ["find sweeps", () => $("#find").focus()] });
follow({ cursor: page.cursor, onBatch: receive, onGlance: receive, onReset: () => attempt(() => retry(reload)), onLink: setLink });
