// The command center of one sweep: its trials, and the views that show them, each loaded when first opened.
import { theme } from "../charts/chart.js";
import { SweepNotifications } from "../components/notifications.js";
import { SweepHeading } from "../components/sweep_heading.js";
import { offerTour } from "../components/tour.js";
import { get, NoAnswer } from "../core/api.js";
import { $, $$, attempt, data, make, notify, retry, setLink, setText } from "../core/dom.js";
import { accuracy } from "../core/format.js";
import { follow } from "../core/live.js";
import { bindKeys } from "../core/shortcuts.js";
import { parameter, Selection, setParameters } from "../data/selection.js";
import { ThinnedCurves } from "../data/thinned_curves.js";
import { TrialStore } from "../data/trial_store.js";
import { listenDialogs } from "../sweep/dialogs.js";
import { TrialMap } from "../sweep/scatter_map.js";
import { TrialPanel } from "../sweep/trial_panel.js";
import { Wall } from "../sweep/wall.js";

const CHIPS = 20;
const TILE_POINTS = 48;
const LOSSES = ["data_loss", "val_loss"];

const page = data();
const store = new TrialStore(page.sweep, page.axes, page.first);
const thinnedCurves = new ThinnedCurves(page.sweep.id, LOSSES, TILE_POINTS);
const selection = new Selection();
const series = () => page.series[theme()];
let importance = null;
const notifications = new SweepNotifications($("#notify"));
const heading = new SweepHeading(page.sweep, (answer) => { importance = answer; views.settings?.showImportance(answer); });
const sweep = () => heading.sweep;
notifications.show(sweep());
listenDialogs({
  sweep,
  selectedTrials: () => [...selection.numbers].map((number) => store.get(number)).filter(Boolean),
  onChange: (answer) => heading.show(answer),
});
const best = () => sweep().best?.number ?? null;

// --- the first view: wall, map, the trial beside them

const wall = new Wall($("#wall"), { store, thinnedCurves, selection, series });
const trialPanel = new TrialPanel($("#trial-panel"), { store, thinnedCurves, selection, onChange: (row) => { store.receive(row); store.announce(); } });
const order = $("#wall-order");
order.value = parameter("order", "best");
order.addEventListener("change", () => { setParameters({ order: order.value === "best" ? "" : order.value }); wall.sort(order.value); });
wall.sort(order.value);

const log = $("#wall-log");
function showLog() {
  wall.log = trialPanel.log = parameter("tiles") === "log";
  log.setAttribute("aria-pressed", String(wall.log));
  wall.scheduleDraw();
  trialPanel.draw();
}
log.addEventListener("click", () => { setParameters({ tiles: wall.log ? "" : "log" }); showLog(); });
showLog();

const [across, up] = [$("#axis-x"), $("#axis-y")];
const searched = page.axes.filter((name) => name in sweep().space);
across.value = parameter("across", searched[0] || page.axes[0]);
up.value = parameter("up", searched[1] || "best_val_acc");
const map = new TrialMap($("#map"), {
  store, selection, space: sweep().space, palettes: page.palettes, tip: $("#map-tip"),
  axes: () => [across.value, up.value],
  byRank: () => parameter("colour") === "rank",
  onTakeaway: (words) => setText($("#map-takeaway"), words),
});
for (const [select, name] of [[across, "across"], [up, "up"]]) select.addEventListener("change", () => { setParameters({ [name]: select.value }); map.update(); });
const rank = $("#by-rank");
const showRank = () => rank.setAttribute("aria-pressed", String(parameter("colour") === "rank"));
rank.addEventListener("click", () => { setParameters({ colour: parameter("colour") === "rank" ? "" : "rank" }); showRank(); map.update(); });
showRank();

function showWall() {
  const { length } = store;
  const begun = [...store.all()].filter((trial) => trial.epochs_done > 0).length;
  const running = sweep().counts.running || 0;
  const empty = $("#wall-empty");
  empty.hidden = length > 0;
  setText(empty, "This sweep has no trial yet.");
  setText($("#wall-takeaway"), begun ? `${begun} of ${length} trials have a curve${running ? `; ${running} running` : ""}.` : running ? `No trial has finished an epoch yet; ${running} running.` : "No trial has started yet.");
}

// --- the other views: their code, too, comes when they are first seen

const shared = { sweep, store, selection, figures: page.figures, palettes: page.palettes, axes: page.axes, series, best, importance: () => importance };
const makers = {
  curves: async () => new (await loadView("../sweep/curves_view.js")).CurvesView(shared),
  settings: async () => new (await loadView("../sweep/settings_view.js")).SettingsView(shared),
  seeds: async () => new (await loadView("../sweep/seeds_view.js")).SeedsView(shared),
  history: async () => new (await loadView("../sweep/history_view.js")).HistoryView(shared),
  table: async () => new (await loadView("../sweep/table.js")).TrialTable($("#table"), { sweep: sweep(), series, selection, columns: page.columns }),
};
let failures = 0; // a browser remembers that an address did not come; asked again it must differ

