"""Repeats: sweeps whose trials differ in their seeds alone, and the trial that they repeat.

Repeats are not marked as such in the database: they are recognised by their settings. Their seeds are the
next ones after that of their trial that no earlier repeat used.
"""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from app.schemas.repeats import MAX_REPEATS
from learning.diagnosis.seed_spread import (
    SeedRun,
    Spread,
    describe_seeds,
    finished_accuracies,
    measure_spread,
)
from learning.settings import MAX_SEED
from store.db.database import Connection
from store.read import chart_series, related_sweeps, trials
from store.read.chart_series import ThinnedCurve
from store.read.sweeps import Sweep
from store.read.trials import Trial

MAX_CURVE_POINTS = 1_000
SEED = "seed"


@dataclass(frozen=True, slots=True)
class EpochSpread(Spread):
    """The spread of a metric at one epoch, over the seeds that reached it."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Repeats:
    """The results of the seeds; `original` is the repeated trial, None where it is unknown or deleted."""

    trials: tuple[Trial, ...]
    original: Trial | None
    spread: Spread | None  # of the best val accuracies
    deviations: float | None  # by how many the original lies above the mean
    sentence: str
    val_acc: tuple[EpochSpread, ...]
    val_loss: tuple[EpochSpread, ...]
    original_curve: Mapping[str, Sequence[float | None]] | None  # epoch, val_acc and val_loss


def next_seeds(seed: int, count: int, tried: Collection[int] = ()) -> list[int]:
    """The next `count` seeds after one that have not been tried."""
    following = ((seed + n) % (MAX_SEED + 1) for n in itertools.count(1))
    return list(itertools.islice((candidate for candidate in following if candidate not in tried), count))


def find_tried_seeds(c: Connection, sweep: Sweep, trial: Trial) -> frozenset[int]:
    """The seeds with which a sweep and its children train the settings of this trial."""
    children = (
        relative.id for relative in related_sweeps.list_family(c, sweep.id) if relative.parent_id == sweep.id
    )
    alike = (row for id in (sweep.id, *children) for row in trials.list_alike(c, id, trial.settings))
    return frozenset(row.settings.seed or 0 for row in alike)


def find_repeats(c: Connection, sweep: Sweep) -> tuple[Trial, ...]:
    """The trials of a sweep if they differ in their seeds alone, else none."""
    if not set(sweep.space.distributions) <= {SEED} or not 1 < sweep.trials <= MAX_REPEATS:
        return ()
    rows = trials.list_by_sweep(c, sweep.id)
    alike = all(replace(row.settings, seed=rows[0].settings.seed) == rows[0].settings for row in rows)
    return rows if alike and len({row.settings.seed for row in rows}) == len(rows) else ()


def find_original(c: Connection, sweep: Sweep, rows: Sequence[Trial]) -> Trial | None:
    """The trial of the parent sweep that these trials repeat, if there is one."""
    if sweep.parent_id is None or not rows:
        return None
    first = rows[0].settings.seed or 0
    found = trials.list_alike(c, sweep.parent_id, rows[0].settings)
    return min(found, key=lambda row: (first - (row.settings.seed or 0)) % (MAX_SEED + 1), default=None)


def summarize_repeats(c: Connection, sweep: Sweep) -> Repeats | None:
    """The results so far; None for a sweep whose trials differ in more than their seeds, or not at all."""
    rows = find_repeats(c, sweep)
    if not rows:
        return None
    original = find_original(c, sweep, rows)
    runs = [SeedRun(row.state, row.best_val_acc) for row in rows if not row.excluded]
    first = SeedRun(original.state, original.best_val_acc) if original else None
    found = measure_spread(finished_accuracies(runs))
    own = first.best_val_acc if first and first.state == "finished" else None
    charted = [row.number for row in rows if not row.excluded and row.state != "diverged"]
    curves = _load_curves(c, sweep.id, charted)
    return Repeats(
        rows,
        original,
        found,
        found.deviations_from_mean(own) if found and own is not None else None,
        describe_seeds(runs, first),
        _spread_by_epoch(curves, "val_acc"),
        _spread_by_epoch(curves, "val_loss"),
        _load_original_curve(c, original) if original else None,
    )


def _load_curves(c: Connection, sweep_id: int, numbers: Sequence[int]) -> tuple[ThinnedCurve, ...]:
    return chart_series.read_curves(c, sweep_id, numbers, ("val_acc", "val_loss"), MAX_CURVE_POINTS)


def _load_original_curve(c: Connection, original: Trial) -> Mapping[str, Sequence[float | None]] | None:
    for curve in _load_curves(c, original.sweep_id, [original.number]):
        return {"epoch": curve.epoch, **curve.metrics}
    return None


def _spread_by_epoch(curves: Sequence[ThinnedCurve], metric: str) -> tuple[EpochSpread, ...]:
    """The spread of a metric at each epoch of any of the curves."""
    values: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in zip(curve.epoch, curve.metrics[metric], strict=True):
            if value is not None:
                values.setdefault(epoch, []).append(value)
    return tuple(
        EpochSpread(**asdict(found), epoch=epoch)
        for epoch in sorted(values)
        if (found := measure_spread(values[epoch])) is not None
    )
