"""Owns what a sweep's trials add up to: counts by state, the best one, and the time that is left."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from store import remaining, trials
from store.states import TRIAL_STATES
from store.tables import sweep, trial, trial_group
from store.trials import Trial


@dataclass(frozen=True, slots=True)
class Saved:
    """What the sweep's stopping rule has spared."""

    trials: int  # that it stopped
    epochs: int  # that they did not train
    seconds: float | None  # that those would have taken one worker, at the sweep's mean; None: not measured


@dataclass(frozen=True, slots=True)
class Summary:
    """What the trials of one sweep add up to."""

    counts: dict[str, int]
    excluded: int
    best: Trial | None
    eta_seconds: float | None
    saved: Saved


def of(c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, Summary]:
    """Summaries by sweep id; a handful of statements, however many sweeps."""
    ids = [row.id for row in sweeps]
    if not ids:
        return {}
    counts, excluded = _counts(c, ids)
    best = _best(c, ids)
    eta = _eta(c, [row for row in sweeps if row.state in ("running", "stopping")])
    saved = _saved(c, sweeps)
    return {id: Summary(counts[id], excluded[id], best.get(id), eta.get(id), saved[id]) for id in ids}


def _counts(c: Connection, ids: Collection[int]) -> tuple[dict[int, dict[str, int]], dict[int, int]]:
    counts = {id: dict.fromkeys(TRIAL_STATES, 0) for id in ids}
    excluded = dict.fromkeys(ids, 0)
    by = (trial.c.sweep_id, trial.c.state, trial.c.excluded)
    for row in c.execute(
        select(*by, func.count().label("trials")).where(trial.c.sweep_id.in_(ids)).group_by(*by)
    ):
        counts[row.sweep_id][row.state] += row.trials
        excluded[row.sweep_id] += row.trials if row.excluded else 0
    return counts, excluded


def _best(c: Connection, ids: Collection[int]) -> dict[int, Trial]:
    first = (
        select(trial.c.id)
        .where(trial.c.sweep_id == sweep.c.id, trials.RANKED)
        .order_by(*trials.BEST_FIRST)
        .limit(1)
        .correlate(sweep)
        .scalar_subquery()
    )
    chosen = c.scalars(select(first).select_from(sweep).where(sweep.c.id.in_(ids)))
    found = trials.by_ids(c, [id for id in chosen if id is not None])
    return {one.sweep_id: one for one in found.values()}


def _saved(c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, Saved]:
    ruled = [row.id for row in sweeps if row.stopping is not None]
    query = (
        select(trial.c.sweep_id, func.count().label("trials"), func.sum(trial.c.spared).label("epochs"))
        .where(trial.c.sweep_id.in_(ruled), trial.c.spared > 0)
        .group_by(trial.c.sweep_id)
    )
    spared = {row.sweep_id: (row.trials, int(row.epochs)) for row in c.execute(query)}
    seconds = _measured(sweeps)
    found = {}
    for row in sweeps:
        trials, epochs = spared.get(row.id, (0, 0))
        found[row.id] = Saved(trials, epochs, epochs * seconds[row.id] if row.id in seconds else None)
    return found


def _measured(sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, float]:
    """Mean seconds of a trial's epoch, by sweep, where one was trained."""
    return {row.id: row.measured_seconds / row.measured_epochs for row in sweeps if row.measured_epochs}


def _eta(c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, float]:
    """Trial-epochs left x measured mean seconds / workers busy with the sweep (at least one)."""
    measured = _measured(sweeps)
    if not measured:
        return {}
    lefts = remaining.epochs(c, {row.id: row.stopping for row in sweeps if row.id in measured})
    busy = _busy(c, measured)
    return {id: epochs * measured[id] / max(1, busy[id]) for id, epochs in lefts.items()}


def _busy(c: Connection, ids: Collection[int]) -> dict[int, int]:
    running = (
        select(trial_group.c.sweep_id, func.count().label("groups"))
        .where(trial_group.c.sweep_id.in_(ids), trial_group.c.state == "running")
        .group_by(trial_group.c.sweep_id)
    )
    return defaultdict(int, {row.sweep_id: row.groups for row in c.execute(running)})
