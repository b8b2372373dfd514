// Findings as a list: what is seen, what to try, and why. Left alone while they say the same.
import { icon, make } from "../core/dom.js";

export function fillFindings(list, findings, nothing) {
  const said = JSON.stringify(findings);
  if (list.dataset.said === said && list.childNodes.length) return;
  list.dataset.said = said;
  list.replaceChildren(...(findings.length ? findings.map(item) : [make("li", { class: "quiet" }, nothing)]));
}

function item(finding) {
  return make("li", { class: "finding", "data-severity": finding.severity },
    icon(finding.severity), make("p", {}, finding.sentence), make("p", {}, `${finding.advice} `, whyOf(finding)));
}

export function whyOf(finding) {
  return make("a", { href: `/help#${finding.code}` }, "Why?");
}
