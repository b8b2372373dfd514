"""Owns what a sweep's trials add up to: counts by state, the best one, and the time that is left."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, func, select

from learning.search.early_stopping import Halving, parse
from learning.training.eta import Pace, Rest, seconds_left
from store.db.states import TRIAL_STATES
from store.db.tables import sweep, trial, trial_group
from store.read import epochs_left, trials
from store.read.trials import Trial


@dataclass(frozen=True, slots=True)
class Saved:
    """What the sweep's stopping rule has spared."""

    trials: int  # that it stopped
    epochs: int  # that they did not train
    seconds: float | None  # that those would have taken one worker, at the sweep's mean; None: not measured


@dataclass(frozen=True, slots=True)
class Eta:
    """The time that is left."""

    seconds: float  # were no trial to end early, and the workers shared evenly
    range: tuple[float, float] | None  # None while it is too early to say


@dataclass(frozen=True, slots=True)
class Summary:
    """What the trials of one sweep add up to."""

    counts: dict[str, int]
    excluded: int
    best: Trial | None
    eta: Eta | None  # None before the first epoch
    saved: Saved


MEASURED = ("measured_epochs", "measured_seconds", "measured_steps", "measured_squares")  # columns of a sweep
EARLY = ("diverged", "stopped")  # how a trial ends before it has trained all its epochs


def of(c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, Summary]:
    """Summaries by sweep id; a handful of statements, however many sweeps."""
    ids = [row.id for row in sweeps]
    if not ids:
        return {}
    counts, excluded = _counts(c, ids)
    best = _best(c, ids)
    eta = _eta(c, [row for row in sweeps if row.state in ("running", "stopping")], counts)
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


def _eta(
    c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]], counts: Mapping[int, Mapping[str, int]]
) -> dict[int, Eta]:
    """Trial-epochs left x measured mean seconds / workers busy with the sweep (at least one)."""
    paces = {row.id: Pace(*_numbers(row)) for row in sweeps if row.measured_epochs}
    if not paces:
        return {}
    lefts = epochs_left.epochs(c, {row.id: row.stopping for row in sweeps if row.id in paces})
    groups, lost = _groups(c, paces), _lost(c, [row for row in sweeps if row.id in paces], counts)
    found = {}
    for id, epochs in lefts.items():
        pace, (busy, living) = paces[id], groups[id]
        rest = Rest(epochs, living, max(1, busy), lost.get(id, 0.0))
        found[id] = Eta(epochs * pace.mean / rest.workers, seconds_left(pace, rest))
    return found


def _numbers(row: Row[*tuple[Any, ...]]) -> tuple[int, int, float, float]:
    return row.measured_steps, row.measured_epochs, row.measured_seconds, row.measured_squares


def _groups(c: Connection, ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Groups that are trained now, and all that are not over, by sweep."""
    running = func.sum(case((trial_group.c.state == "running", 1), else_=0))
    query = (
        select(trial_group.c.sweep_id, running.label("running"), func.count().label("living"))
        .where(trial_group.c.sweep_id.in_(ids), trial_group.c.state != "done")
        .group_by(trial_group.c.sweep_id)
    )
    found = {row.sweep_id: (int(row.running), row.living) for row in c.execute(query)}
    return defaultdict(lambda: (0, 0), found)


def _lost(
    c: Connection, sweeps: Sequence[Row[*tuple[Any, ...]]], counts: Mapping[int, Mapping[str, int]]
) -> dict[int, float]:
    """What share of their epochs the trials begun so far will not train, having ended early.

    Not of sweeps that halve: what that spares is foreseen in the epochs left.
    """
    ids = [row.id for row in sweeps if not isinstance(parse(row.stopping), Halving)]
    share = 1 - trial.c.epochs_done * 1.0 / trial.c.epochs_total
    query = (
        select(trial.c.sweep_id, func.sum(share).label("lost"))
        .where(trial.c.sweep_id.in_(ids), trial.c.state.in_(EARLY))
        .group_by(trial.c.sweep_id)
    )
    return {row.sweep_id: float(row.lost) / _begun(counts[row.sweep_id]) for row in c.execute(query)}


def _begun(counts: Mapping[str, int]) -> int:
    return sum(counts[state] for state in (*EARLY, "running", "finished"))
