"""Errors that a user can act on. Each says in one clear sentence what is wrong and what would do.

LossdeckError                     HTTP   exit
├── Invalid                        422      2   bad fields of an input
├── FilterError                    422      1   a filter or a sort that cannot be read
├── DatasetError                   422      1   a data set that cannot be had or used
├── IdempotencyConflict            422      1   one Idempotency-Key for two requests
├── NotFound                       404      1   no such sweep, trial, preflight or autopilot
├── Conflict                       409      1
│   ├── NotAllowed                              an action that the state of its object forbids
│   ├── NothingToRefine                         a sweep that gives no ground for a finer one
│   └── NoEnsemble                              no two nets to average
├── NotInstalled                   501      1   an optional package that is missing
├── Damaged                        500      1   a file that is missing or not what was written
├── DatabaseError                  500      1   a database that cannot be used
│   ├── TooNew                                  made by a newer program
│   └── TooOld                                  made before the first release
└── Failure                          -      1   a command that cannot do what it was asked
    ├── WrongUsage                   -      2
    └── NoWorker                     -      3

Only the doors turn it into a status (app/http/problems.py) or an exit code (app/operations/exit_codes.py).
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

MAX_VALUE_CHARACTERS = 80  # of a bad value in a sentence


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field of an input; `message` is one whole sentence."""

    field: str
    value: object
    message: str


def format_value(value: object) -> str:
    """A bad value for a sentence: its JSON, shortened; the name of its type where it has none."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + "…"


class LossdeckError(Exception):
    """The root of the tree; `str()` is the sentence."""


class Invalid(LossdeckError, ValueError):  # noqa: N818  read as "raise Invalid"
    """An input with one or more bad fields; `str()` joins their sentences."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(" ".join(error.message for error in errors))
        self.errors: tuple[FieldError, ...] = errors


class FilterError(LossdeckError, ValueError):
    """A filter or a sort that cannot be read; `field` says which of the two."""

    def __init__(self, message: str, field: str = "filter") -> None:
        super().__init__(message)
        self.field = field


class DatasetError(LossdeckError):
    """A data set that cannot be had or may not be used."""


class IdempotencyConflict(LossdeckError):  # noqa: N818
    """The same Idempotency-Key was used for another request."""


class NotFound(LossdeckError, LookupError):  # noqa: N818
    """No such sweep, trial, preflight or autopilot."""

    def __init__(self, noun: str, id: int) -> None:
        super().__init__(f"There is no {noun} {id}.")
        self.noun = noun
        self.id = id


class Conflict(LossdeckError):  # noqa: N818
    """A request that what is stored does not allow now."""


class NotAllowed(Conflict):
    """An action that the state of its object does not allow."""

    def __init__(self, state: str, action: str, subject: str = "It", needs: Collection[str] = ()) -> None:
        wanted = f"; {action} needs it to be {' or '.join(needs)}" if needs else ""
        super().__init__(f"{subject} is {state}{wanted or f', which does not allow {action}'}.")
        self.state = state
        self.action = action


class NothingToRefine(Conflict, ValueError):  # noqa: N818
    """A sweep that gives no ground for a proposal; the message says what is missing."""


class NoEnsemble(Conflict):
    """There are no two nets to average, or nothing to measure them on."""


class NotInstalled(LossdeckError):  # noqa: N818
    """An optional package is missing; the message says how to install it."""


class Damaged(LossdeckError):  # noqa: N818
    """A file that is missing or not what was written."""


class DatabaseError(LossdeckError):
    """A database that cannot be used."""


class TooNew(DatabaseError):  # noqa: N818
    """The database was made by a newer program."""


class TooOld(DatabaseError):  # noqa: N818
    """The database was made before the first release, by a program whose migrations are gone."""


class Failure(LossdeckError):  # noqa: N818  read as "raise Failure"
    """A command that cannot do what it was asked."""


class WrongUsage(Failure):
    """A command line, an environment or a file of it that cannot be right."""


class NoWorker(Failure):
    """Nothing would ever end what the command waits for."""
