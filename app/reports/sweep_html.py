"""The report of a sweep: one HTML file that loads nothing, with its curves as SVG and its trials."""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from app.render.search_stages_svg import Axis, Tick
from app.render.templates import render
from app.text.formats import format_setting, format_time
from learning.diagnosis.findings import Finding
from learning.number_format import format_number
from learning.settings import SETTING_NAMES
from store.queue.epochs import EpochRow
from store.read.sweeps import Sweep
from store.read.trials import Trial

WIDTH, HEIGHT = 720, 320  # of the figure, in SVG units
Plot = tuple[float, float, float, float]  # left, top, right and bottom of a figure's axes
PLOT: Plot = (56, 12, 700, 292)
MOST_EPOCH_TICKS = 6
LOSS_HEADROOM = 1.5  # times the usual first cost is the top; what exploded is drawn at the top edge
TRIALS_SHOWN = 200  # rows of the table


@dataclass(frozen=True, slots=True)
class Line:
    """One trial's curve in the figure."""

    points: str
    best: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """Every curve, the best trial's last and so on top; the numbers at both axes."""

    lines: tuple[Line, ...]
    losses: tuple[Tick, ...]
    epochs: tuple[Tick, ...]


def render_report(
    sweep: Sweep, trials: Sequence[Trial], epochs: Sequence[EpochRow], findings: Sequence[Finding]
) -> str:
    """The whole file; text from users is escaped."""
    ranked = sorted(trials, key=_rank_key)
    varied = sorted(sweep.space.distributions or _find_varied(trials))
    return render(
        "report.html",
        sweep=sweep,
        created=format_time(sweep.created_at),
        trials=ranked[:TRIALS_SHOWN],
        total=len(ranked),
        varied=varied,
        format_setting=format_setting,
        findings=findings,
        figure=draw_figure(epochs, sweep.best.id if sweep.best else None),
        size=(WIDTH, HEIGHT),
        plot=PLOT,
    )


def draw_figure(epochs: Sequence[EpochRow], best: int | None) -> Figure | None:
    """The train loss of each trial by epoch, on one log scale; None without an epoch."""
    curves: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for row in epochs:
        if row.data_loss is not None and row.data_loss > 0:
            curves[row.trial_id].append((row.epoch, math.log10(row.data_loss)))
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return None
    last = max(epoch for epoch, _ in points)
    usual = median(curve[0][1] for curve in curves.values()) + math.log10(LOSS_HEADROOM)
    low, high = min(loss for _, loss in points), min(usual, max(loss for _, loss in points))
    ordered = sorted(curves.items(), key=lambda item: item[0] == best)
    clipped = [(id, [(epoch, min(loss, high)) for epoch, loss in curve]) for id, curve in ordered]
    return Figure(
        tuple(Line(draw_points(curve, last, low, high), id == best) for id, curve in clipped),
        _loss_ticks(low, high),
        tuple(Tick(_x(epoch, last, PLOT), str(epoch)) for epoch in _epoch_ticks(last)),
    )


def draw_points(
    curve: Sequence[tuple[int, float]], last: int, low: float, high: float, plot: Plot = PLOT
) -> str:
    """SVG coordinates of values by epoch; a curve of one epoch becomes a short stroke, so that it shows."""
    points = [(_x(epoch, last, plot), _y(value, low, high, plot)) for epoch, value in curve]
    if len(points) == 1:
        points.append((points[0][0] + 4, points[0][1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _x(epoch: int, last: int, plot: Plot) -> float:
    left, _, right, _ = plot
    return left + (right - left) * (epoch - 1) / max(last - 1, 1)


def _y(value: float, low: float, high: float, plot: Plot) -> float:
    _, top, _, bottom = plot
    return top + (bottom - top) * (high - value) / (high - low or 1.0)


def _loss_ticks(low: float, high: float) -> tuple[Tick, ...]:
    """Round numbers on the axis; its two ends if it has fewer than two of them."""
    round_numbers = Axis("loss", True, low, high).ticks() if high > low else ()
    ticks = [(math.log10(value), value) for value in (float(text) for _, text in round_numbers)]
    if len(ticks) < 2:
        ticks = [(end, 10**end) for end in dict.fromkeys((low, high))]
    return tuple(Tick(round(_y(at, low, high, PLOT), 1), format_number(value, 3)) for at, value in ticks)


def _epoch_ticks(last: int) -> list[int]:
    """The first epoch, and at most MOST_EPOCH_TICKS round numbers up to the last."""
    steps = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
    step = next(step for step in steps if last / step <= MOST_EPOCH_TICKS)
    return list(dict.fromkeys([1, *range(step, last + 1, step)]))


def _rank_key(trial: Trial) -> tuple[bool, float, int]:
    return not trial.is_ranked, -(trial.best_val_acc or 0.0), trial.number


def _find_varied(trials: Sequence[Trial]) -> set[str]:
    """The settings in which the trials differ, except the seed."""
    return {
        name
        for name in SETTING_NAMES
        if name != "seed" and len({getattr(trial.settings, name) for trial in trials}) > 1
    }
