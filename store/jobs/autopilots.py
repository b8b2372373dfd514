"""Owns autopilots: searches from the first check to the winner, each stage begun once (decides nothing)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from learning.errors import NotAllowed, NotFound
from learning.settings import Settings
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db import change_counter
from store.db.states import LIVING, OPEN
from store.db.tables import autopilot, autopilot_stage, preflight, sweep, trial
from store.jobs import preflights
from store.read.trials import BEST_FIRST, RANKED, Trial, by_ids

UNDER_WAY = (*LIVING, *OPEN)  # states of a preflight or a sweep that has not ended


@dataclass(frozen=True, slots=True)
class NewAutopilot:
    """What is asked for: the coarse search, and whether a preflight comes first."""

    name: str
    dataset: str
    settings: dict[str, Any]  # fixed in every search, the epochs aside
    space: dict[str, Any]
    trials: int  # of the coarse search
    seed: int
    preflight: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: a preflight or a sweep, and why it was taken."""

    number: int
    name: str
    why: str
    preflight_id: int | None
    sweep_id: int | None  # both None: it was deleted
    state: str | None  # of the preflight or sweep

    @property
    def over(self) -> bool:
        return self.state not in UNDER_WAY


@dataclass(frozen=True, slots=True)
class Autopilot:
    """One search from the first check to the last, as far as it has come."""

    id: int
    name: str
    dataset: str
    settings: dict[str, Any]
    space: dict[str, Any]
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
    """A new autopilot without a stage: the next free worker begins its first."""
    row = {
        "name": new.name,
        "dataset": new.dataset,
        "settings": new.settings,
        "space": new.space,
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
    return next(iter(_autopilots(c, c.execute(select(autopilot).where(autopilot.c.id == id)).all())), None)


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
    return _autopilots(c, rows), total


def of_sweep(c: Connection, sweep_id: int) -> int | None:
    """The autopilot that a sweep is a stage of."""
    query = select(autopilot_stage.c.autopilot_id).where(autopilot_stage.c.sweep_id == sweep_id)
    return c.execute(query.limit(1)).scalar_one_or_none()


def due(c: Connection) -> tuple[Autopilot, ...]:
    """Those that go on: no stage yet, or the last one is over."""
    running = c.execute(_RUNNING).all()
    found = _autopilots(c, running) if running else ()
    return tuple(one for one in found if not one.stages or one.stages[-1].over)


def best(c: Connection, of: Autopilot) -> Trial | None:
    """The best trial of all its searches, of equals the one of the latest; never one that is not ranked."""
    query = (
        select(trial.c.id)
        .where(trial.c.sweep_id.in_(of.sweep_ids), RANKED)
        .order_by(BEST_FIRST[0], trial.c.sweep_id.desc(), *BEST_FIRST[1:])
        .limit(1)
    )
    id = c.execute(query).scalar_one_or_none()
    return by_ids(c, [id])[id] if id is not None else None


def begin_preflight(
    c: Connection, seen: Autopilot, name: str, why: str, settings: Settings, now: float
) -> bool:
    """Queues a preflight as the next stage; False, and nothing done, if the autopilot went on without us."""
    number, *_ = change_counter.take(c)
    if not _unmoved(c, seen):
        return False
    made = preflights.create(c, seen.dataset, settings, now)
    _add(c, seen, name, why, number, preflight_id=made.id)
    return True


def begin_sweep(
    c: Connection, seen: Autopilot, name: str, why: str, new: NewSweep, now: float, workers: int = 2
) -> bool:
    """Queues a sweep as the next stage; False, and nothing done, if the autopilot went on without us."""
    number, *_ = change_counter.take(c)
    if not _unmoved(c, seen):
        return False
    made = sweep_actions.create(c, new, now, workers=workers)
    _add(c, seen, name, why, number, sweep_id=made.id)
    return True


def end(c: Connection, seen: Autopilot, state: str, reason: str, winner_id: int | None, now: float) -> bool:
    """Ends it, finished or failed; False, and nothing done, if the autopilot went on without us."""
    number, *_ = change_counter.take(c)
    if not _unmoved(c, seen):
        return False
    _end(c, seen.id, state, reason, winner_id, number, now)
    return True


def stop(c: Connection, id: int, now: float) -> Autopilot:
    """Ends it: what waits is cancelled, trials that run may end. Raises NotAllowed, NotFound."""
    number, *_ = change_counter.take(c)
    found = must_get(c, id)
    if found.state != "running":
        raise NotAllowed(found.state, "stop", f"Autopilot {id}", ("running",))
    leader = best(c, found)
    _end(c, id, "stopped", "It was stopped by hand.", leader.id if leader else None, number, now)
    last = found.stages[-1] if found.stages else None
    if last is not None and last.preflight_id is not None and last.state in LIVING:
        preflights.cancel(c, last.preflight_id, now)
    elif last is not None and last.sweep_id is not None and last.state in sweep_actions.ACTIONS["stop"]:
        sweep_actions.act(c, last.sweep_id, "stop", now)
    return must_get(c, id)


_RUNNING = select(autopilot).where(autopilot.c.state == "running").order_by(autopilot.c.id)
_STAGES = (
    select(autopilot_stage, preflight.c.state.label("of_preflight"), sweep.c.state.label("of_sweep"))
    .outerjoin(preflight, preflight.c.id == autopilot_stage.c.preflight_id)
    .outerjoin(sweep, sweep.c.id == autopilot_stage.c.sweep_id)
    .order_by(autopilot_stage.c.autopilot_id, autopilot_stage.c.number)
)


def _unmoved(c: Connection, seen: Autopilot) -> bool:
    """Whether it is still where it was when the next step was decided; only one gets in at a time."""
    found = get(c, seen.id)
    return found is not None and found.state == "running" and len(found.stages) == len(seen.stages)


def _add(c: Connection, seen: Autopilot, name: str, why: str, number: int, **what: int) -> None:
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


def _autopilots(c: Connection, rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[Autopilot, ...]:
    stages: dict[int, list[Stage]] = {row.id: [] for row in rows}
    for row in c.execute(_STAGES.where(autopilot_stage.c.autopilot_id.in_(stages))) if rows else ():
        state = row.of_preflight or row.of_sweep
        stages[row.autopilot_id].append(
            Stage(row.number, row.name, row.why, row.preflight_id, row.sweep_id, state)
        )
    return tuple(Autopilot(**row._mapping, stages=tuple(stages[row.id])) for row in rows)
