"""Owns how a sweep's new trials come into the queue: their brackets, groups and rows (claims none)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from learning.search.early_stopping import Halving, StoppingRule
from learning.settings import Settings
from store.db import change_counter
from store.db.tables import trial
from store.queue import groups
from store.queue.groups import Start

UNTRAINED: dict[str, Any] = {
    "state": "queued",
    "reason": None,
    "failures": 0,
    "epochs_done": 0,
    "best_val_acc": None,
    "best_epoch": None,
    "last": None,
    "worker": None,
    "has_model": False,
    "verdict": None,
    "started_at": None,
    "finished_at": None,
    "spared": 0,
}  # the columns of a trial before its first epoch


def enqueue(
    c: Connection,
    id: int,
    start: int,
    settings: Sequence[Settings],
    rule: StoppingRule | None,
    workers: int,
    features: int,
) -> None:
    """Queues new trials of a sweep, the first with number `start`; the caller has taken the change counter.

    The groups are cut for so many workers, on examples of so many features (0: not known).
    """
    everyone = range(len(settings))
    brackets = list(rule.brackets(len(settings))) if isinstance(rule, Halving) else [everyone]
    cut: list[tuple[int, ...]] = []
    starts: list[Start] = []
    for bracket, order in zip(brackets, change_counter.take(c, len(brackets)), strict=True):
        for places in groups.cut([settings[one] for one in bracket], workers, features):
            cut.append(tuple(bracket[place] for place in places))
            starts.append(Start(order, until=_first_rung(rule, settings[cut[-1][0]])))
    group_ids = groups.new(c, id, starts)
    of_position = {one: group for group, members in zip(group_ids, cut, strict=True) for one in members}
    numbers = change_counter.take(c, len(settings))
    rows = [
        _new_row(id, start + n, of_position[n], one, seq)
        for n, (one, seq) in enumerate(zip(settings, numbers, strict=True))
    ]
    if rows:
        c.execute(insert(trial), rows)


def _first_rung(rule: StoppingRule | None, settings: Settings) -> int | None:
    """Of a group with a trial of these settings."""
    return rule.next_rung(0, settings.epochs) if isinstance(rule, Halving) else None


def _new_row(sweep_id: int, number: int, group_id: int, settings: Settings, seq: int) -> dict[str, Any]:
    """The row of a trial that is queued for the first time."""
    return {
        **UNTRAINED,
        "sweep_id": sweep_id,
        "number": number,
        "group_id": group_id,
        "settings": settings.to_dict(),
        "epochs_total": settings.epochs,
        "attempt": 0,
        "excluded": False,
        "exempt": False,
        "changed": seq,
    }
