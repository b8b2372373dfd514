"""Owns the lines that the lecture's programs print: one an epoch in training, one a trial in a search."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.queue.epochs import EpochRow
    from store.read.trials import Trial

MOST_DETAILED_TRIALS = (
    3  # trials of a sweep that are told epoch by epoch; a search tells only what became of each
)
LIVING_STATES = ("queued", "running")


def format_sweep(trials: "Sequence[Trial]", epochs: "Sequence[EpochRow]", total: int) -> str:
    """The text of these of `total` trials: epoch by epoch of few, else a line for each that has ended."""
    if total > MOST_DETAILED_TRIALS:
        return _join_lines(
            [format_result(trial, total) for trial in trials if trial.state not in LIVING_STATES]
        )
    curves: dict[int, list[EpochRow]] = defaultdict(list)
    for row in epochs:
        curves[row.trial_id].append(row)
    return "\n".join(format_trial(trial, curves[trial.id], total) for trial in trials)


def format_trial(trial: "Trial", epochs: "Sequence[EpochRow]", total: int) -> str:
    """One of `total` trials: its settings where there are others, its epochs, and its end if it has come."""
    head = [_format_head(trial, total)] if total > 1 else []
    lines = [format_epoch(row, trial.epochs_total) for row in epochs]
    return _join_lines([*head, *lines, *([] if trial.state in LIVING_STATES else [format_end(trial)])])


def format_epoch(row: "EpochRow", total: int) -> str:
    """As the lecture's trainer prints it; `total` epochs are wanted."""
    cost, train, val, lr = (_read_number(row, name) for name in ("loss", "train_acc", "val_acc", "lr"))
    return f"Finished epoch {row.epoch} / {total}: cost {cost:f}, train: {train:f}, val {val:f}, lr {lr:e}"


def format_end(trial: "Trial") -> str:
    """How the lecture's trainer ends; why, where it was not by its last epoch."""
    why = "" if trial.reason is None else f" ({trial.reason.splitlines()[0]})"
    return f"finished optimization. best validation accuracy: {_best_accuracy(trial):f}{why}"


def format_result(trial: "Trial", total: int) -> str:
    """As the lecture's search prints it, for one of `total` trials."""
    return f"val_acc: {_best_accuracy(trial):f}, {_format_head(trial, total)}"


def _format_head(trial: "Trial", total: int) -> str:
    lr, reg = (float(str(trial.settings[name])) for name in ("lr", "reg"))
    return f"lr: {lr:e}, reg: {reg:e}, ({trial.number + 1} / {total})"


def _best_accuracy(trial: "Trial") -> float:
    return float("nan") if trial.best_val_acc is None else trial.best_val_acc


def _read_number(row: "EpochRow", name: str) -> float:
    """inf and nan too, which the store keeps as words."""
    value: float | None = getattr(row, name)
    return float(row.flags.get(name, "nan")) if value is None else value


def _join_lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
