"""The columns and settings by which trials are sorted and filtered, and what each means in SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Double, Text, case, cast

from learning.diagnosis.findings import TRIAL_CODES
from learning.errors import FilterError
from learning.settings import CHOICES, SETTING_NAMES
from learning.states import TRIAL_STATES
from store.db.tables import trial
from store.queue.epochs import METRICS

BOOLEAN_WORDS = ("true", "false")


@dataclass(frozen=True, slots=True)
class TrialColumn:
    """A column as a number, as a word, or both; and the words it may hold (none listed: any)."""

    number: ColumnElement[float] | None = None
    word: ColumnElement[str] | None = None
    words: tuple[str, ...] = ()
    is_list: bool = False  # the word is a list of numbers as JSON


def find_column(name: str, field: str = "filter") -> TrialColumn:
    """The column with this name. Raises FilterError for `field` if there is none."""
    plain = name.lower().removeprefix("settings.")
    if plain not in COLUMNS:
        raise FilterError(f"{name[:60]!r} is not a column or setting; there are {', '.join(COLUMNS)}.", field)
    return COLUMNS[plain]


def parse_sort(sort: str) -> tuple[ColumnElement[Any], ...]:
    """`sort` as ORDER BY: missing values last, ties by trial number. Raises FilterError."""
    column = find_column(sort.removeprefix("-").strip(), "sort")
    keys = [key for key in (column.number, column.word) if key is not None]
    falling = sort.startswith("-")
    ordered = [(key.desc() if falling else key.asc()).nulls_last() for key in keys]
    return (*ordered, trial.c.number)


def _number(name: str) -> TrialColumn:
    return TrialColumn(number=trial.c.settings[name].as_float())


def _word(name: str, words: tuple[str, ...]) -> TrialColumn:
    return TrialColumn(word=trial.c.settings[name].as_string(), words=words)


def _boolean(column: ColumnElement[bool]) -> TrialColumn:
    return TrialColumn(word=case((column, "true"), else_="false"), words=BOOLEAN_WORDS)


def _setting_columns() -> dict[str, TrialColumn]:
    names = {name: _word(name, CHOICES[name]) if name in CHOICES else _number(name) for name in SETTING_NAMES}
    size = trial.c.settings["batch_size"].as_string()
    whole = case((size == "full", size))
    names["batch_size"] = TrialColumn(case((size != "full", cast(size, Double))), whole, ("full",))
    # As a number `hidden` is the first layer's units, as a word the whole list: hidden = [100, 50].
    first, whole_list = trial.c.settings[("hidden", 0)], trial.c.settings["hidden"]
    names["hidden"] = TrialColumn(first.as_float(), whole_list.as_string(), is_list=True)
    names["stratify"] = _boolean(trial.c.settings["stratify"].as_boolean())
    return names


def _latest(name: str) -> TrialColumn:
    return TrialColumn(number=trial.c.last[name].as_float())


def _stored_columns() -> dict[str, TrialColumn]:
    return {column.name: _stored(column) for column in trial.c if column.name not in INTERNAL_COLUMNS}


def _stored(column: Column[Any]) -> TrialColumn:
    if isinstance(column.type, Boolean):
        return _boolean(column)
    if isinstance(column.type, Text):
        return TrialColumn(word=column, words=COLUMN_WORDS.get(column.name, ()))
    return TrialColumn(number=column)


COLUMN_WORDS = {"state": tuple(TRIAL_STATES), "verdict": TRIAL_CODES}
INTERNAL_COLUMNS = {"sweep_id", "group_id", "settings", "last", "changed", "exempt", "verdict_rules"}
COLUMNS: Mapping[str, TrialColumn] = {
    **_stored_columns(),
    **{name: _latest(name) for name in METRICS if name != "lr"},  # of the latest epoch; lr is the setting
    **{f"last.{name}": _latest(name) for name in METRICS},
    "gap": TrialColumn(number=trial.c.last["train_acc"].as_float() - trial.c.last["val_acc"].as_float()),
    "update_ratio": TrialColumn(number=trial.c.last[("update_ratio", "W1")].as_float()),
    "seconds": TrialColumn(number=trial.c.finished_at - trial.c.started_at),
    **_setting_columns(),
}
