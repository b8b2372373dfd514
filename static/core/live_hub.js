// The hub: one live stream per browser, shared by its tabs. It runs in a shared worker, or in the page where there are none;
// live.js starts it.
//
// A member says what it follows and from which cursor on; the stream is opened on what all of them follow, at the lowest
// cursor of theirs, and each is sent what is new to it. So whoever comes, goes or comes back has neither gap nor repeat.
// Who was away for very long is told to ask for all of it anew, which is less than what it has missed; so is the hub itself,
// by the server.
// Where no stream can be held, the hub asks again and again from its cursor.

const FLUSH_MS = 10; // what comes together goes on together
const OPEN_MS = 4000; // a stream that is not open by then is held up by something between
const STREAM_POLL_MS = 1000;
const POLLS = 30; // before the stream is tried again
const STREAM_RETRY_MS = 2000;
const SILENT_MS = 25_000; // the server says "alive" every ten seconds: the line is dead, though nobody has hung up
const MOST_MISSED = 1000; // changes; about what a page asks for at once anyway
const OVERVIEW = new Set(["sweep", "worker"]);
const EVENT_KINDS = ["epoch", "trial", "sweep", "worker", "reset"];

export class Hub {
  constructor() {
    this.members = new Map(); // port: { term, sweeps, overview, cursor, rows, served }
    this.source = null;
    this.state = "connecting";
    this.cursor = null; // all up to here was received
  }

  connect(port) {
    port.onmessage = ({ data }) => (data.leave ? this.leave(port) : this.join(port, data));
    port.onclose = () => this.leave(port); // a tab that crashed
  }

  join(port, following) {
    const member = { ...following, rows: [] };
    this.members.set(port, member);
    port.postMessage({ link: this.state });
    if (member.cursor != null && this.cursor - member.cursor > MOST_MISSED) this.skip(member);
    this.reopen();
  }

  // What comes from here on is new to what the member then asks for.
  skip(member) {
    member.cursor = this.cursor;
    member.rows.push({ kind: "reset", row: {}, number: this.cursor });
    this.flushing ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  leave(port) {
    this.members.delete(port);
    this.reopen();
  }

  // --- the stream

  // Later, once for all who come and go together, and only if what is open does not serve everyone.
  reopen() {
    this.opening ??= setTimeout(() => {
      this.opening = null;
      const { address, cursor } = this.subscription();
      for (const member of this.members.values()) member.served = true;
      const behind = cursor != null && (this.cursor == null || cursor < this.cursor);
      if (this.address === address && !behind) return;
      this.close();
      this.address = address;
      this.cursor = cursor;
      if (address) this.open();
      else this.state = "connecting";
    }, 0);
  }

  subscription() {
    const members = [...this.members.values()];
    const cursors = members.map((member) => member.cursor ??= this.cursor).filter((cursor) => cursor != null);
    const sweeps = [...new Set(members.flatMap((member) => member.sweeps))].sort((a, b) => a - b);
    const overview = members.some((member) => member.overview);
    const address = members.length ? `/api/stream?${new URLSearchParams({ sweeps: sweeps.join(","), overview, catch_up: MOST_MISSED })}` : null;
    return { address, cursor: cursors.length ? Math.min(...cursors) : null };
  }

  get path() { return this.cursor == null ? this.address : `${this.address}&after=${this.cursor}`; }

  open() {
    if (!globalThis.EventSource) return this.poll(POLLS);
    const source = new EventSource(this.path);
    this.source = source;
    this.timer = setTimeout(() => this.pollInstead(), OPEN_MS);
    source.onopen = () => { this.report("live"); this.watchSilence(); };
    source.addEventListener("alive", () => this.watchSilence());
    source.onerror = () => {
      this.report("down"); // the browser tries again by itself, unless the server has refused
      if (source.readyState === EventSource.CLOSED) this.pollInstead();
    };
    for (const kind of EVENT_KINDS) source.addEventListener(kind, (event) => this.receive(kind, Number(event.lastEventId), event.data));
    return undefined;
  }

  // Until the next sign of life.
  watchSilence() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.report("down"); this.close(); this.open(); }, SILENT_MS);
  }

  pollInstead() {
    this.close();
    return this.poll(POLLS);
  }

  async poll(times) {
    const asking = new AbortController();
    this.asking = asking;
    try {
      const answer = await fetch(`${this.path}&once=true`, { signal: asking.signal });
      if (answer.status === 401) return this.report("locked");
      if (!answer.ok) throw new Error(`${answer.status}`);
      const text = await answer.text();
      if (asking.signal.aborted) return undefined;
      for (const { event, id, data } of parseEvents(text)) if (EVENT_KINDS.includes(event)) this.receive(event, Number(id), data);
      this.report("live");
    } catch {
      if (asking.signal.aborted) return undefined;
      this.report("down");
    }
    const wait = this.state === "live" ? STREAM_POLL_MS : STREAM_RETRY_MS;
    this.timer = setTimeout(() => (times > 1 ? this.poll(times - 1) : this.open()), wait);
    return undefined;
  }

  close() {
    this.source?.close();
    this.source = null;
    this.asking?.abort();
    clearTimeout(this.timer);
  }

  // --- to the members

  report(state) {
    if (state === this.state) return;
    this.state = state;
    for (const port of this.members.keys()) port.postMessage({ link: state });
  }

  receive(kind, number, data) {
    if (this.source) this.watchSilence();
    this.cursor = number;
    const row = JSON.parse(data);
    for (const member of this.members.values()) {
      if (!member.served) continue; // joined a moment ago: this stream is not yet about what it follows
      if (concerns(member, kind, row) && (kind === "reset" || !(number <= member.cursor))) member.rows.push({ kind, row, number });
      member.cursor = kind === "reset" ? number : Math.max(member.cursor ?? number, number);
    }
    this.flushing ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  flush() {
    this.flushing = null;
    for (const [port, member] of this.members) {
      if (!member.rows.length) continue;
      port.postMessage({ term: member.term, rows: member.rows });
      member.rows = [];
    }
  }
}

function concerns({ sweeps, overview }, kind, row) {
  if (kind === "reset" || (overview && OVERVIEW.has(kind))) return true;
  return sweeps.includes(kind === "sweep" ? row.id : row.sweep_id);
}

// The events of a stream that has ended, as its text has them.
function parseEvents(text) {
  return text.split("\n\n").map((block) => Object.fromEntries(block.split("\n").map((line) => {
    const [name] = line.split(":", 1);
    return [name, line.slice(name.length + 1).trimStart()];
  })));
}

if (globalThis.SharedWorkerGlobalScope) {
  const hub = new Hub();
  globalThis.onconnect = ({ ports: [port] }) => hub.connect(port);
}
