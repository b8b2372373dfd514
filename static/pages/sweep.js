// The command center of one sweep: what is known of its trials, and the views that show them, each begun when first seen.
import { theme } from "../charts/chart.js";
import { Bell } from "../components/notifications.js";
import { Heading } from "../components/sweep_heading.js";
import { offerTour } from "../components/tour.js";
import { get, NoAnswer } from "../core/api.js";
import { $, $$, attempt, data, insist, make, notify, setLink, setText } from "../core/dom.js";
import { accuracy } from "../core/format.js";
import { follow } from "../core/live.js";
import { bindKeys } from "../core/shortcuts.js";
import { parameter, Selection, setParameters } from "../data/selection.js";
import { Sketches } from "../data/thinned_curves.js";
import { Board } from "../data/trial_store.js";
import { listenDoing } from "../sweep/dialogs.js";
import { TrialMap } from "../sweep/map.js";
import { Beside } from "../sweep/trial_panel.js";
import { Wall } from "../sweep/wall.js";

const CHIPS = 20;
const TILE_POINTS = 48;
const LOSSES = ["data_loss", "val_loss"];

const page = data();
const board = new Board(page.sweep, page.axes, page.first);
const sketches = new Sketches(page.sweep.id, LOSSES, TILE_POINTS);
const selection = new Selection();
const series = () => page.series[theme()];
let importance = null;
const bell = new Bell($("#bell"));
const heading = new Heading(page.sweep, (answer) => { importance = answer; views.settings?.weigh(answer); });
const sweep = () => heading.sweep;
bell.show(sweep());
listenDoing({
  sweep,
  selected: () => [...selection.numbers].map((number) => board.get(number)).filter(Boolean),
  changed: (answer) => heading.show(answer),
});
const best = () => sweep().best?.number ?? null;

// --- the first view: wall, map, the trial beside them

const wall = new Wall($("#wall"), { board, sketches, selection, series });
const beside = new Beside($("#beside"), { board, sketches, selection, changed: (row) => { board.receive(row); board.announce(); } });
const order = $("#wall-order");
order.value = parameter("order", "best");
order.addEventListener("change", () => { setParameters({ order: order.value === "best" ? "" : order.value }); wall.sort(order.value); });
wall.sort(order.value);

const log = $("#wall-log");
function showLog() {
  wall.log = beside.log = parameter("tiles") === "log";
  log.setAttribute("aria-pressed", String(wall.log));
  wall.soon();
  beside.draw();
}
log.addEventListener("click", () => { setParameters({ tiles: wall.log ? "" : "log" }); showLog(); });
showLog();

const [across, up] = [$("#axis-x"), $("#axis-y")];
const searched = page.axes.filter((name) => name in sweep().space);
across.value = parameter("across", searched[0] || page.axes[0]);
up.value = parameter("up", searched[1] || "best_val_acc");
const map = new TrialMap($("#map"), {
  board, selection, space: sweep().space, palettes: page.palettes, tip: $("#map-tip"),
  axes: () => [across.value, up.value],
  byRank: () => parameter("colour") === "rank",
  said: (words) => setText($("#map-takeaway"), words),
});
for (const [select, name] of [[across, "across"], [up, "up"]]) select.addEventListener("change", () => { setParameters({ [name]: select.value }); map.update(); });
const rank = $("#by-rank");
const showRank = () => rank.setAttribute("aria-pressed", String(parameter("colour") === "rank"));
rank.addEventListener("click", () => { setParameters({ colour: parameter("colour") === "rank" ? "" : "rank" }); showRank(); map.update(); });
showRank();

function showWall() {
  const { length } = board;
  const begun = [...board.all()].filter((trial) => trial.epochs_done > 0).length;
  const running = sweep().counts.running || 0;
  const empty = $("#wall-empty");
  empty.hidden = length > 0;
  setText(empty, "This sweep has no trial yet.");
  setText($("#wall-takeaway"), begun ? `${begun} of ${length} trials have a curve${running ? `; ${running} running` : ""}.` : running ? `No trial has finished an epoch yet; ${running} running.` : "No trial has started yet.");
}

// --- the other views: their code, too, comes when they are first seen

const shared = { sweep, board, selection, figures: page.figures, palettes: page.palettes, axes: page.axes, series, best, importance: () => importance };
const makers = {
  curves: async () => new (await program("../sweep/curves_view.js")).CurvesView(shared),
  settings: async () => new (await program("../sweep/settings_view.js")).SettingsView(shared),
  seeds: async () => new (await program("../sweep/seeds_view.js")).SeedsView(shared),
  history: async () => new (await program("../sweep/history_view.js")).HistoryView(shared),
  table: async () => new (await program("../sweep/table.js")).TrialTable($("#table"), { sweep: sweep(), series, selection, columns: page.columns }),
};
let failures = 0; // a browser remembers that an address did not come; asked again it must differ

async function program(path) {
  try {
    return await import(`${path}${failures ? `?${failures}` : ""}`);
  } catch (error) {
    failures += 1;
    throw error instanceof TypeError ? new NoAnswer(error) : error;
  }
}

const views = {};
const making = {};
const loaded = Promise.withResolvers(); // views begin when there is something to show
const shown = () => parameter("view", "wall");

