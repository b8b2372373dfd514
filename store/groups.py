"""Owns how trials are cut into groups, and the making of the groups' rows (claims and trains none)."""

from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import Connection, bindparam, insert, update

from learning.settings import Settings
from store.files import CheckpointRef
from store.tables import trial, trial_group

GROUP_SIZE = 16  # trials in one stack; the gain of stacking flattens at 8 to 16
ROUNDS = 2  # groups a worker, at least: with one each, the slower core ends alone


def cut(all_settings: Sequence[Settings], workers: int = 2) -> tuple[tuple[int, ...], ...]:
    """Positions of the settings in even groups of equal group_key, in order of their first position.

    At most GROUP_SIZE in a group; at least ROUNDS * workers groups in all where there are that many trials.
    """
    alike: dict[str, list[int]] = {}
    for position, settings in enumerate(all_settings):
        alike.setdefault(settings.group_key(), []).append(position)
    groups: list[tuple[int, ...]] = []
    for positions in alike.values():
        groups.extend(_even(positions, _pieces(len(positions), len(all_settings), max(1, workers))))
    return tuple(sorted(groups))


def _pieces(count: int, total: int, workers: int) -> int:
    """Into how many groups: enough for all rounds; if all are alike, as many for each worker."""
    share = -(-ROUNDS * workers * count // total)
    pieces = max(-(-count // GROUP_SIZE), share)
    if count == total:
        pieces = -(-pieces // workers) * workers
    return min(count, pieces)


def _even(positions: Sequence[int], pieces: int) -> list[tuple[int, ...]]:
    """Runs of neighbours whose lengths differ by one at most, a longer one first."""
    ends = [-(-len(positions) * piece // pieces) for piece in range(pieces + 1)]
    return [tuple(positions[a:b]) for a, b in pairwise(ends)]


def new(c: Connection, sweep_id: int, count: int, checkpoint: CheckpointRef | None = None) -> list[int]:
    """Inserts queued groups, which start from a checkpoint or from epoch 0; their ids in rising order."""
    if not count:
        return []
    row = {
        "sweep_id": sweep_id,
        "state": "queued",
        "attempt": 0,
        "worker": None,
        "beat": 0,
        "progressed": False,
        "checkpoint_name": checkpoint.name if checkpoint else None,
        "checkpoint_sha256": checkpoint.sha256 if checkpoint else None,
        "checkpoint_epoch": checkpoint.epoch if checkpoint else None,
    }
    return sorted(c.scalars(insert(trial_group).returning(trial_group.c.id), [row] * count))


_MOVE = update(trial).where(trial.c.id == bindparam("trial")).values(group_id=bindparam("group"))


def separate(
    c: Connection, sweep_id: int, trial_ids: Sequence[int], checkpoint: CheckpointRef | None = None
) -> None:
    """Gives each of these trials a queued group of its own; all may start from one checkpoint they share."""
    ids = new(c, sweep_id, len(trial_ids), checkpoint)
    moves = [{"trial": one, "group": group} for one, group in zip(trial_ids, ids, strict=True)]
    if moves:
        c.execute(_MOVE, moves)
