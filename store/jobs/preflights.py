"""Stores preflights: queued checks of a data set and net, claimed and written behind a fence."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, select, update

from learning.errors import NotAllowed, NotFound
from learning.preflight.check_result import Check, summarise_checks
from learning.settings import Settings
from learning.states import LIVING_TRIAL, TRIAL_STATES
from store.db import change_counter
from store.db.tables import preflight

MAX_DEATHS = 3  # of workers at one preflight, after which it fails


@dataclass(frozen=True, slots=True)
class Preflight:
    """A preflight: the checks of one data set and net, and their results so far."""

    id: int
    dataset: str
    settings: Settings
    state: str
    checks: tuple[Check, ...]
    reason: str | None  # why it failed
    attempt: int
    failures: int  # workers that died at it
    worker: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    changed: int

    @property
    def passed(self) -> bool | None:
        """Whether every check passed; None until all are done."""
        return all(check.passed for check in self.checks) if self.state == "finished" else None

    @property
    def verdict(self) -> str | None:
        """All answers in words; None until all are done."""
        return summarise_checks(self.checks) if self.state == "finished" else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed preflight. It is ours until the answer to a write says otherwise."""

    id: int
    dataset: str
    settings: Settings
    attempt: int


def create(c: Connection, dataset: str, settings: Settings, now: float) -> Preflight:
    """Queues a preflight. settings.seed must be set."""
    row = {
        "dataset": dataset,
        "settings": settings.to_dict(),
        "state": "queued",
        "checks": [],
        "attempt": 0,
        "failures": 0,
        "beat": 0,
        "created_at": now,
        "changed": change_counter.take(c)[0],
    }
    return _build_preflight(c.execute(insert(preflight).values(row).returning(*_COLUMNS)).one())


def get(c: Connection, id: int) -> Preflight | None:
    row = c.execute(select(*_COLUMNS).where(preflight.c.id == id)).one_or_none()
    return None if row is None else _build_preflight(row)


def must_get(c: Connection, id: int) -> Preflight:
    """The preflight. Raises NotFound."""
    found = get(c, id)
    if found is None:
        raise NotFound("preflight", id)
    return found


def list_all(
    c: Connection, dataset: str | None = None, limit: int = 100, offset: int = 0
) -> tuple[tuple[Preflight, ...], int]:
    """A page of the preflights (of a data set), newest first, and how many there are in all."""
    wanted = [] if dataset is None else [preflight.c.dataset == dataset]
    query = select(*_COLUMNS).where(*wanted).order_by(preflight.c.id.desc()).limit(limit).offset(offset)
    total = c.execute(select(func.count()).select_from(preflight).where(*wanted)).scalar_one()
    return tuple(_build_preflight(row) for row in c.execute(query)), total


def cancel(c: Connection, id: int, now: float) -> Preflight:
    """Cancels a queued or running preflight. Raises NotFound, NotAllowed."""
    number, *_ = change_counter.take(c)
    found = must_get(c, id)
    if TRIAL_STATES[found.state].ended:
        raise NotAllowed(found.state, "cancel", f"Preflight {id}", LIVING_TRIAL)
    _end(c, preflight.c.id == id, "cancelled", None, number, now)
    return must_get(c, id)


def claim(c: Connection, worker: str, now: float) -> Claim | None:
    """Takes the first queued preflight for this worker, from its first check on; None if there is none."""
    if c.execute(_FIRST).first() is None:  # idle workers do not wait for the change counter for nothing
        return None
    values = {"token": worker, "number": change_counter.take(c)[0], "now": now}
    row = c.execute(_CLAIM, values).one_or_none()
    return None if row is None else Claim(row.id, row.dataset, Settings.restore(row.settings), row.attempt)


def record(c: Connection, claim: Claim, check: Check) -> bool:
    """Adds a check's result. Whether the preflight is still ours."""
    number, *_ = change_counter.take(c)
    row = c.execute(select(preflight.c.checks).where(_mine(claim))).one_or_none()
    if row is None:
        return False
    checks = [*row.checks, _to_json(check)]
    c.execute(update(preflight).where(_mine(claim)).values(checks=checks, beat=_BEAT, changed=number))
    return True


def beat(c: Connection, claim: Claim) -> bool:
    """Shows that the worker lives while no check is ready. Whether the preflight is still ours."""
    return c.execute(update(preflight).where(_mine(claim)).values(beat=_BEAT)).rowcount == 1


