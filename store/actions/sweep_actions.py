"""What a user may do to a sweep: create, describe, pause, resume, stop, cancel, grow and delete it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy import delete as delete_from

from learning.errors import Conflict, FieldError, IdempotencyConflict, Invalid
from learning.search.early_stopping import StoppingRule
from learning.search.space import Space
from learning.settings import Settings
from learning.states import SWEEP_STATES, require_action
from store.db import change_counter
from store.db.tables import idempotency, sweep, trial, trial_group
from store.queue import sweep_state, trial_updates
from store.queue.new_trials import enqueue
from store.read import sweeps, trials
from store.read.summaries import Savings as Savings
from store.read.sweeps import Sweep
from store.read.trials import Trial


@dataclass(frozen=True, slots=True)
class NewSweep:
    """A sweep that is not stored yet, with all its trials."""

    name: str
    dataset: str
    recipe: str | None
    space: Space
    settings: dict[str, Any]  # what is fixed, in JSON form
    sampler: str
    seed: int
    trials: tuple[Settings, ...]
    parent_id: int | None = None
    stopping: StoppingRule | None = None
    features: int = 0  # of an example, for the size of the groups; 0: not known


@dataclass(frozen=True, slots=True)
class LeftoverFiles:
    """The groups and trials of a deleted sweep, whose files are still on disk."""

    group_ids: tuple[int, ...]
    trial_ids: tuple[int, ...]


def create(
    c: Connection,
    new: NewSweep,
    now: float,
    idempotency: tuple[str, str] | None = None,
    workers: int = 2,
) -> Sweep:
    """Stores a sweep with its trials and their groups, all queued.

    With `idempotency` (key, digest of the request) a repeated request returns the sweep of the first one.
    Raises IdempotencyConflict, and Invalid for a sweep without trials or with a parent that does not exist.
    """
    number, *_ = change_counter.take(c)
    if idempotency and (known := _find_known(c, *idempotency)) is not None:
        return sweeps.must_get(c, known)
    _check(c, new)
    row = _make_row(new, now, number) | {"workers": max(1, workers)}
    id: int = c.execute(insert(sweep).values(**row).returning(sweep.c.id)).scalar_one()
    enqueue(c, id, 0, new.trials, new.stopping, workers, new.features)
    if idempotency:
        _remember(c, *idempotency, sweep_id=id, now=now)
    return sweeps.must_get(c, id)


def describe(
    c: Connection,
    id: int,
    name: str | None = None,
    tags: Sequence[str] | None = None,
    notes: str | None = None,
) -> Sweep:
    """Changes a sweep's name, tags or notes; None keeps what is stored. Raises NotFound."""
    number, *_ = change_counter.take(c)
    given = {"name": name, "tags": None if tags is None else list(tags), "notes": notes}
    values = {column: value for column, value in given.items() if value is not None}
    c.execute(update(sweep).where(sweep.c.id == id).values(**values, changed=number))
    return sweeps.must_get(c, id)


def act(c: Connection, id: int, action: str, now: float) -> Sweep:
    """Pauses, resumes, stops or cancels. Raises NotAllowed, NotFound.

    pause: no new group starts. stop: queued trials are cancelled, running ones end. cancel: all end now;
    their workers learn it from the next answer of claimed_groups.record.
    """
    number, *_ = change_counter.take(c)
    require_action(SWEEP_STATES, sweeps.must_get(c, id).state, action, f"Sweep {id}")
    {"pause": _pause, "resume": _resume, "stop": _stop, "cancel": _cancel}[action](c, id, now)
    sweep_state.mark_changed(c, id, number)
    sweep_state.settle(c, id, now)
    return sweeps.must_get(c, id)


