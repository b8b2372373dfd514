"""A sweep as the lines that the lecture's programs print: one for each epoch, or one for each trial."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from learning.states import TRIAL_STATES

if TYPE_CHECKING:
    from store.queue.epochs import EpochRow
    from store.read.trials import Trial

MOST_DETAILED_TRIALS = 3  # a sweep of more prints only how each trial ended, not its epochs


def format_sweep(trials: "Sequence[Trial]", epochs: "Sequence[EpochRow]", total: int) -> str:
    """The text of these of a sweep's `total` trials: epoch by epoch if they are few, else a line for each."""
    if total > MOST_DETAILED_TRIALS:
        return _join_lines(
            [format_result(trial, total) for trial in trials if TRIAL_STATES[trial.state].ended]
        )
    curves: dict[int, list[EpochRow]] = defaultdict(list)
    for row in epochs:
        curves[row.trial_id].append(row)
    return "\n".join(format_trial(trial, curves[trial.id], total) for trial in trials)


def format_trial(trial: "Trial", epochs: "Sequence[EpochRow]", total: int) -> str:
    """One of `total` trials: its settings if there are others, its epochs, and how it ended if it has."""
    head = [_format_head(trial, total)] if total > 1 else []
    lines = [format_epoch(row, trial.epochs_total) for row in epochs]
    return _join_lines([*head, *lines, *([format_end(trial)] if TRIAL_STATES[trial.state].ended else [])])


def format_epoch(row: "EpochRow", total: int) -> str:
    """One of `total` epochs, as the lecture's trainer prints it."""
    cost, train, val, lr = (_read_number(row, name) for name in ("loss", "train_acc", "val_acc", "lr"))
    return f"Finished epoch {row.epoch} / {total}: cost {cost:f}, train: {train:f}, val {val:f}, lr {lr:e}"


def format_end(trial: "Trial") -> str:
    """The last line of the lecture's trainer, with the reason if the trial ended early."""
    why = "" if trial.reason is None else f" ({trial.reason.splitlines()[0]})"
    return f"finished optimization. best validation accuracy: {_best_accuracy(trial):f}{why}"


def format_result(trial: "Trial", total: int) -> str:
    """One of `total` trials, as the lecture's search prints it."""
    return f"val_acc: {_best_accuracy(trial):f}, {_format_head(trial, total)}"


def _format_head(trial: "Trial", total: int) -> str:
    return f"lr: {trial.settings.lr:e}, reg: {trial.settings.reg:e}, ({trial.number + 1} / {total})"


def _best_accuracy(trial: "Trial") -> float:
    return float("nan") if trial.best_val_acc is None else trial.best_val_acc


def _read_number(row: "EpochRow", name: str) -> float:
    """The number; inf and nan too, which the store keeps as text."""
    value: float | None = getattr(row, name)
    return float(row.flags.get(name, "nan")) if value is None else value


def _join_lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