async function show(name) {
  for (const part of $$("main > .view")) part.hidden = part.dataset.view !== name;
  showSelection();
  for (const link of $$("a", $("#views"))) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!makers[name]) return;
  await loaded.promise;
  if (views[name]) return views[name].update(); // what came while it was not seen
  making[name] ??= attempt(makers[name], "Not shown");
  views[name] = await making[name];
  if (!views[name]) delete making[name]; // it did not come; asked again when it is next turned to
  return undefined;
}

function turnTo(name) {
  if (name !== shown()) setParameters({ view: name === "wall" ? "" : name }, true);
  return show(name);
}

async function toFilter() {
  await turnTo("table");
  $("#filter").focus();
}

$("#views").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  turnTo(link.dataset.view);
});
addEventListener("popstate", () => show(shown()));

// On the wall from tile to tile, in the table from row to row.
const walked = () => (shown() === "table" ? views.table : shown() === "wall" ? wall : null);
const step = (by) => (shown() === "table" ? views.table?.walk(by) : shown() === "wall" && wall.step(by));
bindKeys({
  "/": ["go to the filter", toFilter],
  j: ["to the next tile or row", () => step(1)],
  k: ["to the one before", () => step(-1)],
  x: ["select it, or no more", () => { const number = walked()?.current; if (number != null) selection.toggle(number); }],
  "← ↑ → ↓": ["walk the wall; Enter opens the trial beside it"],
});

// --- selection

function showSelection() {
  const numbers = [...selection.numbers].filter((number) => board.get(number));
  const bar = $("#selection");
  const alone = numbers.length === 1 && shown() === "wall"; // it stands beside the wall
  bar.hidden = !selection.brushed && (!numbers.length || alone);
  if (bar.hidden) return;
  const inside = selection.brushed ? [...board.all()].filter((trial) => selection.holds(trial)) : [];
  setText($("#selected-words"), selection.brushed ? `${inside.length} of ${board.length} trials: ${selection.filter}` : "Selected");
  showChips(numbers.slice(0, CHIPS).map((number) => board.get(number)));
  const compared = numbers.length > 1 ? numbers : inside.slice(0, CHIPS).map((trial) => trial.number);
  $("#compare").hidden = compared.length < 2 || (!numbers.length && inside.length > CHIPS);
  $("#compare").href = `/compare?trials=${compared.map((number) => board.get(number).id).join(",")}`;
  $("#brushed").hidden = !selection.brushed;
}

// The chips of trials that stay selected stay, with the focus and a press that has begun.
function showChips(trials) {
  const known = new Map($$("a", $("#chips")).map((chip) => [chip.dataset.number, chip]));
  const chips = trials.map(({ number, id }) => known.get(String(number)) ?? make("a", { class: "button tiny", href: `/trials/${id}`, "data-number": number }, make("span", { class: "ring" }), make("span")));
  if (chips.length !== known.size || chips.some((chip) => !chip.isConnected)) $("#chips").replaceChildren(...chips);
  chips.forEach(({ children: [ring, words] }, n) => {
    ring.style.setProperty("--swatch", series()[n % series().length]);
    setText(words, `#${trials[n].number} ${accuracy(trials[n].best_val_acc)}`);
  });
}

$("#brushed").addEventListener("click", async (event) => {
  event.preventDefault();
  setParameters({ filter: selection.filter });
  await turnTo("table");
  $("#filter").value = selection.filter;
  views.table?.turn({ filter: selection.filter, offset: 0 });
});
$("#clear").addEventListener("click", () => selection.clear());
selection.addEventListener("change", () => { showSelection(); views[shown()]?.update(); });
document.documentElement.addEventListener("themechange", () => { showSelection(); wall.soon(); views.table?.mark(); });

// --- data

function receive(batch) {
  for (const { kind, row } of batch) {
    if (kind === "epoch") { sketches.receive(row); views.curves?.receive(row); }
    if (kind === "trial") { board.receive(row); views.table?.patch(row); }
  }
  head(batch);
  refresh();
  if (batch.some(({ kind }) => kind !== "epoch")) heading.advise();
}

// The title bar and the head move in a hidden tab too.
function head(batch) {
  const before = sweep();
  for (const { kind, row } of batch) if (kind === "sweep" && row.id === before.id) heading.show(row);
  bell.show(sweep());
  bell.ring(before, sweep());
  if (before.state !== "finished" && sweep().state === "finished") notify(`“${sweep().name}” is finished.`, "good");
}

function refresh() {
  board.announce();
  showWall();
  showSelection();
  views[shown()]?.redraw?.(); // the table patches its rows as they come
}

async function load() {
  await board.load();
  refresh();
  loaded.resolve();
  heading.advise();
}

// Rows were deleted somewhere: what this page knows may be wrong, so it asks for all of it again.
async function restart() {
  sketches.clear(); // at once: the next live rows do not follow on what is here
  views.curves?.clear();
  try {
    heading.show(await get(`/api/sweeps/${sweep().id}`));
  } catch (error) {
    if (error.status === 404) location.assign("/");
    throw error;
  }
  await load();
  if (views.table) views.table.stale = true;
  views[shown()]?.update();
}

showWall();
show(shown());
attempt(async () => {
  await insist(load);
  if (shown() === "wall") offerTour();
  follow({ sweeps: [sweep().id], cursor: page.cursor, onBatch: receive, onGlance: head, onReset: () => attempt(() => insist(restart)), onLink: setLink, onAlone: () => bell.silence() });
});
