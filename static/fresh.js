// Pages that the server renders whole: asks for the page again while something runs, and puts in what differs.
import { clock } from "./format.js";
import { $$, setLink } from "./page.js";

const POLL_MS = 1000;

let heard = new Date();

// Parts with `data-fresh` are replaced by their new selves; it is "true", or a number, while there is more to come.
const running = () => $$("[data-fresh]").some((part) => part.dataset.fresh === "true" || part.dataset.fresh === "True" || Number(part.dataset.fresh) > 0);

export async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of $$("[data-fresh]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && fresh.outerHTML !== part.outerHTML && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(fresh));
  }
  heard = new Date();
}

async function again() {
  if (running() && !document.hidden) {
    try {
      await refresh();
      setLink({ state: running() ? "live" : "idle" });
    } catch {
      setLink({ state: "down", since: clock(heard) });
    }
  }
  setTimeout(again, POLL_MS);
}

again();
