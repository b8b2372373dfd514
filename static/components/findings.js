// A list of findings: what the curves show, what to try, and a link to why. Unchanged findings are not redrawn.
import { icon, make } from "../core/dom.js";

export function fillFindings(list, findings, nothing) {
  const text = JSON.stringify(findings);
  if (list.dataset.shown === text && list.childNodes.length) return;
  list.dataset.shown = text;
  list.replaceChildren(...(findings.length ? findings.map(findingItem) : [make("li", { class: "quiet" }, nothing)]));
}

function findingItem(finding) {
  return make("li", { class: "finding", "data-tone": finding.severity },
    icon(finding.severity), make("p", {}, finding.sentence), make("p", {}, `${finding.advice} `, whyLink(finding)));
}

export function whyLink(finding) {
  return make("a", { href: `/help#${finding.code}` }, "Why?");
}
