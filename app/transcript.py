"""Owns the transcript: the lines of the lecture's own programs, a trial and an epoch (prints nothing)."""

from collections.abc import Mapping
from typing import Protocol

NAN = float("nan")


class EpochFigures(Protocol):
    """What an epoch line needs; a figure that is not finite is None, and `flags` says which kind it was."""

    @property
    def epoch(self) -> int: ...
    @property
    def loss(self) -> float | None: ...
    @property
    def train_acc(self) -> float | None: ...
    @property
    def val_acc(self) -> float | None: ...
    @property
    def lr(self) -> float | None: ...
    @property
    def flags(self) -> Mapping[str, str]: ...


def trial_line(val_acc: float | None, lr: float, reg: float, number: int, total: int) -> str:
    """The coarse search's line for the trial `number` (from 0) of `total`; None: no epoch was finished."""
    accuracy = NAN if val_acc is None else val_acc
    return f"val acc: {accuracy:f}, lr: {lr:e}, reg: {reg:e}, ({number + 1} / {total})"


def epoch_line(row: EpochFigures, epochs: int) -> str:
    """The trainer's line for one epoch of `epochs`."""
    cost, train, val, lr = (figure(row, name) for name in ("loss", "train_acc", "val_acc", "lr"))
    return f"Finished epoch {row.epoch} / {epochs}: cost {cost:f}, train: {train:f}, val {val:f}, lr {lr:e}"


def closing_line(best_val_acc: float | None) -> str:
    """The trainer's last line."""
    return (
        f"finished optimization. best validation accuracy: {NAN if best_val_acc is None else best_val_acc:f}"
    )


def figure(row: EpochFigures, name: str) -> float:
    """A figure of the row as a float again, also one that is not finite."""
    value: float | None = getattr(row, name)
    return float(row.flags.get(name, "nan")) if value is None else value
