// The page's live link: subscribes to sweeps and delivers changes in batches while the page is visible. All tabs share one stream.
import { clock } from "./format.js";
import { Hub } from "./live_hub.js";

const BATCH_MS = 100; // the first news is drawn at once, then at most ten times a second,
const DRAW_REST = 3; // and a page rests three times as long as it drew
const DOWN_MS = 2500; // a link that is away for less is not worth a word

// While the page is hidden it draws nothing: `onGlance` gets the rows of sweeps, for its title. Seen again, it takes up
// all it follows at the cursor where it stopped. `onAlone`: no hub is shared, so a hidden page hears nothing.
export function follow({ sweeps = [], cursor, onBatch, onGlance, onReset, onLink, onAlone }) {
  const overview = !sweeps.length;
  let port = null;
  let shared = true;
  let term = 0; // what was sent for an earlier one is of no use
  let pending = [];
  let resting = false;
  let reading = null; // afresh: what comes meanwhile is newer, and drawn after it
  let downTimer = null;
  let heard = new Date();

  const join = () => {
    term += 1;
    if (!document.hidden) port.postMessage({ term, sweeps, overview, cursor });
    else if (shared && onGlance) port.postMessage({ term, sweeps: [], overview: true, cursor: null });
    else leave();
  };

  const leave = () => {
    term += 1;
    port.postMessage({ leave: true });
  };

  const flush = () => {
    if (reading) return;
    const batch = pending;
    pending = [];
    if (batch.length) onBatch(batch);
  };

  const draw = () => {
    if (resting || reading || !pending.length) return;
    resting = true;
    const begun = performance.now();
    const resume = () => { resting = false; draw(); };
    requestAnimationFrame(() => setTimeout(() => { // the frame is painted
      const took = performance.now() - begun;
      setTimeout(resume, Math.max(DRAW_REST * took, BATCH_MS - took));
    }));
    flush();
  };

  const receive = (rows) => {
    heard = new Date();
    if (document.hidden) return onGlance?.(rows.filter(({ kind }) => kind === "sweep"));
    cursor = rows.at(-1).number;
    const at = rows.findLastIndex(({ kind }) => kind === "reset");
    if (at >= 0) {
      pending = []; // what was before it is in what is read now
      reset();
    }
    pending.push(...rows.slice(at + 1));
    draw();
    return undefined;
  };

  const reset = () => {
    const turn = Promise.resolve(onReset?.()).finally(() => {
      if (reading !== turn) return;
      reading = null;
      draw();
    });
    reading = turn;
  };

  const report = (state) => onLink?.({ state, since: clock(heard) });

  const showState = (state) => {
    if (state === "locked") return location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    if (state === "down") {
      downTimer ??= setTimeout(() => report("down"), DOWN_MS);
      return undefined;
    }
    clearTimeout(downTimer);
    downTimer = null;
    if (state === "live") heard = new Date();
    report(state);
    return undefined;
  };

  const attach = (hub) => {
    port = hub;
    port.onmessage = ({ data }) => {
      if (data.link) showState(data.link);
      else if (data.term === term) receive(data.rows);
    };
    join();
  };

  const useOwnHub = () => {
    port?.close();
    shared = false;
    onAlone?.();
    attach(ownHub());
  };

  document.addEventListener("visibilitychange", () => { flush(); join(); });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) join(); });
  report("connecting");
  const hub = sharedHub(useOwnHub);
  if (hub) attach(hub);
  else useOwnHub();
}

// The browser's hub; null where it shares no workers (Chrome on Android, a browser that is to keep nothing). One that shares
// them but takes no modules as such (Firefox before 114) says so later: `onRefused`.
function sharedHub(onRefused) {
  try {
    const worker = new SharedWorker(new URL("./live_hub.js", import.meta.url), { type: "module", name: "lossdeck" });
    worker.addEventListener("error", onRefused, { once: true });
    return worker.port;
  } catch {
    return null;
  }
}

function ownHub() {
  const { port1, port2 } = new MessageChannel();
  new Hub().connect(port2);
  return port1;
}
