// Printing: just before it, the page becomes as wide as a sheet, and light, and everything drawn by script is redrawn.
const root = document.documentElement;

export const isPrinting = () => "paper" in root.dataset;

// `draw()` must have drawn when it returns: the sheet is laid out right after.
export function listenPrinting(draw) { root.addEventListener("paperchange", draw); }

addEventListener("beforeprint", () => switchPaper(() => { root.dataset.paper = ""; }));
addEventListener("afterprint", () => switchPaper(() => { delete root.dataset.paper; }));

function switchPaper(change) {
  change();
  root.dispatchEvent(new Event("paperchange"));
}
