// Preflights side by side: the settings that differ, then each check with its charts on one scale.
import { axesText, drawCheck, figureText } from "../charts/preflight_charts.js";
import { fill, icon, make } from "../core/dom.js";
import { moment, setting } from "../core/format.js";

export function fillComparison(table, preflights, template) {
  const head = make("tr", {}, make("td", {}), ...preflights.map(headingCell));
  table.append(make("thead", {}, head), make("tbody", {}, ...differenceRows(preflights), ...checkRows(preflights, template)));
}

function headingCell({ id, dataset, created_at: created, verdict, state }) {
  return make("th", { scope: "col" }, make("a", { href: `/preflight?id=${id}` }, `Preflight ${id}`), ` on ${dataset}`,
    make("span", { class: "quiet small" }, `${moment(created)}, ${verdict ?? state}`));
}

const wordsOf = (name, preflights) => preflights.map(({ settings }) => setting(name, settings[name]));

// The settings that are not the same in all of them.
export function differingSettings(preflights) {
  return Object.keys(preflights[0].settings).filter((name) => new Set(wordsOf(name, preflights)).size > 1);
}

function differenceRows(preflights) {
  return differingSettings(preflights).map((name) =>
    make("tr", {}, make("th", { scope: "row" }, name), ...wordsOf(name, preflights).map((value) => make("td", { class: "mono" }, value))));
}

function checkRows(preflights, template) {
  const all = preflights.map((preflight) => new Map(preflight.checks.map((check) => [check.code, check])));
  const codes = [...new Set(all.flatMap((byCode) => [...byCode.keys()]))];
  return codes.map((code) => {
    const row = all.map((byCode) => byCode.get(code));
    const known = row.filter(Boolean);
    const cells = row.map((check) => make("td", {}, check ? checkItem(check, known, template) : "not done"));
    return make("tr", {}, make("th", { scope: "row" }, known[0].title), ...cells);
  });
}

function checkItem(check, siblings, template) {
  const place = make("div", {});
  place.append(...template.content.firstElementChild.cloneNode(true).children);
  place.className = "check";
  showCheck(place, check, siblings);
  return place;
}

export function showCheck(place, check, siblings = [check]) {
  place.dataset.passed = check.passed;
  place.querySelector(".verdict").replaceChildren(icon(check.passed ? "good" : "bad"), make("span", {}, check.passed ? "passed" : "failed"));
  fill(place, { title: check.title, figure: figureText(check), sentence: check.sentence, axes: axesText(check) });
  drawCheck(place.querySelector(".picture"), check, siblings);
}
