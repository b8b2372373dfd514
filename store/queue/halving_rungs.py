"""Owns the rungs of successive halving: when one is decided, who goes on and in which groups (ranks nobody).

A group of a sweep with rungs trains until its rung; there it is `waiting` and its trials are `queued`. When
no other group of its bracket is on its way there any more, whoever ended the last decides the rung in the
same transaction.
The groups that go on are cut by the trials' numbers, so neither workers nor time have a say in them.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from learning.search.early_stopping import Halving, Reached, parse
from learning.settings import Settings
from store.db.states import WAITING
from store.db.tables import sweep, trial, trial_group
from store.queue import groups, transitions
from store.queue.groups import Start, start_of

Rows = Sequence[Row[*tuple[Any, ...]]]

_ABOUT = select(sweep.c.stopping, sweep.c.state, sweep.c.workers, sweep.c.features).where(
    sweep.c.id == bindparam("sweep")
)
_OF_SWEEP = trial_group.c.sweep_id == bindparam("sweep")
_RUNGS = select(trial_group.c.bracket, trial_group.c.until).where(_OF_SWEEP).distinct()
_WAITED_AT = _RUNGS.where(trial_group.c.state == WAITING)
_AWAITED_AT = _RUNGS.where(trial_group.c.state.in_(("queued", "running")))
_AT_RUNG = (
    select(trial, trial_group.c.bracket, trial_group.c.checkpoints, trial_group.c.until)
    .join(trial_group, trial_group.c.id == trial.c.group_id)
    .where(_OF_SWEEP, trial_group.c.bracket == bindparam("bracket"), trial_group.c.until == bindparam("rung"))
    .where(trial.c.state.in_(("queued", "diverged")))
    .order_by(trial.c.number)
)


def decide(c: Connection, sweep_id: int, now: float) -> bool:
    """Decides every rung that all have reached who still can; whether there was one.

    Excluded trials are not compared and do not go on; cancelled, failed and stopped ones play no part. In a
    sweep that is stopping nobody goes on.
    """
    about = c.execute(_ABOUT, {"sweep": sweep_id}).one()
    rule = parse(about.stopping)
    if not isinstance(rule, Halving):
        return False
    waited_at = {(row.bracket, row.until) for row in c.execute(_WAITED_AT, {"sweep": sweep_id})}
    if about.state != "stopping" and waited_at:
        waited_at -= {(row.bracket, row.until) for row in c.execute(_AWAITED_AT, {"sweep": sweep_id})}
    for bracket, rung in sorted(waited_at):
        rows = c.execute(_AT_RUNG, {"sweep": sweep_id, "bracket": bracket, "rung": rung}).all()
        if about.state == "stopping":
            _end(c, rows, f"the sweep was stopped when it waited at rung {rule.number(rung)}", now)
        else:
            _decide(c, rule, rows, now, about.workers, about.features)
    return bool(waited_at)


def _decide(c: Connection, rule: Halving, rows: Rows, now: float, workers: int, features: int) -> None:
    compared = {row.number: _reached(row) for row in rows if not row.excluded}
    chosen = rule.promoted(list(compared.values()))
    waiting = [row for row in rows if row.state == "queued"]
    losers: dict[int, dict[str, Any]] = {}
    for row in waiting:
        if row.number not in chosen:
            left = row.epochs_total - row.epochs_done
            reason = rule.reason(_reached(row), row.until, len(compared), left)
            if row.excluded:
                reason = f"excluded from the ranking when rung {rule.number(row.until)} was decided"
            losers[row.id] = {"reason": reason, "spared": left}
    transitions.change_each(c, losers, state="stopped", finished_at=now, verdict=None)
    _regroup(c, rule, [row for row in waiting if row.number in chosen], workers, features)


def _reached(row: Row[*tuple[Any, ...]]) -> Reached:
    return Reached(row.number, row.best_val_acc if row.state == "queued" else None)


def _regroup(c: Connection, rule: Halving, rows: Rows, workers: int, features: int) -> None:
    """New groups for those who go on, each to start from the files of the groups its trials come from."""
    cut = groups.cut([Settings.parse(row.settings) for row in rows], workers, features)
    members = []
    for positions in cut:
        chosen = [rows[position] for position in positions]
        refs = dict.fromkeys(ref for row in chosen for ref in start_of(row).checkpoints)
        until = rule.next_rung(chosen[0].until, chosen[0].epochs_total)
        start = Start(chosen[0].bracket, tuple(refs), until)
        members.append(([row.id for row in chosen], start))
    if members:
        groups.regroup(c, rows[0].sweep_id, members)


def _end(c: Connection, rows: Rows, reason: str, now: float) -> None:
    waiting = [row.id for row in rows if row.state == "queued"]
    transitions.end_all(c, waiting, "stopped", reason, now)
