"""Many processes on one database: claims, the order of change numbers, and repeated requests."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from multiprocessing.pool import AsyncResult
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from learning.errors import IdempotencyConflict
from learning.search.space import Space
from learning.settings import Settings
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db.database import Database
from store.db.tables import sweep, trial
from store.queue import claimed_groups, claims
from store.queue.epochs import EpochRow
from store.read import changes, sweeps, trials
from tests.support.queue_steps import NOW, make_epoch
from tests.support.sweeps import MakeSweep

pytestmark = pytest.mark.slow

T = TypeVar("T")
PROCESSES = 8
TRIALS = 2000


class Together:
    """Processes that begin each job at one moment; started once for all tests here."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pool = spawn.Pool(PROCESSES, initializer=_meet_at, initargs=(spawn.Barrier(PROCESSES),))

    def start(self, work: Callable[..., T], jobs: list[tuple[Any, ...]]) -> "AsyncResult[list[T]]":
        """Begins the jobs, one in each process."""
        assert len(jobs) == PROCESSES
        return self._pool.starmap_async(_Job(work), jobs, chunksize=1)

    def run(self, work: Callable[..., T], jobs: list[tuple[Any, ...]]) -> list[T]:
        """The answers of the jobs; raises the first error."""
        return self.start(work, jobs).get()

    def end(self) -> None:
        self._pool.close()
        self._pool.join()


_barrier: Any = None


def _meet_at(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


class _Job:
    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work

    def __call__(self, *arguments: Any) -> Any:
        _barrier.wait()
        return self._work(*arguments)


@pytest.fixture(scope="module")
def together() -> Iterator[Together]:
    processes = Together()
    yield processes
    processes.end()


def url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def _claim_all(address: str, worker: str) -> tuple[list[int], float]:
    """Claims until nothing is left; the trials, and the longest a claim took."""
    database = Database.open(address)
    mine: list[int] = []
    longest = 0.0
    while True:
        started = time.perf_counter()
        with database.write() as c:
            claimed = claims.claim(c, worker, NOW)
        longest = max(longest, time.perf_counter() - started)
        if claimed is None:
            database.close()
            return mine, longest
        mine += [trial.id for trial in claimed.trials]


def test_eight_processes_claim_two_thousand_trials_once_each(
    database: Database, make_sweep: MakeSweep, together: Together
) -> None:
    made = make_sweep(database, TRIALS, workers=TRIALS)  # groups of one: as many claims as trials
    answers = together.run(_claim_all, [(url(database), f"w{n}") for n in range(PROCESSES)])
    claimed = Counter(id for mine, _ in answers for id in mine)
    assert len(claimed) == TRIALS
    assert set(claimed.values()) == {1}
    with database.read() as c:
        rows = c.execute(select(trial.c.id, trial.c.worker, trial.c.state, trial.c.attempt)).all()
        assert sweeps.get(c, made.id).counts["running"] == TRIALS  # type: ignore[union-attr]
    owner = {id: f"w{n}" for n, (mine, _) in enumerate(answers) for id in mine}
    assert {row.id: row.worker for row in rows} == owner
    assert {(row.state, row.attempt) for row in rows} == {("running", 1)}
    assert max(longest for _, longest in answers) < 20  # SQLite's queue is not fair, but it moves


def _train_all(address: str, worker: str, epochs: int) -> list[tuple[int, int]]:
    """Trains until nothing is left; what was stored, as (trial, epoch)."""
    database = Database.open(address)
    stored: list[tuple[int, int]] = []
    while True:
        with database.write() as c:
            claimed = claims.claim(c, worker, NOW)
        if claimed is None:
            database.close()
            return stored
        for number in range(1, epochs + 1):
            new = [make_epoch(trial.id, number) for trial in claimed.trials]
            with database.write() as c:
                claimed_groups.record(c, claimed, new, None, NOW)
            stored += [(trial.id, number) for trial in claimed.trials]


def test_a_reader_sees_every_epoch_once_in_order_while_eight_processes_write(
    database: Database, make_sweep: MakeSweep, together: Together
) -> None:
    """Were numbers not given in commit order, the reader would pass by those that commit late."""
    make_sweep(database, 160, epochs=10, workers=80)
    writing = together.start(_train_all, [(url(database), f"w{n}", 10) for n in range(PROCESSES)])
    seen: list[EpochRow] = []
    cursor = 0
    while True:
        writing.wait(0.02)
        done = writing.ready()  # asked before reading: what is read then is all there is
        found = _read(database, cursor)
        seen += [change.row for change in found if isinstance(change.row, EpochRow)]
        assert all(a.seq < b.seq for a, b in pairwise(found))
        cursor = found[-1].seq if found else cursor
        if done and not found:
            break
    written = [pair for pairs in writing.get() for pair in pairs]
    assert len(written) == 1600
    assert sorted((row.trial_id, row.epoch) for row in seen) == sorted(written)
    assert [row.seq for row in seen] == sorted({row.seq for row in seen})


def _read(database: Database, cursor: int) -> tuple[changes.Change, ...]:
    with database.read() as c:
        return changes.list_since(c, cursor, None, 500)


def _create(address: str, digest: str) -> int | str:
    database = Database.open(address)
    new = NewSweep("same", "digits", None, Space({}), {}, "random", 0, (Settings(), Settings()))
    try:
        with database.write() as c:
            return sweep_actions.create(c, new, NOW, idempotency=("key", digest)).id
    except IdempotencyConflict:
        return "conflict"
    finally:
        database.close()


def test_one_request_sent_many_times_at_once_makes_one_sweep(database: Database, together: Together) -> None:
    answers = together.run(_create, [(url(database), "a")] * PROCESSES)
    assert answers == [1] * PROCESSES
    with database.read() as c:
        assert c.execute(select(sweep.c.id)).all() == [(1,)]
        assert len(trials.list_by_sweep(c, 1)) == 2


def test_of_two_different_requests_under_one_key_one_is_refused(
    database: Database, together: Together
) -> None:
    answers = together.run(_create, [(url(database), digest) for digest in "abababab"])
    assert sorted(map(str, answers)) == ["1"] * 4 + ["conflict"] * 4
