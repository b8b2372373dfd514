"""Export: a sweep's rows as the text of a file: csv and jsonl here, html from report."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Sequence

from app import wire, wire_trials
from app.report import html_text as html_text
from store.epochs import EpochRow
from store.trials import Trial

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
)


def csv_text(trials: Sequence[Trial]) -> str:
    """A header and a row for each trial, with each setting in a column of its own."""
    settings = list(dict.fromkeys(name for trial in trials for name in trial.settings))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *settings])
    for trial in trials:
        body = wire_trials.trial(trial)
        values = [body[name] for name in COLUMNS] + [trial.settings.get(name) for name in settings]
        writer.writerow([cell(value) for value in values])
    return text.getvalue()


def jsonl_text(trials: Sequence[Trial], epochs: Sequence[EpochRow]) -> str:
    """A line for each trial: the trial as the interface has it, and `epochs`, its rows."""
    curves: dict[int, list[dict[str, object]]] = defaultdict(list)
    for row in epochs:
        curves[row.trial_id].append(wire_trials.epoch(row, trace=False))
    return "".join(
        wire.text(wire_trials.trial(trial) | {"epochs": curves[trial.id]}) + "\n" for trial in trials
    )


def cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
