// Paper: just before a page is printed it becomes as wide as a sheet, and light; what draws itself draws anew, seen or not.
const root = document.documentElement;

export const onPaper = () => "paper" in root.dataset;

// `draw()` must have drawn when it returns: the sheet is laid out right after.
export function forPaper(draw) { root.addEventListener("paperchange", draw); }

addEventListener("beforeprint", () => turn(() => { root.dataset.paper = ""; }));
addEventListener("afterprint", () => turn(() => { delete root.dataset.paper; }));

function turn(change) {
  change();
  root.dispatchEvent(new Event("paperchange"));
}
