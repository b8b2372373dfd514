"""Owns how a command is told which trial: as the pages count them, or by its id (reads, changes nothing)."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from learning.errors import Failure, WrongUsage

if TYPE_CHECKING:
    from store.db.database import Connection
    from store.read.trials import Trial

HELP = "SWEEP/NUMBER as the pages count: 1/8 is #8 of sweep 1. Or the id that the API and exports show."
Which = Annotated[str, typer.Argument(metavar="TRIAL", help=HELP)]

_NAME = re.compile(r"(?:([0-9]{1,9})/)?([0-9]{1,9})")


def is_name(word: str) -> bool:
    """Whether that may name a trial; whether there is one is not asked."""
    return _NAME.fullmatch(word) is not None


def named(c: "Connection", word: str) -> "Trial":
    """The trial that the word names. Raises Failure."""
    from store.read import trials

    match = _NAME.fullmatch(word)
    if match is None:
        raise WrongUsage(f"A trial is named as SWEEP/NUMBER, such as 1/8, or by its id, not {word!r}.")
    sweep, number = match.groups()
    found = trials.get(c, int(number)) if sweep is None else trials.numbered(c, int(sweep), int(number))
    if found is None:
        whose = "" if sweep is None else f" in sweep {sweep}"
        raise Failure(f"There is no trial {number}{whose}.")
    return found
