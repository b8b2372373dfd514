// Live updates for pages the server renders: fetches the page again while something runs, and replaces the parts that differ.
import { $$, setLink } from "./dom.js";
import { clock } from "./format.js";

const PAGE_POLL_MS = 1000;

let heard = new Date();
let held = false; // something differs, but somebody stands on it

// Parts with `data-fresh` are replaced by their new selves; it is "true", or a number, while there is more to come.
const isRunning = () => $$("[data-fresh]").some((part) => part.dataset.fresh === "true" || part.dataset.fresh === "True" || Number(part.dataset.fresh) > 0);

export async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (answer.status === 401) location.reload(); // which asks for the token
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  held = false;
  for (const part of $$("[data-fresh]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.outerHTML === part.outerHTML) continue;
    if (part.contains(document.activeElement)) held = true;
    else part.replaceWith(document.adoptNode(fresh));
  }
  heard = new Date();
}

async function poll() {
  if ((isRunning() || held) && !document.hidden) {
    try {
      await refresh();
      setLink({ state: isRunning() ? "live" : "idle" });
    } catch {
      setLink({ state: "down", since: clock(heard) });
    }
  }
  setTimeout(poll, PAGE_POLL_MS);
}

poll();
