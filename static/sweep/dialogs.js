// The dialogs of the sweep page and their keys: name, tags and notes, more trials, a finer sweep, averaging, deleting.
import { dialog } from "../components/dialog.js";
import { parseNumber, SpaceRows } from "../components/space_rows.js";
import { deleteBeforeLeaving, get, patch, post, query } from "../core/api.js";
import { $, $$, attempt, confirm, make, notify, setText } from "../core/dom.js";
import { bindKeys, clickFirst } from "../core/shortcuts.js";

bindKeys({
  c: ["compare what is selected", clickFirst("#compare")],
  r: ["refine: propose a finer sweep", clickFirst("#refine")],
  p: ["pause, or go on", clickFirst("[data-act=pause]", "[data-act=resume]")],
});

// `sweep()`: as it is now; `selectedTrials()`: the trials picked; `onChange(sweep)`.
export function listenDialogs({ sweep, selectedTrials, onChange }) {
  const path = (rest = "") => `/api/sweeps/${sweep().id}${rest}`;

  const about = dialog("#about", async () => {
    const answer = await patch(path(), {
      name: $("#about-name").value.trim(),
      tags: $("#about-tags").value.split(",").map((tag) => tag.trim()).filter(Boolean),
      notes: $("#about-notes").value,
    });
    $("#notes").innerHTML = answer.notes_html; // made safe by the server
    $("#notes").hidden = !answer.notes;
    onChange(answer);
  });
  $("#rename").addEventListener("click", () => attempt(async () => {
    const { name, tags, notes } = await get(path());
    $("#about-name").value = name;
    $("#about-tags").value = tags.join(", ");
    $("#about-notes").value = notes;
    about.showModal();
  }));

  const more = dialog("#more-trials", async () => {
    const points = $("#more-points").value.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
    const { total } = await post(path("/trials"), points.length ? { points } : { trials: parseNumber($("#more-count")?.value ?? "") });
    notify(`${total} ${total === 1 ? "trial" : "trials"} added.`, "good");
    onChange(await get(path()));
  });
  $("#add-trials").addEventListener("click", () => {
    const names = Object.keys(sweep().space);
    const chosen = (settings) => Object.fromEntries(Object.entries(settings).filter(([name]) => (names.length ? names : ["lr", "reg"]).includes(name)));
    $("#more-points").value = selectedTrials().map((trial) => JSON.stringify(chosen(trial.settings))).join("\n");
    more.showModal();
  });

  const average = dialog("#average", async () => {
    const top = parseNumber($("#average-top").value);
    setText($("[data-field=average-words]", average), "");
    $("#average-members").replaceChildren();
    const found = await get(path(`/ensemble?${query({ top })}`));
    setText($("[data-field=average-words]", average), found.sentence);
    $("#average-members").replaceChildren(...found.members.map(({ trial, val_acc: accuracy }) =>
      make("li", {}, make("a", { href: `/trials/${trial.id}` }, `#${trial.number}`), ` ${accuracy.toFixed(4)}`)));
    for (const link of $$("a[download]", average)) {
      link.href = path(`/ensemble/model?${query({ top, format: link.dataset.format })}`);
      link.hidden = false;
    }
    return true;
  });
  $("#average-best").addEventListener("click", () => average.showModal());

  const space = new SpaceRows($("#finer-space"), () => {});
  const finer = dialog("#finer", async () => {
    const name = $("#finer-name").value.trim();
    const body = { trials: parseNumber($("#finer-trials").value), space: space.read(), ...(name && { name }) };
    const child = await post(path("/refinement"), body);
    location.assign(`/sweeps/${child.id}`);
  });
  $("#refine").addEventListener("click", () => attempt(async () => {
    const proposal = await get(path("/refinement"));
    $("[data-field=why]", finer).replaceChildren(...proposal.words.map((bound) => make("li", {}, bound.sentence)));
    $("#finer-trials").value = proposal.trials;
    space.write(proposal.space);
    finer.showModal();
  }));

  $("#delete").addEventListener("click", async () => {
    const { trials, name } = sweep();
    const sure = await confirm({ title: "Delete this sweep?", text: `All ${trials} trials of “${name}”, their curves and their models go with it. This cannot be undone.`, yes: "Delete for good" });
    if (!sure) return;
    if (await attempt(() => deleteBeforeLeaving(path()), "Not deleted")) location.assign("/");
  });
}
