"""Stored epochs as the curves that the diagnosis rules read."""

import math
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from learning.diagnosis.curves import Curve, CurvePoint, estimate_noise
from store.queue import epochs
from store.queue.epochs import EpochRow
from store.read.trials import Trial


def read_curve(c: Connection, trial: Trial) -> Curve:
    return build_curve(epochs.list_by_trial(c, trial.id), trial)


def build_curve(rows: Sequence[EpochRow], trial: Trial) -> Curve:
    """A curve from all epochs of the trial, in order."""
    return Curve.from_points(build_points(rows), trial.reason if trial.state == "diverged" else None)


def build_points(rows: Iterable[EpochRow]) -> list[CurvePoint]:
    """The rows as numbers; a value that a flag names is inf or nan again."""
    return [_build_point(row) for row in rows]


def _build_point(row: EpochRow) -> CurvePoint:
    return CurvePoint(
        row.epoch,
        _number(row, "loss", row.loss),
        _number(row, "data_loss", row.data_loss),
        _number(row, "train_acc", row.train_acc),
        _number(row, "val_loss", row.val_loss),
        _number(row, "val_acc", row.val_acc),
        _measure_noise(row),
        {name: _number(row, f"update_ratio.{name}", value) for name, value in row.update_ratio.items()},
    )


def _number(row: EpochRow, name: str, value: float | None) -> float:
    return float(row.flags.get(name, "nan")) if value is None else value


def _measure_noise(row: EpochRow) -> float:
    known = [(low, mean, high) for low, mean, high in row.trace or () if None not in (low, mean, high)]
    return estimate_noise(known) if len(known) == len(row.trace or ()) else math.nan  # type: ignore[arg-type]
