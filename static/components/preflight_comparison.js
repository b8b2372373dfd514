// Preflights side by side: what differs in their settings, then check by check with pictures on one scale.
import { axes, draw, figure } from "../charts/preflight_charts.js";
import { fill, icon, make } from "../core/dom.js";
import { moment, setting } from "../core/format.js";

export function sideBySide(table, preflights, template) {
  const head = make("tr", {}, make("td", {}), ...preflights.map(heading));
  table.append(make("thead", {}, head), make("tbody", {}, ...differences(preflights), ...checks(preflights, template)));
}

function heading({ id, dataset, created_at: created, verdict, state }) {
  return make("th", { scope: "col" }, make("a", { href: `/preflight?id=${id}` }, `Preflight ${id}`), ` on ${dataset}`,
    make("span", { class: "quiet small" }, `${moment(created)}, ${verdict ?? state}`));
}

const wordsOf = (name, preflights) => preflights.map(({ settings }) => setting(name, settings[name]));

// The settings that are not the same in all of them.
export function differing(preflights) {
  return Object.keys(preflights[0].settings).filter((name) => new Set(wordsOf(name, preflights)).size > 1);
}

function differences(preflights) {
  return differing(preflights).map((name) =>
    make("tr", {}, make("th", { scope: "row" }, name), ...wordsOf(name, preflights).map((value) => make("td", { class: "mono" }, value))));
}

function checks(preflights, template) {
  const all = preflights.map((preflight) => new Map(preflight.checks.map((check) => [check.code, check])));
  const codes = [...new Set(all.flatMap((one) => [...one.keys()]))];
  return codes.map((code) => {
    const row = all.map((one) => one.get(code));
    const known = row.filter(Boolean);
    const cells = row.map((check) => make("td", {}, check ? item(check, known, template) : "not done"));
    return make("tr", {}, make("th", { scope: "row" }, known[0].title), ...cells);
  });
}

function item(check, beside, template) {
  const place = make("div", {});
  place.append(...template.content.firstElementChild.cloneNode(true).children);
  place.className = "check";
  showCheck(place, check, beside);
  return place;
}

export function showCheck(place, check, beside = [check]) {
  place.dataset.passed = check.passed;
  place.querySelector(".verdict").replaceChildren(icon(check.passed ? "good" : "bad"), make("span", {}, check.passed ? "passed" : "failed"));
  fill(place, { title: check.title, figure: figure(check), sentence: check.sentence, axes: axes(check) });
  draw(place.querySelector(".picture"), check, beside);
}
