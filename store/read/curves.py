"""Owns curves: the stored epochs of trials as what learning's rules read (says nothing about them)."""

import math
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from learning.diagnosis.curves import Curve, Point, noise
from store.queue import epochs
from store.queue.epochs import EpochRow
from store.read.trials import Trial


def of_trial(c: Connection, trial: Trial) -> Curve:
    """The trial's whole curve."""
    return curve(epochs.of_trial(c, trial.id), trial)


def curve(rows: Sequence[EpochRow], trial: Trial) -> Curve:
    """All epochs of the trial, in order, as a curve."""
    return Curve.of(points(rows), trial.reason if trial.state == "diverged" else None)


def points(rows: Iterable[EpochRow]) -> list[Point]:
    """Each row as numbers; what a flag names is inf or nan again."""
    return [_point(row) for row in rows]


def _point(row: EpochRow) -> Point:
    return Point(
        row.epoch,
        _number(row, "loss", row.loss),
        _number(row, "data_loss", row.data_loss),
        _number(row, "train_acc", row.train_acc),
        _number(row, "val_loss", row.val_loss),
        _number(row, "val_acc", row.val_acc),
        _noise(row),
        {name: _number(row, f"update_ratio.{name}", value) for name, value in row.update_ratio.items()},
    )


def _number(row: EpochRow, name: str, value: float | None) -> float:
    return float(row.flags.get(name, "nan")) if value is None else value


def _noise(row: EpochRow) -> float:
    known = [(low, mean, high) for low, mean, high in row.trace or () if None not in (low, mean, high)]
    return noise(known) if len(known) == len(row.trace or ()) else math.nan  # type: ignore[arg-type]
