"""Updates of trial rows: changes of state and kept weights, each with its own change number."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from store.db import change_counter
from store.db.tables import trial


def change(c: Connection, ids: Sequence[int], **values: Any) -> None:
    """Updates trials alike, each with a change number of its own."""
    change_each(c, {id: {} for id in ids}, **values)


def change_each(c: Connection, by_id: Mapping[int, Mapping[str, Any]], **values: Any) -> None:
    """Updates trials, each with values of its own (the same columns for all) beside those for all."""
    if not by_id:
        return
    numbers = change_counter.take(c, len(by_id))
    own: dict[str, Any] = {name: bindparam(f"_{name}") for name in next(iter(by_id.values()))}
    statement = (
        update(trial).where(trial.c.id == bindparam("_id")).values(changed=bindparam("_seq"), **own, **values)
    )
    rows = [
        {"_id": id, "_seq": seq} | {f"_{name}": value for name, value in each.items()}
        for (id, each), seq in zip(by_id.items(), numbers, strict=True)
    ]
    c.execute(statement, rows)


def end_all(
    c: Connection, ids: Sequence[int], state: str, reason: str, now: float, fault: bool = False
) -> None:
    """Ends living trials together; the caller has taken the change counter and settles the sweep."""
    counted = {"failures": trial.c.failures + 1} if fault else {}
    change(c, ids, state=state, reason=reason, finished_at=now, verdict_rules=None, **counted)


def requeue(c: Connection, ids: Sequence[int], fault: bool) -> None:
    """Puts running trials back in the queue, counting a failure or not; their group is the caller's."""
    counted = {"failures": trial.c.failures + 1} if fault else {}
    change(c, ids, state="queued", worker=None, **counted)


def mark_models(c: Connection, sweep_id: int, ids: Collection[int]) -> None:
    """Records that of this sweep the weights of exactly these trials are kept."""
    change_counter.take(c)
    query = select(trial.c.id, trial.c.has_model).where(trial.c.sweep_id == sweep_id)
    wrong = [row.id for row in c.execute(query) if row.has_model != (row.id in ids)]
    change(c, wrong, has_model=~trial.c.has_model)
