"""Owns how trials are cut into groups, and the making of the groups' rows (claims and trains none)."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, update

from learning.settings import Settings
from store.db.tables import trial, trial_group
from store.db.weight_files import CheckpointRef

GROUP_SIZE = 16  # trials in one stack, at most; the gain of stacking flattens at 8 to 16
# Of first-layer weights in one stack, which each step reads and writes while every core does: what lies far
# beyond a core's share of the cache costs 5 to 10 % more a trial (docs/decisions/0008).
GROUP_BYTES = 5 * 2**20
SMALLEST = 2  # one net alone takes half as long again as one of two
FLOAT = 4  # bytes
# Groups become smaller towards the end of a sweep, so that a slow core does not end alone, but not smaller
# than this for it: a trial of 3072-50 takes 3 % longer in a group of 6 than in one of 8, 14 % in one of 4.
LAST = 6


def most(settings: Settings, features: int) -> int:
    """How many nets of these settings one stack shall have, on examples of so many features (0: unknown)."""
    net = FLOAT * features * (settings.hidden[0] if settings.hidden else 1)
    return min(GROUP_SIZE, max(SMALLEST, GROUP_BYTES // net)) if net else GROUP_SIZE


def cut(all_settings: Sequence[Settings], workers: int = 2, features: int = 0) -> tuple[tuple[int, ...], ...]:
    """Positions of the settings in groups of equal group_key, in order of their first position.

    About `most` in a group, if there are so many. Each worker gets groups of about the same sizes, first
    large ones and then smaller ones; of a kind with few trials a share of the workers gets one each.
    """
    alike: dict[str, list[int]] = {}
    for position, settings in enumerate(all_settings):
        alike.setdefault(settings.group_key(), []).append(position)
    groups: list[tuple[int, ...]] = []
    for positions in alike.values():
        size = most(all_settings[positions[0]], features)
        share = _up(max(1, workers) * len(positions), len(all_settings))
        groups.extend(_rounds(positions, min(share, len(positions)), size))
    return tuple(sorted(groups))


def _rounds(positions: list[int], workers: int, size: int) -> Iterator[tuple[int, ...]]:
    """Runs of neighbours: rounds of one for each worker, half of what is left in each while that is much.

    It is the factoring rule of Hummel, Schonberg & Flynn (1992), with a largest and a smallest group. What is
    too little to be halved goes into rounds alike, by which a group may become larger than `size`, but not
    larger than two of the smallest.
    """
    while positions:
        left = len(positions)
        now = min(_up(left, 2), workers * size)
        alone = workers == 1 and left <= size  # nobody waits for whom
        if alone or left - now < workers * min(LAST, size) * _up(left - now, workers * size):
            rounds = _up(left, workers * size)
            now = _up(left, rounds if size <= LAST else max(1, min(rounds, left // (workers * LAST))))
        ends = [_up(now * n, workers) for n in range(workers + 1)]
        yield from (tuple(positions[a:b]) for a, b in pairwise(ends) if a < b)
        positions = positions[now:]


def _up(whole: int, parts: int) -> int:
    """A part of it, rounded up."""
    return -(-whole // parts)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a group begins, how far it goes, and its place in the queue."""

    bracket: int  # a change number: who meets at a rung; the lowest is claimed first
    checkpoints: tuple[CheckpointRef, ...] = ()  # together they hold its trials; none: from epoch 0
    until: int | None = None  # the rung at which its trials wait; None: they train to their end


def start_of(group: Row[*tuple[Any, ...]]) -> Start:
    """What a group's row says."""
    return Start(group.bracket, tuple(CheckpointRef(**one) for one in group.checkpoints), group.until)


def new(c: Connection, sweep_id: int, starts: Sequence[Start]) -> list[int]:
    """Inserts queued groups; their ids in this order, and rising."""
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
            "checkpoints": [asdict(one) for one in start.checkpoints],
            "until": start.until,
        }
        for start in starts
    ]
    return list(
        c.scalars(insert(trial_group).returning(trial_group.c.id, sort_by_parameter_order=True), rows)
    )


_MOVE = update(trial).where(trial.c.id == bindparam("trial")).values(group_id=bindparam("group"))


def regroup(c: Connection, sweep_id: int, members: Sequence[tuple[Sequence[int], Start]]) -> None:
    """Moves trials into new queued groups, each given by the trials' ids and its start."""
    ids = new(c, sweep_id, [start for _, start in members])
    moves = [
        {"trial": one, "group": group}
        for (trials, _), group in zip(members, ids, strict=True)
        for one in trials
    ]
    if moves:
        c.execute(_MOVE, moves)


def separate(c: Connection, sweep_id: int, trial_ids: Sequence[int], start: Start) -> None:
    """Gives each of these trials a queued group of its own; all may start from checkpoints they share."""
    regroup(c, sweep_id, [((one,), start) for one in trial_ids])
