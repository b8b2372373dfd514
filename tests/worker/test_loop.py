"""The worker's loop and the run of a group, in this process, on both databases."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from learning.data import catalog
from learning.data.dataset import make_split
from learning.data.preprocessing import Preprocessing
from learning.diagnosis.findings import verdict
from learning.settings import Settings
from learning.training import prediction
from store.config import Config
from store.db.database import Database
from store.db.errors import is_outage
from store.db.weight_files import Files
from store.queue import claims, fence
from store.read import curves, trials
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import (
    STEADY_NETS,
    epochs_done,
    known_workers,
    rows_of,
    state_of,
    trials_of,
)
from worker.heartbeat import SURE, Heartbeat, LeaseLost
from worker.leases import LEASE
from worker.loop import LAST_LINES, Worker, cause
from worker.models import KEPT

NETS = STEADY_NETS | {"epochs": 6, "hidden": [20]}


class Until:
    """A wish to end that comes true with a condition; an outage is not the end."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition

    def __bool__(self) -> bool:
        try:
            return self._condition()
        except Exception as error:
            if not is_outage(error):
                raise
            return False

    def wait(self, seconds: float) -> bool:
        time.sleep(min(seconds, 0.01))
        return bool(self)


def work(database: Database, home: Path, until: Callable[[], bool], token: str = "worker") -> None:
    Worker(database, Config(home=home), token, Until(until)).work()  # type: ignore[arg-type]


def work_to_the_end(database: Database, home: Path, sweep_id: int, token: str = "worker") -> None:
    work(database, home, lambda: state_of(database, sweep_id) == "finished", token)


def test_a_sweep_is_trained_and_its_best_nets_are_kept(
    database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    sweep = make_sweep(database, KEPT + 4, **NETS)
    work_to_the_end(database, home, sweep.id)
    ended = trials_of(database, sweep.id)
    assert {(one.state, one.attempt, one.epochs_done) for one in ended} == {("finished", 1, 6)}
    ranked = sorted(ended, key=lambda one: (-(one.best_val_acc or 0), one.number))
    kept = {one.id for one in ended if one.has_model}
    assert kept == {one.id for one in ranked[:KEPT]}
    assert {int(path.stem) for path in (home / "models").iterdir()} == kept
    assert not list((home / "checkpoints").iterdir())
    (worker,) = known_workers(database)
    assert worker.gone_at is not None


def test_a_kept_net_predicts_as_well_as_it_did_in_training(
    sqlite_database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    sweep = make_sweep(sqlite_database, 1, **NETS)
    work_to_the_end(sqlite_database, home, sweep.id)
    (one,) = trials_of(sqlite_database, sweep.id)
    kept = Files(home).load_model(one.id)
    assert kept is not None
    arrays, meta = kept
    settings = Settings.parse(meta["settings"])  # type: ignore[arg-type]
    assert settings.to_dict() == one.settings
    assert meta["classes"] == list("0123456789")
    prefix = "preprocess."
    stored = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
    digits = catalog.load("digits", home, None)
    split = make_split(digits, settings)
    X = np.empty((len(split.val_rows), 64), np.float32)
    Preprocessing.from_arrays(stored).apply(digits.X_train[split.val_rows], X)
    labels = prediction.scores(arrays, settings, X).argmax(axis=1)
    assert (labels == digits.y_train[split.val_rows]).mean() == pytest.approx(one.best_val_acc)


def test_trials_that_diverge_end_so_and_the_others_go_on(
    sqlite_database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    wild = make_sweep(sqlite_database, 2, **NETS | {"lr": 1e6})
    calm = make_sweep(sqlite_database, 2, **NETS)
    work_to_the_end(sqlite_database, home, calm.id)
    assert {one.state for one in trials_of(sqlite_database, wild.id)} == {"diverged"}
    assert state_of(sqlite_database, wild.id) == "finished"
    assert not any(one.has_model for one in trials_of(sqlite_database, wild.id))


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"x"), lambda path: path.unlink()])
def test_without_its_checkpoint_a_group_starts_again_and_leaves_what_is_stored(
    sqlite_database: Database, home: Path, make_sweep: MakeSweep, damage: Callable[[Path], None]
) -> None:
    sweep = make_sweep(sqlite_database, 1, **NETS)
    work(sqlite_database, home, lambda: epochs_done(sqlite_database, sweep.id) >= 2, "first")
    before = rows_of(sqlite_database, sweep.id)
    (checkpoint,) = (home / "checkpoints").rglob("*.npz")
    damage(checkpoint)
    work_to_the_end(sqlite_database, home, sweep.id, "second")
    after = rows_of(sqlite_database, sweep.id)
    assert after[: len(before)] == before
    assert [row.epoch for row in after] == [1, 2, 3, 4, 5, 6]
    assert [one.state for one in trials_of(sqlite_database, sweep.id)] == ["finished"]