async function loadView(path) {
  try {
    return await import(`${path}${failures ? `?${failures}` : ""}`);
  } catch (error) {
    failures += 1;
    throw error instanceof TypeError ? new NoAnswer(error) : error;
  }
}

const views = {};
const pending = {};
const loaded = Promise.withResolvers(); // views begin when there is something to show
const currentView = () => parameter("view", "wall");

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
  pending[name] ??= attempt(makers[name], "Not shown");
  views[name] = await pending[name];
  if (!views[name]) delete pending[name]; // it did not come; asked again when it is next turned to
  return undefined;
}

function openView(name) {
  if (name !== currentView()) setParameters({ view: name === "wall" ? "" : name }, true);
  return show(name);
}

async function focusFilter() {
  await openView("table");
  $("#filter").focus();
}

$("#views").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openView(link.dataset.view);
});
addEventListener("popstate", () => show(currentView()));

// On the wall from tile to tile, in the table from row to row.
const itemsView = () => (currentView() === "table" ? views.table : currentView() === "wall" ? wall : null);
const step = (by) => (currentView() === "table" ? views.table?.walk(by) : currentView() === "wall" && wall.step(by));
bindKeys({
  "/": ["go to the filter", focusFilter],
  j: ["to the next tile or row", () => step(1)],
  k: ["to the one before", () => step(-1)],
  x: ["select it, or no more", () => { const number = itemsView()?.current; if (number != null) selection.toggle(number); }],
  "← ↑ → ↓": ["walk the wall; Enter opens the trial beside it"],
});

// --- selection

function showSelection() {
  const numbers = [...selection.numbers].filter((number) => store.get(number));
  const bar = $("#selection");
  const alone = numbers.length === 1 && currentView() === "wall"; // it stands beside the wall
  bar.hidden = !selection.hasBrush && (!numbers.length || alone);
  if (bar.hidden) return;
  const inside = selection.hasBrush ? [...store.all()].filter((trial) => selection.holds(trial)) : [];
  setText($("#selected-words"), selection.hasBrush ? `${inside.length} of ${store.length} trials: ${selection.filter}` : "Selected");
  showChips(numbers.slice(0, CHIPS).map((number) => store.get(number)));
  const compared = numbers.length > 1 ? numbers : inside.slice(0, CHIPS).map((trial) => trial.number);
  $("#compare").hidden = compared.length < 2 || (!numbers.length && inside.length > CHIPS);
  $("#compare").href = `/compare?trials=${compared.map((number) => store.get(number).id).join(",")}`;
  $("#brushed").hidden = !selection.hasBrush;
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
  await openView("table");
  $("#filter").value = selection.filter;
  views.table?.setQuery({ filter: selection.filter, offset: 0 });
});
$("#clear").addEventListener("click", () => selection.clear());
selection.addEventListener("change", () => { showSelection(); views[currentView()]?.update(); });
document.documentElement.addEventListener("themechange", () => { showSelection(); wall.scheduleDraw(); views.table?.mark(); });

// --- data

function receive(batch) {
  for (const { kind, row } of batch) {
    if (kind === "epoch") { thinnedCurves.receive(row); views.curves?.receive(row); }
    if (kind === "trial") { store.receive(row); views.table?.patch(row); }
  }
  updateHead(batch);
  refresh();
  if (batch.some(({ kind }) => kind !== "epoch")) heading.advise();
}

// The title bar and the head move in a hidden tab too.
function updateHead(batch) {
  const before = sweep();
  for (const { kind, row } of batch) if (kind === "sweep" && row.id === before.id) heading.show(row);
  notifications.show(sweep());
  notifications.report(before, sweep());
  if (before.state !== "finished" && sweep().state === "finished") notify(`“${sweep().name}” is finished.`, "good");
}

function refresh() {
  store.announce();
  showWall();
  showSelection();
  views[currentView()]?.redraw?.(); // the table patches its rows as they come
}

async function load() {
  await store.load();
  refresh();
  loaded.resolve();
  heading.advise();
}

// Rows were deleted somewhere: what this page knows may be wrong, so it asks for all of it again.
async function restart() {
  thinnedCurves.clear(); // at once: the next live rows do not follow on what is here
  views.curves?.clear();
  try {
    heading.show(await get(`/api/sweeps/${sweep().id}`));
  } catch (error) {
    if (error.status === 404) location.assign("/");
    throw error;
  }
  await load();
  if (views.table) views.table.stale = true;
  views[currentView()]?.update();
}

showWall();
show(currentView());
attempt(async () => {
  await retry(load);
  if (currentView() === "wall") offerTour();
  follow({ sweeps: [sweep().id], cursor: page.cursor, onBatch: receive, onGlance: updateHead, onReset: () => attempt(() => retry(restart)), onLink: setLink, onAlone: () => notifications.disable() });
});
