"""The autopilot's report: one printable HTML file that loads nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from app.render import lr_probe_svg, search_stages_svg
from app.render.templates import render
from app.reports.sweep_html import draw_points
from app.text.formats import format_bound, format_distribution, format_setting, format_time
from app.usecases import autopilot_view
from store.config import Config
from store.db.database import Connection
from store.jobs import preflights
from store.jobs.autopilots import Autopilot
from store.queue import epochs
from store.queue.epochs import EpochRow
from store.read import sweeps
from store.read.trials import Trial

SIZE = (720, 240)  # of a figure, in SVG units
PLOT = (8, 8, 712, 232)


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of one of the winner's figures; `last` is the value it ends with."""

    name: str
    points: str
    last: float
    colour: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Curves on one scale, and its ends."""

    curves: tuple[Curve, ...]
    low: float
    high: float
    epochs: int


def render_report(c: Connection, row: Autopilot, config: Config) -> str:
    """The whole file; text from users is escaped."""
    searches = sweeps.get_many(c, row.sweep_ids)
    ids = [stage.preflight_id for stage in row.stages if stage.preflight_id is not None]
    checks = {id: found for id in ids if (found := preflights.get(c, id)) is not None}
    winner = autopilot_view.find_leader(c, row)
    rows = epochs.list_by_trial(c, winner.id) if winner else ()
    return render(
        "autopilot_report.html",
        row=row,
        shown=autopilot_view.view_autopilot(c, row, config),
        created=format_time(row.created_at),
        ended=format_time(row.finished_at),
        searches=searches,
        checks=checks,
        probes={id: lr_probe_svg.draw_checks(preflight.checks) for id, preflight in checks.items()},
        winner=winner,
        settings=[(name, format_setting(name, value)) for name, value in winner.settings.to_dict().items()]
        if winner
        else [],
        losses=draw_figure(rows, ("data_loss", "val_loss")),
        accuracies=draw_figure(rows, ("train_acc", "val_acc")),
        repeat_body=repeat_body(row, winner) if winner else "",
        picture=search_stages_svg.load_picture(c, list(searches.values()), winner.id if winner else None),
        ramp=search_stages_svg.RAMP,
        ring=search_stages_svg.BEST,
        format_distribution=format_distribution,
        format_bound=format_bound,
        size=SIZE,
    )


def draw_figure(rows: Sequence[EpochRow], names: Sequence[str]) -> Figure | None:
    """These columns by epoch on one scale from the lowest to the highest value; None without an epoch."""
    values = {
        name: [(row.epoch, value) for row in rows if (value := getattr(row, name)) is not None]
        for name in names
    }
    all_values = [value for points in values.values() for _, value in points]
    if not all_values:
        return None
    last, low, high = max(row.epoch for row in rows), min(all_values), max(all_values)
    curves = tuple(
        Curve(name, draw_points(points, last, low, high, PLOT), points[-1][1], colour)
        for (name, points), colour in zip(values.items(), search_stages_svg.LINES, strict=False)
        if points
    )
    return Figure(curves, low, high, last)


def repeat_body(row: Autopilot, winner: Trial) -> str:
    """The request body that trains the winner again: `lossdeck sweep again.json`."""
    body = {"name": f"{row.name}: the winner again", "dataset": row.dataset, "seed": row.seed}
    return json.dumps(body | {"points": [winner.settings.to_dict()]}, indent=2)