def add_trials(
    c: Connection, id: int, settings: Sequence[Settings], now: float, workers: int = 2
) -> tuple[Trial, ...]:
    """Queues more trials, numbered on; a finished sweep runs again. Raises NotAllowed, NotFound.

    Successive halving compares the new trials with each other, not with the old ones.
    """
    number, *_ = change_counter.take(c)
    found = sweeps.must_get(c, id)
    require_action(SWEEP_STATES, found.state, "add trials", f"Sweep {id}")
    start: int = c.execute(
        select(func.coalesce(func.max(trial.c.number), -1) + 1).where(trial.c.sweep_id == id)
    ).scalar_one()
    features = c.execute(select(sweep.c.features).where(sweep.c.id == id)).scalar_one()
    enqueue(c, id, start, settings, found.stopping, workers, features)
    if settings and found.state == "finished":
        c.execute(update(sweep).where(sweep.c.id == id).values(state="running", finished_at=None))
    sweep_state.mark_changed(c, id, number)
    return trials.list_by_sweep(c, id)[start:]


def delete(c: Connection, id: int) -> LeftoverFiles:
    """Deletes a sweep with its trials and epochs. Raises NotAllowed, NotFound.

    Allowed once it is finished or cancelled, or paused with no trial running. Readers with a cursor must
    start again.
    """
    change_counter.take(c)
    found = sweeps.must_get(c, id)
    require_action(SWEEP_STATES, found.state, "delete", f"Sweep {id}")
    if running := found.counts["running"]:
        raise Conflict(f"Sweep {id} still has trials running ({running}); wait for them, or cancel it.")
    groups_of = c.scalars(select(trial_group.c.id).where(trial_group.c.sweep_id == id)).all()
    trials_of = c.scalars(select(trial.c.id).where(trial.c.sweep_id == id)).all()
    c.execute(delete_from(sweep).where(sweep.c.id == id))
    change_counter.reset(c)
    return LeftoverFiles(tuple(groups_of), tuple(trials_of))


def _pause(c: Connection, id: int, now: float) -> None:
    _set_state(c, id, "paused")


def _resume(c: Connection, id: int, now: float) -> None:
    _set_state(c, id, "running")


def _stop(c: Connection, id: int, now: float) -> None:
    _set_state(c, id, "stopping")
    unstarted = sweep_state.find_unstarted(c, id)
    trial_updates.end_all(c, unstarted, "cancelled", "the sweep was stopped before it began", now)
    waiting = sweep_state.find_in_states(c, id, ("queued",))
    trial_updates.end_all(c, waiting, "stopped", "the sweep was stopped when it waited to go on", now)


def _cancel(c: Connection, id: int, now: float) -> None:
    _set_state(c, id, "cancelled", now)
    trial_updates.end_all(c, sweep_state.find_in_states(c, id), "cancelled", "the sweep was cancelled", now)


def _set_state(c: Connection, id: int, state: str, finished_at: float | None = None) -> None:
    c.execute(update(sweep).where(sweep.c.id == id).values(state=state, finished_at=finished_at))


def _find_known(c: Connection, key: str, digest: str) -> int | None:
    row = c.execute(select(idempotency).where(idempotency.c.key == key)).one_or_none()
    if row is not None and row.digest != digest:
        raise IdempotencyConflict(
            f"The Idempotency-Key {key[:80]!r} was used for another request; choose a new one."
        )
    return None if row is None else row.sweep_id


def _remember(c: Connection, key: str, digest: str, sweep_id: int, now: float) -> None:
    row = {"key": key, "digest": digest, "sweep_id": sweep_id, "created_at": now}
    c.execute(insert(idempotency), row)


def _check(c: Connection, new: NewSweep) -> None:
    if not new.trials:
        raise Invalid(FieldError("trials", 0, "A sweep needs at least one trial."))
    if new.parent_id is not None and sweeps.get(c, new.parent_id) is None:
        raise Invalid(FieldError("parent_id", new.parent_id, f"There is no sweep {new.parent_id}."))


def _make_row(new: NewSweep, now: float, number: int) -> dict[str, Any]:
    return {
        "name": new.name,
        "state": "running",
        "dataset": new.dataset,
        "recipe": new.recipe,
        "space": new.space.to_dict(),
        "settings": new.settings,
        "sampler": new.sampler,
        "seed": new.seed,
        "parent_id": new.parent_id,
        "created_at": now,
        "measured_epochs": 0,
        "measured_seconds": 0.0,
        "stopping": None if new.stopping is None else new.stopping.to_dict(),
        "features": new.features,
        "changed": number,
    }