def list_beats(c: Connection) -> dict[int, tuple[int, str]]:
    """By running preflight: a counter that rises while its worker lives, and the worker's token."""
    columns = preflight.c.id, preflight.c.beat, preflight.c.worker
    rows = c.execute(select(*columns).where(preflight.c.state == "running"))
    return {row.id: (row.beat, row.worker) for row in rows}


def finish(c: Connection, claim: Claim, now: float) -> bool:
    """Finishes it after the last check. Whether it was still ours."""
    return _end(c, _mine(claim), "finished", None, change_counter.take(c)[0], now)


def fail(c: Connection, claim: Claim, cause: str, now: float) -> bool:
    """Fails it after an exception (not because a check failed). Whether it was still ours."""
    return _end(c, _mine(claim), "failed", cause, change_counter.take(c)[0], now)


def release(c: Connection, claim: Claim, now: float) -> None:
    """Queues it again, because the worker stops by itself; no failure is counted."""
    _requeue(c, _mine(claim), change_counter.take(c)[0], fault=False)


def abandon(c: Connection, worker: str, cause: str, now: float, *, fault: bool = True) -> int:
    """Takes the preflights of a dead worker: queues them again, or fails them. Returns how many it had.

    Without `fault` its end was wanted and does not count against them.
    """
    owned = preflight.c.worker == worker, preflight.c.state == "running"
    found = c.execute(select(preflight.c.id).where(*owned)).all()
    if not found:
        return 0
    numbers = change_counter.take(c, len(found))
    held = c.execute(select(preflight.c.id, preflight.c.failures).where(*owned)).all()
    for row, number in zip(held, numbers, strict=False):
        this = preflight.c.id == row.id
        if row.failures + fault >= MAX_DEATHS:
            _end(c, this, "failed", cause, number, now)
        else:
            _requeue(c, this, number, fault=fault)
    return len(held)


_COLUMNS = [column for column in preflight.c if column.name != "beat"]
_BEAT = preflight.c.beat + 1


def _select_first() -> Select[*tuple[Any, ...]]:
    return select(preflight.c.id).where(preflight.c.state == "queued").order_by(preflight.c.id).limit(1)


_FIRST = _select_first()
# The change counter lets one claim in at a time; the condition on the state keeps it right even without that.
_CLAIM = (
    update(preflight)
    .where(
        preflight.c.id == _select_first().with_for_update(skip_locked=True).scalar_subquery(),
        preflight.c.state == "queued",
    )
    .values(
        state="running",
        worker=bindparam("token"),
        attempt=preflight.c.attempt + 1,
        beat=_BEAT,
        checks=[],  # those of an interrupted attempt are repeated: they are quick
        started_at=func.coalesce(preflight.c.started_at, bindparam("now")),
        changed=bindparam("number"),
    )
    .returning(preflight)
)


def _mine(claim: Claim) -> ColumnElement[bool]:
    """The fence: still running under the attempt of the claim."""
    return (
        (preflight.c.id == claim.id)
        & (preflight.c.state == "running")
        & (preflight.c.attempt == claim.attempt)
    )


def _end(
    c: Connection, which: ColumnElement[bool], state: str, reason: str | None, number: int, now: float
) -> bool:
    values = {"state": state, "reason": reason, "finished_at": now, "changed": number}
    return c.execute(update(preflight).where(which).values(values)).rowcount == 1


def _requeue(c: Connection, which: ColumnElement[bool], number: int, *, fault: bool) -> None:
    failures = preflight.c.failures + int(fault)
    c.execute(
        update(preflight).where(which).values(state="queued", worker=None, failures=failures, changed=number)
    )


def _build_preflight(row: Row[*tuple[Any, ...]]) -> Preflight:
    checks = tuple(_from_json(check) for check in row.checks)
    return Preflight(**{**row._mapping, "settings": Settings.restore(row.settings), "checks": checks})


def _to_json(check: Check) -> dict[str, Any]:
    """As JSON, which has no inf and no nan: these become strings."""
    curve = [[_to_json_number(x), _to_json_number(y)] for x, y in check.curve]
    figure = _to_json_number(check.figure)
    return asdict(check) | {"figure": figure, "curve": curve}  # accuracies are always finite


def _from_json(values: Mapping[str, Any]) -> Check:
    """A check from JSON; one of an earlier version has fewer fields."""
    points = {name: _read_points(values.get(name, ())) for name in ("curve", "accuracy")}
    span = tuple(values["span"]) if values.get("span") else None
    others = {"names": tuple(values.get("names", ())), "span": span, "figure": float(values["figure"])}
    return Check(**{**values, **points, **others})


def _read_points(values: Iterable[tuple[float | str, float | str]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in values)


def _to_json_number(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)
