"""Verdicts that are out of date: those of ended trials that other rules have judged, or nobody.

Who writes a trial's epochs writes its verdict with the version of the rules. A trial that ends otherwise, by
its user or at a rung, keeps its verdict without a version and is judged again here. A verdict depends on the
trial's own curve and settings alone; what depends on other trials is never stored.
"""

import logging
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, or_, select, update

from learning.data import catalog
from learning.diagnosis.findings import judge_curve, rules_version
from learning.errors import DatasetError
from store.config import Config
from store.db import change_counter
from store.db.database import Database
from store.db.errors import is_outage
from store.db.tables import sweep, trial
from store.read import curves, trials
from store.read.trials import Trial

log = logging.getLogger("lossdeck")

TRIALS_PER_BATCH = 100  # judged between two transactions; a curve takes about a millisecond

_OTHERS = (trial.c.verdict_rules != bindparam("rules")) & (trial.c.changed <= bindparam("start"))
_IS_STALE = (
    trial.c.finished_at.is_not(None)
    & (trial.c.epochs_done > 0)
    & or_(trial.c.verdict_rules.is_(None), _OTHERS)
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
    """Judges stale verdicts anew, in the order in which the trials changed.

    Verdicts by other rules only where they were there at its start: two versions of the program that share a
    database do not take turns for ever.
    """

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config
        self._start: int | None = None  # the last change before the first round
        self._cursor = 0  # of changes; before it nothing is stale that can be judged

    def refresh(self) -> bool:
        """Judges the next trials, except those whose data set is gone; whether there may be more."""
        with self._database.read() as c:
            newest, _ = change_counter.read(c)
            self._start = newest if self._start is None else self._start
            stale = {"rules": rules_version(), "start": self._start}
            found = c.execute(_STALE, stale | {"cursor": self._cursor}).all()
            verdicts: dict[int, str] = {}
            for dataset in {row.dataset for row in found}:
                rows = trials.get_many(c, [row.id for row in found if row.dataset == dataset]).values()
                verdicts |= _judge(c, rows, dataset, self._config)
        if verdicts:
            with self._database.write() as c:
                _write(c, verdicts, stale)
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
    verdicts = {}
    for row in rows:
        try:
            verdicts[row.id] = judge_curve(curves.read_curve(c, row), row.settings, n_classes)
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("trial %d cannot be judged: its rows are not what a trainer writes", row.id)
    return verdicts


def _write(c: Connection, verdicts: Mapping[int, str], stale: Mapping[str, object]) -> None:
    numbers = change_counter.take(c, len(verdicts))
    rows = [
        {"_id": id, "_verdict": verdict, "_seq": seq, **stale}
        for (id, verdict), seq in zip(verdicts.items(), numbers, strict=True)
    ]
    c.execute(_WRITE, rows)
