"""Marks that workers leave on ended trials: the verdict on its curve, and whether its weights are kept."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, select, update

from learning.errors import NotAllowed as NotAllowed
from learning.errors import NotFound as NotFound
from store.db import change_counter
from store.db.tables import trial
from store.queue import transitions


def mark_models(c: Connection, sweep_id: int, ids: Collection[int]) -> None:
    """Records that of this sweep the weights of exactly these trials are kept."""
    change_counter.take(c)
    query = select(trial.c.id, trial.c.has_model).where(trial.c.sweep_id == sweep_id)
    wrong = [row.id for row in c.execute(query) if row.has_model != (row.id in ids)]
    transitions.change(c, wrong, has_model=~trial.c.has_model)


def judge(c: Connection, verdicts: Mapping[int, str]) -> None:
    """Gives trials that have none their verdicts, by id."""
    if not verdicts:
        return
    numbers = change_counter.take(c, len(verdicts))
    rows = [{"_id": id, "_verdict": code} for id, code in verdicts.items()]
    c.execute(_JUDGE, [row | {"_seq": seq} for row, seq in zip(rows, numbers, strict=True)])


_JUDGE = (
    update(trial)
    .where(trial.c.id == bindparam("_id"), trial.c.verdict.is_(None), trial.c.finished_at.is_not(None))
    .values(verdict=bindparam("_verdict"), changed=bindparam("_seq"))
)
