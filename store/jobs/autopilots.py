"""Stores autopilots: searches from the first check to the winner, each stage begun only once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from learning.errors import NotAllowed, NotFound
from learning.search.space import Space
from learning.settings import Settings
from learning.states import LIVING_SWEEP, LIVING_TRIAL, SWEEP_STATES, TRIAL_STATES
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db import change_counter
from store.db.tables import autopilot, autopilot_stage, preflight, sweep, trial
from store.jobs import preflights
from store.read.trials import BEST_FIRST, IS_RANKED, Trial, get_many

UNDER_WAY = (*LIVING_TRIAL, *LIVING_SWEEP)  # states of a preflight or a sweep that has not ended


@dataclass(frozen=True, slots=True)
class NewAutopilot:
    """What the user asks for: the coarse search, and whether a preflight comes first."""

    name: str
    dataset: str
    settings: dict[str, Any]  # fixed in every search, except the epochs; in JSON form
    space: Space
    trials: int  # of the coarse search
    seed: int
    preflight: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: a preflight or a sweep, and the reason for it."""

    number: int
    name: str
    why: str
    preflight_id: int | None
    sweep_id: int | None  # both None: it was deleted
    state: str | None  # of the preflight or sweep

    @property
    def is_over(self) -> bool:
        return self.state not in UNDER_WAY


@dataclass(frozen=True, slots=True)
class Autopilot:
    """An autopilot and its progress."""

    id: int
    name: str
    dataset: str
    settings: dict[str, Any]
    space: Space
    trials: int
    seed: int
    preflight: bool
    state: str
    reason: str | None  # why it ended
    winner_id: int | None
    created_at: float
    finished_at: float | None
    changed: int
    stages: tuple[Stage, ...]

    @property
    def sweep_ids(self) -> tuple[int, ...]:
        return tuple(stage.sweep_id for stage in self.stages if stage.sweep_id is not None)


def create(c: Connection, new: NewAutopilot, now: float) -> Autopilot:
    """Stores an autopilot without a stage; the next free worker begins its first."""
    row = {
        "name": new.name,
        "dataset": new.dataset,
        "settings": new.settings,
        "space": new.space.to_dict(),
        "trials": new.trials,
        "seed": new.seed,
        "preflight": new.preflight,
        "state": "running",
        "created_at": now,
        "changed": change_counter.take(c)[0],
    }
    id: int = c.execute(insert(autopilot).values(row).returning(autopilot.c.id)).scalar_one()
    return must_get(c, id)


def get(c: Connection, id: int) -> Autopilot | None:
    rows = c.execute(select(autopilot).where(autopilot.c.id == id)).all()
    return next(iter(_build_autopilots(c, rows)), None)


def must_get(c: Connection, id: int) -> Autopilot:
    """The autopilot. Raises NotFound."""
    found = get(c, id)
    if found is None:
        raise NotFound("autopilot", id)
    return found


def list_all(c: Connection, limit: int = 100, offset: int = 0) -> tuple[tuple[Autopilot, ...], int]:
    """A page of all autopilots, newest first; and how many there are."""
    rows = c.execute(select(autopilot).order_by(autopilot.c.id.desc()).limit(limit).offset(offset)).all()
    total: int = c.execute(select(func.count()).select_from(autopilot)).scalar_one()
    return _build_autopilots(c, rows), total


def find_by_sweep(c: Connection, sweep_id: int) -> int | None:
    """The id of the autopilot that a sweep is a stage of; None if it is none."""
    query = select(autopilot_stage.c.autopilot_id).where(autopilot_stage.c.sweep_id == sweep_id)
    return c.execute(query.limit(1)).scalar_one_or_none()


def list_due(c: Connection) -> tuple[Autopilot, ...]:
    """The running autopilots that have no stage yet, or whose last stage is over."""
    running = c.execute(_RUNNING).all()
    found = _build_autopilots(c, running) if running else ()
    return tuple(row for row in found if not row.stages or row.stages[-1].is_over)


def find_best_trial(c: Connection, of: Autopilot) -> Trial | None:
    """The best ranked trial of all its searches; on a tie that of the latest search."""
    query = (
        select(trial.c.id)
        .where(trial.c.sweep_id.in_(of.sweep_ids), IS_RANKED)
        .order_by(BEST_FIRST[0], trial.c.sweep_id.desc(), *BEST_FIRST[1:])
        .limit(1)
    )
    id = c.execute(query).scalar_one_or_none()
    return get_many(c, [id])[id] if id is not None else None


