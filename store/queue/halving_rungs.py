"""The rungs of successive halving: when a rung is decided, which trials go on, and in which groups.

A group of a sweep with rungs trains until its rung; there it is `waiting` and its trials are `queued`. The
transaction that brings the last group of the bracket there also decides the rung.
The next groups are formed by trial number, so they depend neither on workers nor on time.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from learning.search.early_stopping import Halving, RungResult, restore_rule
from learning.settings import Settings
from store.db.tables import sweep, trial, trial_group
from store.queue import groups, trial_updates
from store.queue.groups import WAITING, GroupStart, read_start

Rows = Sequence[Row[*tuple[Any, ...]]]

_SWEEP = select(sweep.c.stopping, sweep.c.state, sweep.c.workers, sweep.c.features).where(
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
    """Decides every rung that all its remaining trials have reached. Whether there was one.

    Excluded trials are not compared and do not go on; cancelled, failed and stopped trials are ignored. In a
    sweep that is stopping no trial goes on.
    """
    sweep_row = c.execute(_SWEEP, {"sweep": sweep_id}).one()
    rule = restore_rule(sweep_row.stopping)
    if not isinstance(rule, Halving):
        return False
    waited_at = {(row.bracket, row.until) for row in c.execute(_WAITED_AT, {"sweep": sweep_id})}
    if sweep_row.state != "stopping" and waited_at:
        waited_at -= {(row.bracket, row.until) for row in c.execute(_AWAITED_AT, {"sweep": sweep_id})}
    for bracket, rung in sorted(waited_at):
        rows = c.execute(_AT_RUNG, {"sweep": sweep_id, "bracket": bracket, "rung": rung}).all()
        if sweep_row.state == "stopping":
            _end(c, rows, f"the sweep was stopped when it waited at rung {rule.rung_number(rung)}", now)
        else:
            _decide(c, rule, rows, now, sweep_row.workers, sweep_row.features)
    return bool(waited_at)


def _decide(c: Connection, rule: Halving, rows: Rows, now: float, workers: int, features: int) -> None:
    compared = {row.number: _build_reached(row) for row in rows if not row.excluded}
    chosen = rule.promote(list(compared.values()))
    waiting = [row for row in rows if row.state == "queued"]
    losers: dict[int, dict[str, Any]] = {}
    for row in waiting:
        if row.number not in chosen:
            left = row.epochs_total - row.epochs_done
            reason = rule.reason(_build_reached(row), row.until, len(compared), left)
            if row.excluded:
                reason = f"excluded from the ranking when rung {rule.rung_number(row.until)} was decided"
            losers[row.id] = {"reason": reason, "spared": left}
    trial_updates.change_each(c, losers, state="stopped", finished_at=now, verdict_rules=None)
    _regroup(c, rule, [row for row in waiting if row.number in chosen], workers, features)


def _build_reached(row: Row[*tuple[Any, ...]]) -> RungResult:
    return RungResult(row.number, row.best_val_acc if row.state == "queued" else None)


def _regroup(c: Connection, rule: Halving, rows: Rows, workers: int, features: int) -> None:
    """Puts the trials that go on into new groups, which start from the checkpoints of the old ones."""
    parts = groups.split([Settings.restore(row.settings) for row in rows], workers, features)
    members = []
    for positions in parts:
        chosen = [rows[position] for position in positions]
        refs = dict.fromkeys(ref for row in chosen for ref in read_start(row).checkpoints)
        until = rule.next_rung(chosen[0].until, chosen[0].epochs_total)
        start = GroupStart(chosen[0].bracket, tuple(refs), until)
        members.append(([row.id for row in chosen], start))
    if members:
        groups.regroup(c, rows[0].sweep_id, members)


def _end(c: Connection, rows: Rows, reason: str, now: float) -> None:
    waiting = [row.id for row in rows if row.state == "queued"]
    trial_updates.end_all(c, waiting, "stopped", reason, now)
