"""How trials are split into groups that train as one stack, and the rows of these groups."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, update

from learning.settings import Settings
from store.db.checkpoints_and_weights import CheckpointRef
from store.db.tables import trial, trial_group

MAX_GROUP_SIZE = 16  # trials in one stack; the gain of stacking flattens at 8 to 16
# Of first-layer weights in one stack, which each step reads and writes while every core does: what lies far
# beyond a core's share of the cache costs 5 to 10 % more a trial (docs/decisions/0008).
MAX_GROUP_BYTES = 5 * 2**20
MIN_GROUP_SIZE = 2  # a net alone takes half as long again as each of two
FLOAT_BYTES = 4
# Groups become smaller towards the end of a sweep, so that no slow core ends alone, but not smaller than
# this: a trial of 3072-50 takes 3 % longer in a group of 6 than in one of 8, 14 % in one of 4.
MIN_LAST_GROUP_SIZE = 6


def choose_size(settings: Settings, features: int) -> int:
    """How many nets with these settings one stack should hold; `features` of an example (0: unknown)."""
    net = FLOAT_BYTES * features * (settings.hidden[0] if settings.hidden else 1)
    return min(MAX_GROUP_SIZE, max(MIN_GROUP_SIZE, MAX_GROUP_BYTES // net)) if net else MAX_GROUP_SIZE


def split(
    all_settings: Sequence[Settings], workers: int = 2, features: int = 0
) -> tuple[tuple[int, ...], ...]:
    """Positions of the settings in groups of equal group_key, in order of their first position.

    About choose_size() in a group, if there are enough. Each worker gets groups of about the same sizes,
    first large and then smaller ones; few trials of one kind are spread over a share of the workers.
    """
    alike: dict[str, list[int]] = {}
    for position, settings in enumerate(all_settings):
        alike.setdefault(settings.group_key(), []).append(position)
    groups: list[tuple[int, ...]] = []
    for positions in alike.values():
        size = choose_size(all_settings[positions[0]], features)
        share = _divide_up(max(1, workers) * len(positions), len(all_settings))
        groups.extend(_split_into_rounds(positions, min(share, len(positions)), size))
    return tuple(sorted(groups))


def _split_into_rounds(positions: list[int], workers: int, size: int) -> Iterator[tuple[int, ...]]:
    """Runs of neighbours, in rounds of one group for each worker; a round takes half of what is left.

    This is the factoring rule of Hummel, Schonberg & Flynn (1992), with a largest and a smallest group. What
    is too small to be halved is shared out evenly, so a group may become larger than `size`, but not larger
    than two of the smallest.
    """
    while positions:
        left = len(positions)
        now = min(_divide_up(left, 2), workers * size)
        alone = workers == 1 and left <= size  # no worker waits for another
        smallest = min(MIN_LAST_GROUP_SIZE, size)
        if alone or left - now < workers * smallest * _divide_up(left - now, workers * size):
            rounds = _divide_up(left, workers * size)
            if size > MIN_LAST_GROUP_SIZE:
                rounds = max(1, min(rounds, left // (workers * MIN_LAST_GROUP_SIZE)))
            now = _divide_up(left, rounds)
        ends = [_divide_up(now * n, workers) for n in range(workers + 1)]
        yield from (tuple(positions[a:b]) for a, b in pairwise(ends) if a < b)
        positions = positions[now:]


def _divide_up(dividend: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-dividend // divisor)


WAITING = "waiting"  # the state of a group at its rung; the others are queued, running and done


@dataclass(frozen=True, slots=True)
class GroupStart:
    """Where a group begins, how far it goes, and its place in the queue."""

    bracket: int  # a change number; groups of one bracket meet at its rungs, and the lowest is claimed first
    checkpoints: tuple[CheckpointRef, ...] = ()  # together they hold its trials; none: from epoch 0
    until: int | None = None  # the rung at which its trials wait; None: they train to their end


def read_start(group: Row[*tuple[Any, ...]]) -> GroupStart:
    return GroupStart(group.bracket, tuple(CheckpointRef(**ref) for ref in group.checkpoints), group.until)


def insert_groups(c: Connection, sweep_id: int, starts: Sequence[GroupStart]) -> list[int]:
    """Inserts queued groups; returns their ids in this order, ascending."""
    if not starts:
        return []
    row = {
        "sweep_id": sweep_id,
        "state": "queued",
        "attempt": 0,
        "worker": None,
        "beat": 0,
        "progressed": False,
    }
    rows = [
        row
        | {
            "bracket": start.bracket,
            "checkpoints": [asdict(ref) for ref in start.checkpoints],
            "until": start.until,
        }
        for start in starts
    ]
    return list(
        c.scalars(insert(trial_group).returning(trial_group.c.id, sort_by_parameter_order=True), rows)
    )


_MOVE = update(trial).where(trial.c.id == bindparam("trial")).values(group_id=bindparam("group"))


def regroup(c: Connection, sweep_id: int, members: Sequence[tuple[Sequence[int], GroupStart]]) -> None:
    """Moves trials into new queued groups, each given by the trials' ids and its start."""
    ids = insert_groups(c, sweep_id, [start for _, start in members])
    moves = [
        {"trial": trial_id, "group": group}
        for (trial_ids, _), group in zip(members, ids, strict=True)
        for trial_id in trial_ids
    ]
    if moves:
        c.execute(_MOVE, moves)


def separate(c: Connection, sweep_id: int, trial_ids: Sequence[int], start: GroupStart) -> None:
    """Gives each of these trials a queued group of its own, all with the same start."""
    regroup(c, sweep_id, [((trial_id,), start) for trial_id in trial_ids])
