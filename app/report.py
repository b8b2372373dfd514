"""Report: a sweep as one HTML file that loads nothing: its settings, its curves as SVG and its trials."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from app.html import render
from app.words import setting_words, time_words
from store.epochs import EpochRow
from store.states import UNRANKED
from store.sweeps import Sweep
from store.trials import Trial

WIDTH, HEIGHT, MARGIN = 720, 320, 8  # of the figure, in SVG units
ROOM = 1.5  # times the usual first cost: what exploded is drawn at the top edge, and squashes nobody
BEST_SHOWN = 200  # rows of the table


@dataclass(frozen=True, slots=True)
class Line:
    """One trial's curve in the figure."""

    points: str
    best: bool


def html_text(sweep: Sweep, trials: Sequence[Trial], epochs: Sequence[EpochRow]) -> str:
    """The whole file; what users wrote is escaped."""
    ranked = sorted(trials, key=_rank)
    varied = sorted(sweep.space) or sorted(_differing(trials))
    return render(
        "report.html",
        sweep=sweep,
        created=time_words(sweep.created_at),
        trials=ranked[:BEST_SHOWN],
        total=len(ranked),
        varied=varied,
        words=setting_words,
        lines=lines(epochs, sweep.best.id if sweep.best else None),
        size=(WIDTH, HEIGHT),
    )


def lines(epochs: Sequence[EpochRow], best: int | None) -> list[Line]:
    """Train loss by epoch of each trial on a common log scale, the best trial's last and so on top."""
    curves: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for row in epochs:
        if row.data_loss is not None and row.data_loss > 0:
            curves[row.trial_id].append((row.epoch, math.log10(row.data_loss)))
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return []
    last = max(epoch for epoch, _ in points)
    usual = median(curve[0][1] for curve in curves.values()) + math.log10(ROOM)
    low, high = min(loss for _, loss in points), min(usual, max(loss for _, loss in points))
    ordered = sorted(curves.items(), key=lambda item: item[0] == best)
    clipped = [(id, [(epoch, min(loss, high)) for epoch, loss in curve]) for id, curve in ordered]
    return [Line(placed(curve, last, low, high), id == best) for id, curve in clipped]


def placed(
    curve: Sequence[tuple[int, float]],
    last: int,
    low: float,
    high: float,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> str:
    """SVG coordinates of values by epoch; a curve of one epoch becomes a short stroke, to be seen."""
    (width, height), spread = size, high - low or 1.0
    found = [
        (
            MARGIN + (width - 2 * MARGIN) * (epoch - 1) / max(last - 1, 1),
            MARGIN + (height - 2 * MARGIN) * (high - value) / spread,
        )
        for epoch, value in curve
    ]
    if len(found) == 1:
        found.append((found[0][0] + 4, found[0][1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in found)


def _rank(trial: Trial) -> tuple[bool, float, int]:
    unranked = trial.best_val_acc is None or trial.state in UNRANKED or trial.excluded
    return unranked, -(trial.best_val_acc or 0.0), trial.number


def _differing(trials: Sequence[Trial]) -> set[str]:
    """The settings in which trials differ, seeds aside."""
    first = trials[0].settings if trials else {}
    return {
        name for trial in trials for name in first if name != "seed" and trial.settings[name] != first[name]
    }
