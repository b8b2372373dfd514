"""Verdicts that are out of date: those of ended trials that other rules have judged, or nobody.

Who writes a trial's epochs writes its verdict with the version of the rules. A trial that ends otherwise, by
its user or at a rung, keeps its verdict without a version and is judged again here. A verdict depends on the
trial's own curve and settings alone; what depends on other trials is never stored.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select, update

from learning.data import catalog
from learning.diagnosis.findings import judge_curve, rules_version
from learning.errors import DatasetError
from store.config import Config
from store.db import change_counter
from store.db.database import Database
from store.db.tables import sweep, trial
from store.read import curves, trials
from store.read.trials import Trial

TRIALS_PER_BATCH = 100  # judged between two transactions; a curve takes about a millisecond

_IS_STALE = (
    trial.c.finished_at.is_not(None)
    & (trial.c.epochs_done > 0)
    & trial.c.verdict_rules.is_distinct_from(bindparam("rules"))
)
_STALE = (
    select(trial.c.id, trial.c.changed, sweep.c.dataset)
    .join(sweep, sweep.c.id == trial.c.sweep_id)
    .where(trial.c.changed > bindparam("cursor"), _IS_STALE)
    .order_by(trial.c.changed)
    .limit(TRIALS_PER_BATCH)
)
_WRITE = (
    update(trial)
    .where(trial.c.id == bindparam("_id"), _IS_STALE)
    .values(verdict=bindparam("_verdict"), verdict_rules=bindparam("rules"), changed=bindparam("_seq"))
)


class StaleVerdicts:
    """Judges stale verdicts anew, in the order in which the trials changed."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config
        self._cursor = 0  # of changes; before it nothing is stale that can be judged

    def refresh(self) -> bool:
        """Judges the next trials, except those whose data set is gone; whether there may be more."""
        rules = rules_version()
        with self._database.read() as c:
            newest, _ = change_counter.read(c)
            found = c.execute(_STALE, {"cursor": self._cursor, "rules": rules}).all()
            verdicts: dict[int, str] = {}
            for dataset in {row.dataset for row in found}:
                rows = trials.get_many(c, [row.id for row in found if row.dataset == dataset]).values()
                verdicts |= _judge(c, rows, dataset, self._config)
        if verdicts:
            with self._database.write() as c:
                _write(c, verdicts, rules)
        more = len(found) == TRIALS_PER_BATCH
        self._cursor = found[-1].changed if more else newest
        return more


def read_current(
    c: Connection, rows: Iterable[Trial], dataset: str, config: Config
) -> Mapping[int, str | None]:
    """The verdicts of trials on a data set by id, by the rules of this program. Nothing is written."""
    rows = tuple(rows)
    stale = [row for row in rows if row.has_stale_verdict]
    return {row.id: row.verdict for row in rows} | _judge(c, stale, dataset, config)


def _judge(c: Connection, rows: Iterable[Trial], dataset: str, config: Config) -> dict[int, str]:
    try:
        n_classes = len(catalog.find_summary(dataset, config.home, config.data).classes)
    except DatasetError:  # deleted, or on another machine only
        return {}
    return {row.id: judge_curve(curves.read_curve(c, row), row.settings, n_classes) for row in rows}


def _write(c: Connection, verdicts: Mapping[int, str], rules: str) -> None:
    numbers = change_counter.take(c, len(verdicts))
    rows = [
        {"_id": id, "_verdict": verdict, "_seq": seq, "rules": rules}
        for (id, verdict), seq in zip(verdicts.items(), numbers, strict=True)
    ]
    c.execute(_WRITE, rows)
