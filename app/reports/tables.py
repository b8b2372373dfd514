"""A sweep's trials as CSV and as JSON lines."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Sequence

from app.schemas.trials import TrialLineOut, TrialOut
from learning.settings import SETTING_NAMES
from store.queue.epochs import EpochRow
from store.read.trials import Trial

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes text that begins so for a formula
COLUMNS = (
    "number",
    "id",
    "state",
    "reason",
    "best_val_acc",
    "best_epoch",
    "epochs_done",
    "excluded",
    "verdict",
    "attempt",
    "started_at",
    "finished_at",
    "worker",
)
LOSSES = ("loss", "data_loss", "val_loss")  # of the last epoch, as its accuracies
ACCURACIES = ("train_acc", "val_acc")
GAP = "gap"  # between these two


def format_csv(trials: Sequence[Trial]) -> str:
    """A header and a row for each trial: its progress, its last epoch, and a column for each setting."""
    settings = SETTING_NAMES if trials else ()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *LOSSES, *ACCURACIES, GAP, *settings])
    for trial in trials:
        body = TrialOut.of(trial)
        values = [
            *(getattr(body, name) for name in COLUMNS),
            *last_epoch_values(trial),
            *trial.settings.to_dict().values(),
        ]
        writer.writerow([escape_formula(value) for value in values])
    return text.getvalue()


def last_epoch_values(trial: Trial) -> list[object]:
    """LOSSES, ACCURACIES and GAP of a trial's last epoch; None for what is not known.

    A diverged trial's last epoch was cut short: its losses are given, its accuracies would mean nothing.
    """
    row = trial.last or {}
    flags = row.get("flags", {})
    losses = [row[name] if row.get(name) is not None else flags.get(name) for name in LOSSES]
    if trial.state == "diverged" or any(row.get(name) is None for name in ACCURACIES):
        return [*losses, None, None, None]
    train, val = (row[name] for name in ACCURACIES)
    return [*losses, train, val, train - val]


def format_jsonl(trials: Sequence[Trial], epochs: Sequence[EpochRow]) -> str:
    """A line for each trial: the trial as the REST API has it, with its epoch rows under `epochs`."""
    curves: dict[int, list[EpochRow]] = defaultdict(list)
    for row in epochs:
        curves[row.trial_id].append(row)
    lines = (TrialLineOut.of(trial, epochs=curves[trial.id]).model_dump_json() for trial in trials)
    return "".join(f"{line}\n" for line in lines)


def escape_formula(value: object) -> object:
    """The value in a form that no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
