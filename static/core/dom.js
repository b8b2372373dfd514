// What every page needs of the DOM: the data in the page, making elements, notices, the confirm dialog, state marks, the link light.
import { errorMessage, NoAnswer } from "./api.js";
import { clock } from "./format.js";
import { countEnded, mark } from "./states.js";

export function data() {
  return JSON.parse(document.getElementById("data").textContent);
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export function fill(root, values) {
  for (const [name, value] of Object.entries(values)) {
    for (const element of $$(`[data-field="${name}"]`, root)) setText(element, value);
  }
}

export function setText(element, value) {
  const text = String(value);
  if (element.textContent !== text) element.textContent = text;
}

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const ICONS = new URL("../img/icons.svg", import.meta.url).pathname;

export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `${ICONS}#${name}` }));
}

export function setState(element, state, word = state) {
  if (element.dataset.state === state && element.textContent === word) return;
  element.dataset.state = state;
  element.dataset.tone = mark(state).tone;
  element.replaceChildren(icon(mark(state).icon), make("span", {}, word));
}

export function stateMark(state) {
  const element = make("span", { class: "state" });
  setState(element, state);
  return element;
}

// A bar of counts; the template has made its parts.
export function setTrack(track, counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const ended = countEnded(counts);
  const said = [];
  for (const part of track.children) {
    const name = part.dataset.part;
    const count = counts[name] || 0;
    part.style.flexGrow = count;
    part.hidden = !count;
    if (count) said.push(`${count} ${name}`);
  }
  track.setAttribute("aria-valuemax", total);
  track.setAttribute("aria-valuenow", ended);
  track.title = said.join(", ");
  return { total, ended };
}

// `undo`: {word, act}, a button in the notice.
export function notify(sentence, tone = "info", undo = null) {
  const notice = make("div", { class: "notice", "data-tone": tone }, sentence);
  if (undo) {
    const button = make("button", { type: "button", class: "button tiny" }, undo.word);
    button.addEventListener("click", () => { notice.remove(); undo.act(); });
    notice.append(" ", button);
  }
  $("#notices").append(notice);
  setTimeout(() => notice.remove(), tone === "bad" || undo ? 12000 : 5000);
}

// `undone`, such as "Not paused": what to say of the action if the server does not answer.
export async function attempt(action, undone) {
  try {
    return await action();
  } catch (error) {
    notify(errorMessage(error, undone), "bad");
    return undefined;
  }
}

const LOAD_RETRY_MS = 2000;

// Until it succeeds: what a page cannot do without. Only that the server is away, or in trouble, passes by itself.
export async function retry(action) {
  const begun = clock(new Date());
  for (let failed = false; ; failed = true) {
    try {
      const answer = await action();
      if (failed) setLink({ state: "live" });
      return answer;
    } catch (error) {
      if (!(error instanceof NoAnswer || error.status >= 500)) throw error;
      setLink({ state: "down", since: begun });
      await new Promise((done) => { setTimeout(done, LOAD_RETRY_MS); });
    }
  }
}

export function confirm({ title, text, yes, danger = true }) {
  const dialog = $("#confirm");
  fill(dialog, { title, text, yes });
  const button = $("[data-field=yes]", dialog);
  button.classList.toggle("danger", danger);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// A menu closes when something outside it is clicked or focused, and by Esc, which gives the focus back.
for (const kind of ["click", "focusin"]) {
  document.addEventListener(kind, ({ target }) => $$("details.menu[open]").forEach((menu) => { menu.open = menu.contains(target); }));
}
// What a menu's entry opens gives the focus back to the menu when it closes: the entry itself is no longer seen then.
document.addEventListener("click", ({ target }) => target.closest("details.menu > div button")?.closest("details").querySelector("summary").focus(), { capture: true });
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && $("details.menu[open]");
  if (!menu) return;
  event.preventDefault();
  menu.open = false;
  $("summary", menu).focus();
});

export function setLink(link) {
  const light = $("#link");
  light.dataset.link = link.state;
  setText(light, { live: "live", connecting: "connecting", down: "reconnecting", idle: "" }[link.state]);
  const banner = $("#stale");
  banner.hidden = link.state !== "down";
  if (link.state === "down") setText(banner, `The link to the server is down; reconnecting. Data from ${link.since}.`);
}

const ACTION_REST = 9; // times as long as it took: what is dear, as advice on ten thousand trials, is asked for less often

// The action once for any number of calls, the last of them included, with so many milliseconds between two runs.
export function throttle(action, milliseconds) {
  let timer = null;
  let again = false;
  const run = async () => {
    again = false;
    const begun = performance.now();
    await action();
    timer = setTimeout(() => { timer = null; if (again) start(); }, Math.max(milliseconds, ACTION_REST * (performance.now() - begun)));
  };
  const start = () => { timer = 1; run(); };
  return () => { if (timer === null) start(); else again = true; };
}

export function debounce(action, milliseconds) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
}
