// The list of sweeps: one row each, kept up to date by the overview stream.
import { accuracy, between, moment } from "./format.js";
import { follow } from "./live.js";
import { $, $$, attempt, data, setLink, setState, setText, setTrack, svg } from "./page.js";
import { get } from "./rest.js";

const page = data();
const body = $("#sweeps tbody");
const rows = new Map($$("tr", body).map((row) => [Number(row.dataset.id), row]));

function show(sweep) {
  const row = rows.get(sweep.id) || add(sweep);
  const cells = Object.fromEntries($$("[data-field]", row).map((cell) => [cell.dataset.field, cell]));
  setText(cells.name, sweep.name);
  setText(cells.about, about(sweep));
  setState(cells.state, sweep.state);
  const { total, ended } = setTrack($(".track", row), sweep.counts);
  setText(cells.progress, `${ended} / ${total}`);
  setText(cells.ends, ["diverged", "stopped", "failed"].filter((end) => sweep.counts[end]).map((end) => `${sweep.counts[end]} ${end}`).join(", "));
  setText(cells.best, accuracy(sweep.best?.best_val_acc));
  setText(cells.eta, sweep.eta_range || !sweep.counts.running ? between(sweep.eta_range) : "too early to say");
  cells.eta.classList.toggle("nothing", cells.eta.textContent === "–");
  setText(cells.created, moment(sweep.created_at));
  cells.created.title = sweep.created_at;
  spark(row, sweep);
}

// What tells a sweep from others of the same name; its number is that of the command line.
function about({ id, dataset, recipe, sampler, trials, settings, stopping }) {
  const many = (count, word) => (count === 1 ? `1 ${word}` : `${count} ${word}s`);
  const size = many(trials, "trial") + (settings.epochs ? ` of ${many(settings.epochs, "epoch")}` : "");
  return [`sweep ${id}`, dataset, recipe ?? sampler, size, ...Object.keys(stopping ?? {})].join(" · ");
}

function add(sweep) {
  const row = $("#row").content.firstElementChild.cloneNode(true);
  row.dataset.id = sweep.id;
  $("a", row).href = `/sweeps/${sweep.id}`;
  rows.set(sweep.id, row);
  body.prepend(row);
  $("#sweeps").hidden = false;
  $("#empty").hidden = true;
  return row;
}

// The best trial's train loss so far: fetched anew only when another trial leads or the leader got further.
async function spark(row, sweep) {
  const leader = sweep.best ? `${sweep.best.id}:${sweep.best.epochs_done}` : "";
  if (!leader || row.dataset.leader === leader) return;
  const first = row.dataset.leader === undefined;
  row.dataset.leader = leader;
  const known = first ? page.sparks[sweep.id] : undefined;
  const losses = known || (await get(`/api/trials/${sweep.best.id}/epochs`)).epochs.map((epoch) => epoch.data_loss);
  draw($(".spark", row), losses.filter((loss) => loss != null), sweep.best);
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

function headline() {
  const running = [...rows.values()].filter((row) => $("[data-field=state]", row).dataset.state === "running").length;
  document.title = `${running ? `(${running} running) ` : ""}Sweeps · Lossdeck`;
}

async function reload() {
  const { sweeps } = await get("/api/sweeps?limit=100");
  const known = new Set(sweeps.map((sweep) => sweep.id));
  for (const [id, row] of rows) if (!known.has(id)) { row.remove(); rows.delete(id); }
  sweeps.reverse().forEach(show);
  $("#sweeps").hidden = !rows.size;
  $("#empty").hidden = rows.size > 0;
}

function receive(batch) {
  const latest = new Map(batch.filter(({ kind }) => kind === "sweep").map(({ row }) => [row.id, row]));
  latest.forEach(show);
  headline();
}

page.sweeps.forEach(show);
headline();
follow({ cursor: page.cursor, onBatch: receive, onGlance: receive, onReset: () => attempt(reload), onLink: setLink });
