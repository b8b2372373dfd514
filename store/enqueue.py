"""Owns how a sweep's new trials come into the queue: their brackets, groups and rows (claims none)."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from learning.search.early_stopping import Halving, StoppingRule
from learning.settings import Settings
from store import clock, groups, trials
from store.groups import Start
from store.tables import trial


def enqueue(
    c: Connection,
    id: int,
    start: int,
    settings: Sequence[Settings],
    rule: StoppingRule | None,
    workers: int,
    features: int,
) -> None:
    """Queues new trials of a sweep, the first with number `start`; the caller has taken the clock.

    The groups are cut for so many workers, on examples of so many features (0: not known).
    """
    everyone = range(len(settings))
    brackets = list(rule.brackets(len(settings))) if isinstance(rule, Halving) else [everyone]
    cut: list[tuple[int, ...]] = []
    starts: list[Start] = []
    for bracket, order in zip(brackets, clock.take(c, len(brackets)), strict=True):
        for places in groups.cut([settings[one] for one in bracket], workers, features):
            cut.append(tuple(bracket[place] for place in places))
            starts.append(Start(order, until=_first_rung(rule, settings[cut[-1][0]])))
    group_ids = groups.new(c, id, starts)
    of_position = {one: group for group, members in zip(group_ids, cut, strict=True) for one in members}
    numbers = clock.take(c, len(settings))
    rows = [
        trials.new_row(id, start + n, of_position[n], one, seq)
        for n, (one, seq) in enumerate(zip(settings, numbers, strict=True))
    ]
    if rows:
        c.execute(insert(trial), rows)


def _first_rung(rule: StoppingRule | None, settings: Settings) -> int | None:
    """Of a group with a trial of these settings."""
    return rule.next_rung(0, settings.epochs) if isinstance(rule, Halving) else None
