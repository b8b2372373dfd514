// The seeds view of a sweep that repeats one trial: the spread over its seeds, and how lucky that trial was.
import { byRole, Chart, epochAxis } from "../charts/chart.js";
import { get } from "../core/api.js";
import { $, attempt, setText, throttle } from "../core/dom.js";

const SEEDS_REFRESH_MS = 1000;

export class SeedsView {
  constructor({ sweep, figures }) {
    this.found = null;
    this.charts = ["acc", "loss"].map((name) => new Chart($(`#seeds-${name}`), figures[`seeds-${name}`], (shell) => this.fill(shell, `val_${name}`)));
    this.redraw = throttle(() => attempt(async () => {
      this.found = await get(`/api/sweeps/${sweep().id}/repeats`);
      setText($("#seeds-words"), this.found.sentence);
      this.charts.forEach((chart) => chart.update());
    }), SEEDS_REFRESH_MS);
    this.redraw();
  }

  update() { this.redraw(); }

  fill(figure, metric) {
    if (!this.found) return figure;
    const rows = this.found[metric];
    const x = rows.map((row) => row.epoch);
    const lines = { "band-low": "low", band: "high", train: "mean" };
    for (const [role, name] of Object.entries(lines)) Object.assign(byRole(figure, role), { x, y: rows.map((row) => row[name]) });
    const own = this.found.original_curve;
    if (own) Object.assign(byRole(figure, "best"), { x: own.epoch, y: own[metric] });
    const last = Math.max(0, ...x, ...(own?.epoch ?? []));
    if (last < 2) for (const role of ["train", "best"]) byRole(figure, role).mode = "lines+markers";
    epochAxis(figure, last);
    return figure;
  }
}