def begin_preflight(
    c: Connection, seen: Autopilot, name: str, why: str, settings: Settings, now: float
) -> bool:
    """Queues a preflight as the next stage; False, and nothing is done, if it has moved on meanwhile."""
    number, *_ = change_counter.take(c)
    if not _is_unchanged(c, seen):
        return False
    made = preflights.create(c, seen.dataset, settings, now)
    _add_stage(c, seen, name, why, number, preflight_id=made.id)
    return True


def begin_sweep(
    c: Connection, seen: Autopilot, name: str, why: str, new: NewSweep, now: float, workers: int = 2
) -> bool:
    """Queues a sweep as the next stage; False, and nothing is done, if it has moved on meanwhile."""
    number, *_ = change_counter.take(c)
    if not _is_unchanged(c, seen):
        return False
    made = sweep_actions.create(c, new, now, workers=workers)
    _add_stage(c, seen, name, why, number, sweep_id=made.id)
    return True


def end(c: Connection, seen: Autopilot, state: str, reason: str, winner_id: int | None, now: float) -> bool:
    """Ends it, finished or failed; False, and nothing is done, if it has moved on meanwhile."""
    number, *_ = change_counter.take(c)
    if not _is_unchanged(c, seen):
        return False
    _end(c, seen.id, state, reason, winner_id, number, now)
    return True


def stop(c: Connection, id: int, now: float) -> Autopilot:
    """Ends it: waiting work is cancelled, running trials may finish. Raises NotAllowed, NotFound."""
    number, *_ = change_counter.take(c)
    found = must_get(c, id)
    if found.state != "running":
        raise NotAllowed(found.state, "stop", f"Autopilot {id}", ("running",))
    leader = find_best_trial(c, found)
    _end(c, id, "stopped", "It was stopped by hand.", leader.id if leader else None, number, now)
    last = found.stages[-1] if found.stages else None
    if last is None or last.state is None:
        return must_get(c, id)
    if last.preflight_id is not None and TRIAL_STATES[last.state].living:
        preflights.cancel(c, last.preflight_id, now)
    elif last.sweep_id is not None and "stop" in SWEEP_STATES[last.state].actions:
        sweep_actions.act(c, last.sweep_id, "stop", now)
    return must_get(c, id)


_RUNNING = select(autopilot).where(autopilot.c.state == "running").order_by(autopilot.c.id)
_STAGES = (
    select(autopilot_stage, preflight.c.state.label("of_preflight"), sweep.c.state.label("of_sweep"))
    .outerjoin(preflight, preflight.c.id == autopilot_stage.c.preflight_id)
    .outerjoin(sweep, sweep.c.id == autopilot_stage.c.sweep_id)
    .order_by(autopilot_stage.c.autopilot_id, autopilot_stage.c.number)
)


def _is_unchanged(c: Connection, seen: Autopilot) -> bool:
    """Whether it is still where it was when the step was decided; callers hold the change counter."""
    found = get(c, seen.id)
    return found is not None and found.state == "running" and len(found.stages) == len(seen.stages)


def _add_stage(c: Connection, seen: Autopilot, name: str, why: str, number: int, **what: int) -> None:
    row = {"autopilot_id": seen.id, "number": len(seen.stages), "name": name, "why": why, **what}
    c.execute(insert(autopilot_stage).values(row))
    c.execute(update(autopilot).where(autopilot.c.id == seen.id).values(changed=number))


def _end(
    c: Connection, id: int, state: str, reason: str, winner_id: int | None, number: int, now: float
) -> None:
    values = {
        "state": state,
        "reason": reason,
        "winner_id": winner_id,
        "finished_at": now,
        "changed": number,
    }
    c.execute(update(autopilot).where(autopilot.c.id == id).values(values))


def _build_autopilots(c: Connection, rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[Autopilot, ...]:
    stages: dict[int, list[Stage]] = {row.id: [] for row in rows}
    for row in c.execute(_STAGES.where(autopilot_stage.c.autopilot_id.in_(stages))) if rows else ():
        state = row.of_preflight or row.of_sweep
        stages[row.autopilot_id].append(
            Stage(row.number, row.name, row.why, row.preflight_id, row.sweep_id, state)
        )
    return tuple(
        Autopilot(**{**row._mapping, "space": Space.restore(row.space)}, stages=tuple(stages[row.id]))
        for row in rows
    )