def test_the_rows_of_an_interrupted_run_equal_those_of_a_whole_one(
    database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    whole = make_sweep(database, 2, workers=2, **NETS)
    work_to_the_end(database, home, whole.id, "whole")
    cut = make_sweep(database, 2, workers=2, **NETS)
    for part in range(3):
        done = epochs_done(database, cut.id)
        work(database, home, lambda done=done: epochs_done(database, cut.id) > done, f"part {part}")
    work_to_the_end(database, home, cut.id, "last")
    assert [
        (row.number, row.epoch, row.loss, row.val_loss, row.trace) for row in sorted_rows(database, cut.id)
    ] == [
        (row.number, row.epoch, row.loss, row.val_loss, row.trace) for row in sorted_rows(database, whole.id)
    ]
    assert max(one.attempt for one in trials_of(database, cut.id)) > 1
    assert {one.failures for one in trials_of(database, cut.id)} == {0}


def sorted_rows(database: Database, sweep_id: int) -> list:  # type: ignore[type-arg]
    return sorted(rows_of(database, sweep_id), key=lambda row: (row.number, row.epoch))


@pytest.mark.postgres
def test_lost_connections_cost_no_epoch_and_no_trial(
    postgres_database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    sweep = make_sweep(postgres_database, 4, **NETS | {"epochs": 40})
    cut_off = threading.Event()
    cuts = []

    def cut() -> None:
        url = postgres_database.url.render_as_string(hide_password=False)
        with closing(Database.open(url)) as other:
            while not cut_off.wait(0.05):
                with other.write() as c:
                    cuts.append(c.execute(CUT).rowcount)

    chaos = threading.Thread(target=cut)
    chaos.start()
    try:
        work(postgres_database, home, lambda: state_of(postgres_database, sweep.id) == "finished")
    finally:
        cut_off.set()
        chaos.join()
    assert sum(cuts) > 0
    ended = trials_of(postgres_database, sweep.id)
    assert {(one.state, one.epochs_done) for one in ended} == {("finished", 40)}
    assert len(rows_of(postgres_database, sweep.id)) == 4 * 40


CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize(("silence", "lost"), [(SURE * LEASE, False), (SURE * LEASE + 1, True)])
def test_a_worker_that_reached_nobody_for_most_of_the_lease_stops_writing(
    sqlite_database: Database, make_sweep: MakeSweep, silence: float, lost: bool
) -> None:
    make_sweep(sqlite_database, 1, **NETS)
    with sqlite_database.write() as c:
        claim = claims.claim(c, "worker", time.time())
    assert claim is not None
    times = [100.0]
    heartbeat = Heartbeat(sqlite_database, claim, clock=lambda: times[-1])
    times.append(100.0 + silence)
    if lost:
        with pytest.raises(LeaseLost, match="out of reach"):
            heartbeat.ask(fence.release, claim, time.time())
    else:
        heartbeat.ask(fence.release, claim, time.time())
    with sqlite_database.read() as c:
        assert bool(fence.beats(c)) == lost


def test_the_heartbeat_moves_the_beat_while_no_epoch_is_ready(
    sqlite_database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(sqlite_database, 1, **NETS)
    with sqlite_database.write() as c:
        claim = claims.claim(c, "worker", time.time())
    assert claim is not None

    def beat() -> int:
        with sqlite_database.read() as c:
            return fence.beats(c)[claim.group_id][0]

    first = beat()
    with Heartbeat(sqlite_database, claim, lease=0.05):
        deadline = time.monotonic() + 20
        while beat() < first + 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_cause_is_one_line_and_the_end_of_the_traceback() -> None:
    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        raise ValueError("the value is odd.")

    with pytest.raises(ValueError, match="odd") as caught:
        deep(50)
    lines = cause(caught.value).splitlines()
    assert lines[0] == "ValueError: the value is odd."
    assert lines[-1].strip().startswith("raise ValueError")
    assert len(lines) <= 1 + LAST_LINES


def test_the_verdicts_are_those_that_the_stored_curves_get(
    database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    """Also of a group that was trained in two goes."""
    sweep = make_sweep(database, 1, **NETS | {"lr": 1e-9})
    wild = make_sweep(database, 1, **NETS | {"lr": 1e6})
    work(database, home, lambda: epochs_done(database, sweep.id) >= 4)
    work_to_the_end(database, home, wild.id, "another")
    with database.read() as c:
        for one in (*trials.of_sweep(c, sweep.id), *trials.of_sweep(c, wild.id)):
            curve = curves.of_trial(c, one)
            assert one.verdict == verdict(curve, Settings.parse(one.settings), 10)
    assert [one.verdict for one in trials_of(database, wild.id)] == ["broke-out"]
    assert [one.verdict for one in trials_of(database, sweep.id)] == ["lr-too-low"]
