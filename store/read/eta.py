"""The time a sweep still needs: its epochs left, at the pace measured so far."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, func, or_, select

from learning.search.early_stopping import Halving, StoppingRule, restore_rule
from learning.states import LIVING_TRIAL, RESULTS
from learning.training.time_estimate import Pace, RemainingWork, estimate_seconds_left
from store.db.tables import trial, trial_group
from store.queue.groups import WAITING


@dataclass(frozen=True, slots=True)
class Eta:
    """The estimated time left."""

    seconds: float  # if no trial ends early and the work is shared evenly
    range: tuple[float, float] | None  # None while it is too early to say


def estimate(c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, Eta]:
    """Trial-epochs left x measured mean seconds / workers busy with the sweep (at least one)."""
    paces = {row.id: _read_pace(row) for row in sweeps if row.measured_epochs}
    if not paces:
        return {}
    lefts = estimate_epochs_left(c, {row.id: row.stopping for row in sweeps if row.id in paces})
    groups, lost = (
        _count_groups(c, paces),
        _measure_lost_share(c, [row for row in sweeps if row.id in paces]),
    )
    found = {}
    for id, epochs in lefts.items():
        pace, (busy, living) = paces[id], groups[id]
        rest = RemainingWork(epochs, living, max(1, busy), lost.get(id, 0.0))
        found[id] = Eta(epochs * pace.mean / rest.workers, estimate_seconds_left(pace, rest))
    return found


def estimate_epochs_left(c: Connection, stopping: Mapping[int, Any]) -> dict[int, float]:
    """Epochs that the living trials of each sweep will train; `stopping` holds the sweeps' rules.

    Before a rung it is the average that halving leaves; the median rule and patience are not anticipated.
    """
    rules = {id: restore_rule(spec) for id, spec in stopping.items()}
    key = (
        trial.c.sweep_id,
        trial.c.epochs_done,
        trial.c.epochs_total,
        trial_group.c.until,
        trial_group.c.state,
    )
    query = (
        select(*key, func.count().label("trials"))
        .join(trial_group, trial_group.c.id == trial.c.group_id)
        .where(trial.c.sweep_id.in_(rules), trial.c.state.in_(LIVING_TRIAL))
        .group_by(*key)
    )
    left: dict[int, float] = defaultdict(float)
    for row in c.execute(query):
        left[row.sweep_id] += row.trials * _expect_left(rules[row.sweep_id], row)
    return left


def _expect_left(rule: StoppingRule | None, row: Any) -> float:
    if isinstance(rule, Halving) and row.until is not None:
        return rule.expected_epochs(row.epochs_done, row.epochs_total, waits=row.state == WAITING)
    return float(row.epochs_total - row.epochs_done)


def _read_pace(row: Row[*tuple[Any, ...]]) -> Pace:
    return Pace(row.measured_steps, row.measured_epochs, row.measured_seconds, row.measured_squares)


def _count_groups(c: Connection, ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """By sweep: how many groups are training now, and how many are not done."""
    running = func.sum(case((trial_group.c.state == "running", 1), else_=0))
    query = (
        select(trial_group.c.sweep_id, running.label("running"), func.count().label("living"))
        .where(trial_group.c.sweep_id.in_(ids), trial_group.c.state != "done")
        .group_by(trial_group.c.sweep_id)
    )
    found = {row.sweep_id: (int(row.running), row.living) for row in c.execute(query)}
    return defaultdict(lambda: (0, 0), found)


def _measure_lost_share(c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, float]:
    """The share of their epochs that the trials begun so far will not train because they ended early.

    Without sweeps that halve: estimate_epochs_left() accounts for these.
    """
    ids = [row.id for row in sweeps if not isinstance(restore_rule(row.stopping), Halving)]
    untrained = 1 - trial.c.epochs_done * 1.0 / trial.c.epochs_total
    lost = case((trial.c.state == "running", 0.0), else_=untrained)
    begun = or_(trial.c.state == "running", trial.c.state.in_(RESULTS) & (trial.c.epochs_done > 0))
    query = select(trial.c.sweep_id, func.avg(lost)).where(trial.c.sweep_id.in_(ids), begun)
    return {id: float(share) for id, share in c.execute(query.group_by(trial.c.sweep_id))}
