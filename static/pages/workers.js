// The workers page: what each worker is doing, live.
import { get } from "../core/api.js";
import { $, $$, attempt, data, make, setLink, setState, setText } from "../core/dom.js";
import { moment } from "../core/format.js";
import { follow } from "../core/live.js";

const page = data();
const body = $("#workers tbody");
const rows = new Map($$("tr", body).map((row) => [row.dataset.id, row]));

function show(worker) {
  const row = rows.get(String(worker.id)) || add(worker);
  const cells = Object.fromEntries($$("[data-field]", row).map((cell) => [cell.dataset.field, cell]));
  setState(cells.state, worker.state);
  const { group_id: group, preflight_id: preflight } = worker;
  if (preflight == null) setText(cells.work, group == null ? "–" : `group ${group}`);
  else cells.work.replaceChildren(make("a", { href: `/preflight?id=${preflight}` }, `preflight ${preflight}`));
  setText(cells.host, worker.host);
  setText(cells.pid, worker.pid);
  setText(cells.threads, worker.facts.threads ?? "–");
  setText(cells.blas, [worker.facts.blas, worker.facts.core ?? worker.facts.core_type].filter(Boolean).join(", ") || "–");
  setText(cells.numpy, worker.facts.numpy ?? "–");
  setText(cells.started, moment(worker.started_at));
  setText(cells.seen, moment(worker.seen_at));
}

function add(worker) {
  const row = $("#row").content.firstElementChild.cloneNode(true);
  row.dataset.id = worker.id;
  rows.set(String(worker.id), row);
  body.prepend(row);
  $("#workers").hidden = false;
  $("#empty").hidden = true;
  return row;
}

page.workers.forEach(show);
follow({
  cursor: page.cursor,
  onBatch: (batch) => batch.filter(({ kind }) => kind === "worker").forEach(({ row }) => show(row)),
  onReset: () => attempt(async () => (await get("/api/workers")).workers.forEach(show)),
  onLink: setLink,
});
