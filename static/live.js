// The live link: one EventSource a page, batched, closed while the page is hidden, taken up again at its cursor.
import { clock } from "./format.js";

const BATCH_MS = 250; // at most four repaints a second
const DOWN_MS = 2500; // a link that is away for less is not worth a word

export function follow({ sweeps, cursor, onBatch, onReset, onLink }) {
  let source = null;
  let pending = [];
  let timer = null;
  let downTimer = null;
  let heard = new Date();

  const report = (state) => onLink?.({ state, since: clock(heard) });

  const flush = () => {
    timer = null;
    const batch = pending;
    pending = [];
    onBatch(batch);
  };

  const receive = (kind) => (event) => {
    heard = new Date();
    cursor = Number(event.lastEventId) || cursor;
    pending.push({ kind, row: JSON.parse(event.data) });
    timer ??= setTimeout(flush, BATCH_MS);
  };

  const alive = () => {
    heard = new Date();
    clearTimeout(downTimer);
    downTimer = null;
    report("live");
  };

  const broken = () => {
    downTimer ??= setTimeout(() => report("down"), DOWN_MS);
    if (source.readyState === EventSource.CLOSED) setTimeout(reopen, 2000);
  };

  const reopen = () => { if (source && !document.hidden) { close(); open(); } };

  const open = () => {
    const values = new URLSearchParams();
    if (sweeps) values.set("sweeps", sweeps.join(","));
    if (cursor != null) values.set("after", cursor);
    source = new EventSource(`/api/stream?${values}`);
    source.addEventListener("open", alive);
    source.addEventListener("error", broken);
    for (const kind of ["epoch", "trial", "sweep", "worker"]) source.addEventListener(kind, receive(kind));
    source.addEventListener("reset", (event) => { cursor = Number(event.lastEventId) || cursor; onReset?.(); });
  };

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(downTimer);
    downTimer = null;
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!source) open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted && !source) open(); });
  report("connecting");
  if (!document.hidden) open();
  return { close, get cursor() { return cursor; } };
}
