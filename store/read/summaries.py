"""What a sweep's trials add up to: counts by state, the best trial, epochs saved, time left."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from learning.states import SWEEP_STATES, TRIAL_STATES
from store.db.tables import sweep, trial
from store.read import eta, trials
from store.read.eta import Eta
from store.read.trials import Trial


@dataclass(frozen=True, slots=True)
class Savings:
    """What the sweep's stopping rule has saved."""

    trials: int  # that were stopped
    epochs: int  # that these did not train
    seconds: float | None  # of one worker for these epochs, at the sweep's mean; None: not measured


@dataclass(frozen=True, slots=True)
class Summary:
    """The sums over the trials of one sweep."""

    counts: dict[str, int]
    excluded: int
    best: Trial | None
    eta: Eta | None  # None before the first epoch
    saved: Savings


MEASURED_COLUMNS = ("measured_epochs", "measured_seconds", "measured_steps", "measured_squares")


def summarize(c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, Summary]:
    """Summaries by sweep id; a handful of statements, however many sweeps."""
    ids = [row.id for row in sweeps]
    if not ids:
        return {}
    counts, excluded = _count_states(c, ids)
    best = _find_best(c, ids)
    etas = eta.estimate(c, [row for row in sweeps if SWEEP_STATES[row.state].trains])
    saved = _sum_saved(c, sweeps)
    return {id: Summary(counts[id], excluded[id], best.get(id), etas.get(id), saved[id]) for id in ids}


def _count_states(c: Connection, ids: Collection[int]) -> tuple[dict[int, dict[str, int]], dict[int, int]]:
    counts = {id: dict.fromkeys(TRIAL_STATES, 0) for id in ids}
    excluded = dict.fromkeys(ids, 0)
    by = (trial.c.sweep_id, trial.c.state, trial.c.excluded)
    for row in c.execute(
        select(*by, func.count().label("trials")).where(trial.c.sweep_id.in_(ids)).group_by(*by)
    ):
        counts[row.sweep_id][row.state] += row.trials
        excluded[row.sweep_id] += row.trials if row.excluded else 0
    return counts, excluded


def _find_best(c: Connection, ids: Collection[int]) -> dict[int, Trial]:
    first = (
        select(trial.c.id)
        .where(trial.c.sweep_id == sweep.c.id, trials.IS_RANKED)
        .order_by(*trials.BEST_FIRST)
        .limit(1)
        .correlate(sweep)
        .scalar_subquery()
    )
    chosen = c.scalars(select(first).select_from(sweep).where(sweep.c.id.in_(ids)))
    found = trials.get_many(c, [id for id in chosen if id is not None])
    return {row.sweep_id: row for row in found.values()}


def _sum_saved(c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, Savings]:
    ruled = [row.id for row in sweeps if row.stopping is not None]
    query = (
        select(trial.c.sweep_id, func.count().label("trials"), func.sum(trial.c.spared).label("epochs"))
        .where(trial.c.sweep_id.in_(ruled), trial.c.spared > 0)
        .group_by(trial.c.sweep_id)
    )
    spared = {row.sweep_id: (row.trials, int(row.epochs)) for row in c.execute(query)}
    seconds = _mean_seconds(sweeps)
    found = {}
    for row in sweeps:
        trials, epochs = spared.get(row.id, (0, 0))
        found[row.id] = Savings(trials, epochs, epochs * seconds[row.id] if row.id in seconds else None)
    return found


def _mean_seconds(sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, float]:
    """Mean seconds of a trial's epoch, by sweep, where any epoch was trained."""
    return {row.id: row.measured_seconds / row.measured_epochs for row in sweeps if row.measured_epochs}
