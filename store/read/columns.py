"""Owns the names by which trials are sorted and filtered, and what each means in SQL (a closed list)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Double, case, cast

from learning.diagnosis.findings import TRIAL_CODES
from learning.errors import FilterError
from learning.settings import ACTIVATIONS, INITS, PREPROCESSES, SCHEDULES, UPDATES, Settings
from store.db.states import TRIAL_STATES
from store.db.tables import trial
from store.queue.epochs import METRICS

TRUTH = ("true", "false")


@dataclass(frozen=True, slots=True)
class Name:
    """What a name means: as a number, as a word (or both), and the words it may be (none: any)."""

    number: ColumnElement[float] | None = None
    word: ColumnElement[str] | None = None
    words: tuple[str, ...] = ()
    lists: bool = False  # the word is a list of numbers as JSON


def named(name: str, field: str = "filter") -> Name:
    """The meaning of a name. Raises FilterError."""
    plain = name.lower().removeprefix("settings.")
    if plain not in NAMES:
        raise FilterError(f"{name[:60]!r} is not a column or setting; there are {', '.join(NAMES)}.", field)
    return NAMES[plain]


def ordering(sort: str) -> tuple[ColumnElement[Any], ...]:
    """`sort` as ORDER BY: what has no value last, equal ones by number. Raises FilterError."""
    meaning = named(sort.removeprefix("-").strip(), "sort")
    keys = [key for key in (meaning.number, meaning.word) if key is not None]
    falling = sort.startswith("-")
    ordered = [(key.desc() if falling else key.asc()).nulls_last() for key in keys]
    return (*ordered, trial.c.number)


def _number(name: str) -> Name:
    return Name(number=trial.c.settings[name].as_float())


def _word(name: str, words: tuple[str, ...]) -> Name:
    return Name(word=trial.c.settings[name].as_string(), words=words)


def _truth(column: ColumnElement[bool]) -> Name:
    return Name(word=case((column, "true"), else_="false"), words=TRUTH)


def _setting_names() -> dict[str, Name]:
    words = {
        "activation": ACTIVATIONS,
        "init": INITS,
        "update": UPDATES,
        "schedule": SCHEDULES,
        "preprocess": PREPROCESSES,
    }
    names = {
        field.name: _word(field.name, words[field.name]) if field.name in words else _number(field.name)
        for field in fields(Settings)
    }
    size = trial.c.settings["batch_size"].as_string()
    whole = case((size == "full", size))
    names["batch_size"] = Name(case((size != "full", cast(size, Double))), whole, ("full",))
    # As a number `hidden` is the first layer's units, as a word the whole list: hidden = [100, 50].
    first, whole_list = trial.c.settings[("hidden", 0)], trial.c.settings["hidden"]
    names["hidden"] = Name(first.as_float(), whole_list.as_string(), lists=True)
    names["stratify"] = _truth(trial.c.settings["stratify"].as_boolean())
    return names


def _last(name: str) -> Name:
    return Name(number=trial.c.last[name].as_float())


NAMES: Mapping[str, Name] = {
    **{
        name: Name(number=trial.c[name])
        for name in (
            "number",
            "id",
            "best_val_acc",
            "best_epoch",
            "epochs_done",
            "epochs_total",
            "attempt",
            "failures",
            "started_at",
            "finished_at",
        )
    },
    "state": Name(word=trial.c.state, words=TRIAL_STATES),
    "reason": Name(word=trial.c.reason),
    "verdict": Name(word=trial.c.verdict, words=TRIAL_CODES),
    "worker": Name(word=trial.c.worker),
    "excluded": _truth(trial.c.excluded),
    "has_model": _truth(trial.c.has_model),
    **{name: _last(name) for name in METRICS if name != "lr"},  # of the latest epoch; lr is the setting
    **{f"last.{name}": _last(name) for name in METRICS},
    "gap": Name(number=trial.c.last["train_acc"].as_float() - trial.c.last["val_acc"].as_float()),
    "update_ratio": Name(number=trial.c.last[("update_ratio", "W1")].as_float()),
    "seconds": Name(number=trial.c.finished_at - trial.c.started_at),
    **_setting_names(),
}
