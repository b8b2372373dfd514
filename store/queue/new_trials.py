"""Adds a sweep's new trials to the queue: their brackets, groups and rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from learning.search.early_stopping import Halving, StoppingRule
from learning.settings import Settings
from store.db import change_counter
from store.db.tables import trial
from store.queue import groups
from store.queue.groups import GroupStart

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
    "verdict_rules": None,
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

    The groups are sized for `workers` workers and for examples of `features` features (0: not known).
    """
    everything = range(len(settings))
    brackets = list(rule.split_brackets(len(settings))) if isinstance(rule, Halving) else [everything]
    members: list[tuple[int, ...]] = []
    starts: list[GroupStart] = []
    for bracket, order in zip(brackets, change_counter.take(c, len(brackets)), strict=True):
        for places in groups.split([settings[n] for n in bracket], workers, features):
            members.append(tuple(bracket[place] for place in places))
            starts.append(GroupStart(order, until=_first_rung(rule, settings[members[-1][0]])))
    group_ids = groups.insert_groups(c, id, starts)
    group_of = {n: group for group, positions in zip(group_ids, members, strict=True) for n in positions}
    numbers = change_counter.take(c, len(settings))
    rows = [
        _make_row(id, start + n, group_of[n], trial_settings, seq)
        for n, (trial_settings, seq) in enumerate(zip(settings, numbers, strict=True))
    ]
    if rows:
        c.execute(insert(trial), rows)


def _first_rung(rule: StoppingRule | None, settings: Settings) -> int | None:
    return rule.next_rung(0, settings.epochs) if isinstance(rule, Halving) else None


def _make_row(sweep_id: int, number: int, group_id: int, settings: Settings, seq: int) -> dict[str, Any]:
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
