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
from learning.diagnosis.findings import judge_curve
from learning.settings import Settings
from learning.training import prediction
from store.config import Config
from store.db.checkpoints_and_weights import Files
from store.db.database import Database
from store.db.errors import is_outage
from store.queue import claimed_groups, claims
from store.read import curves, trials
from tests.support.rows import load_trials
from tests.support.sweeps import MakeSweep
from tests.support.worker_processes import (
    STEADY_NETS,
    count_epochs_done,
    list_epochs,
    list_workers,
    read_state,
)
from worker.heartbeat import LOST_SHARE, Heartbeat, LeaseLost
from worker.kept_models import MAX_MODELS
from worker.leases import LEASE_SECONDS
from worker.loop import TRACEBACK_LINES, Worker, describe_error

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
    work(database, home, lambda: read_state(database, sweep_id) == "finished", token)


def test_a_sweep_is_trained_and_its_best_nets_are_kept(
    database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    sweep = make_sweep(database, MAX_MODELS + 4, **NETS)
    work_to_the_end(database, home, sweep.id)
    ended = load_trials(database, sweep.id)
    assert {(trial.state, trial.attempt, trial.epochs_done) for trial in ended} == {("finished", 1, 6)}
    ranked = sorted(ended, key=lambda trial: (-(trial.best_val_acc or 0), trial.number))
    kept = {trial.id for trial in ended if trial.has_model}
    assert kept == {trial.id for trial in ranked[:MAX_MODELS]}
    assert {int(path.stem) for path in (home / "models").iterdir()} == kept
    assert not list((home / "checkpoints").iterdir())
    (worker,) = list_workers(database)
    assert worker.gone_at is not None


def test_a_kept_net_predicts_as_well_as_it_did_in_training(
    sqlite_database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    sweep = make_sweep(sqlite_database, 1, **NETS)
    work_to_the_end(sqlite_database, home, sweep.id)
    (trial,) = load_trials(sqlite_database, sweep.id)
    kept = Files(home).load_model(trial.id)
    assert kept is not None
    arrays, meta = kept
    settings = Settings.restore(meta["settings"])  # type: ignore[arg-type]
    assert settings == trial.settings
    assert meta["classes"] == list("0123456789")
    prefix = "preprocess."
    stored = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
    digits = catalog.load("digits", home, None)
    split = make_split(digits, settings)
    X = np.empty((len(split.val_rows), 64), np.float32)
    Preprocessing.from_arrays(stored).apply(digits.X_train[split.val_rows], X)
    labels = prediction.compute_scores(arrays, settings, X).argmax(axis=1)
    assert (labels == digits.y_train[split.val_rows]).mean() == pytest.approx(trial.best_val_acc)


def test_trials_that_diverge_end_so_and_the_others_go_on(
    sqlite_database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    wild = make_sweep(sqlite_database, 2, **NETS | {"lr": 1e6})
    calm = make_sweep(sqlite_database, 2, **NETS)
    work_to_the_end(sqlite_database, home, calm.id)
    assert {trial.state for trial in load_trials(sqlite_database, wild.id)} == {"diverged"}
    assert read_state(sqlite_database, wild.id) == "finished"
    assert not any(trial.has_model for trial in load_trials(sqlite_database, wild.id))


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"x"), lambda path: path.unlink()])
def test_without_its_checkpoint_a_group_starts_again_and_leaves_what_is_stored(
    sqlite_database: Database, home: Path, make_sweep: MakeSweep, damage: Callable[[Path], None]
) -> None:
    sweep = make_sweep(sqlite_database, 1, **NETS)
    work(sqlite_database, home, lambda: count_epochs_done(sqlite_database, sweep.id) >= 2, "first")
    before = list_epochs(sqlite_database, sweep.id)
    (checkpoint,) = (home / "checkpoints").rglob("*.npz")
    damage(checkpoint)
    work_to_the_end(sqlite_database, home, sweep.id, "second")
    after = list_epochs(sqlite_database, sweep.id)
    assert after[: len(before)] == before
    assert [row.epoch for row in after] == [1, 2, 3, 4, 5, 6]
    assert [trial.state for trial in load_trials(sqlite_database, sweep.id)] == ["finished"]


def test_the_rows_of_an_interrupted_run_equal_those_of_a_whole_one(
    database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    whole = make_sweep(database, 2, workers=2, **NETS)
    work_to_the_end(database, home, whole.id, "whole")
    cut = make_sweep(database, 2, workers=2, **NETS)
    for part in range(3):
        done = count_epochs_done(database, cut.id)
        work(database, home, lambda done=done: count_epochs_done(database, cut.id) > done, f"part {part}")
    work_to_the_end(database, home, cut.id, "last")
    assert [
        (row.number, row.epoch, row.loss, row.val_loss, row.trace) for row in sorted_rows(database, cut.id)
    ] == [
        (row.number, row.epoch, row.loss, row.val_loss, row.trace) for row in sorted_rows(database, whole.id)
    ]
    assert max(trial.attempt for trial in load_trials(database, cut.id)) > 1
    assert {trial.failures for trial in load_trials(database, cut.id)} == {0}


def sorted_rows(database: Database, sweep_id: int) -> list:  # type: ignore[type-arg]
    return sorted(list_epochs(database, sweep_id), key=lambda row: (row.number, row.epoch))


@pytest.mark.slow
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
        work(postgres_database, home, lambda: read_state(postgres_database, sweep.id) == "finished")
    finally:
        cut_off.set()
        chaos.join()
    assert sum(cuts) > 0
    ended = load_trials(postgres_database, sweep.id)
    assert {(trial.state, trial.epochs_done) for trial in ended} == {("finished", 40)}
    assert len(list_epochs(postgres_database, sweep.id)) == 4 * 40


CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize(
    ("silence", "lost"), [(LOST_SHARE * LEASE_SECONDS, False), (LOST_SHARE * LEASE_SECONDS + 1, True)]
)
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
            heartbeat.transact(claimed_groups.release, claim, time.time())
    else:
        heartbeat.transact(claimed_groups.release, claim, time.time())
    with sqlite_database.read() as c:
        assert bool(claimed_groups.list_beats(c)) == lost


def test_the_heartbeat_moves_the_beat_while_no_epoch_is_ready(
    sqlite_database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(sqlite_database, 1, **NETS)
    with sqlite_database.write() as c:
        claim = claims.claim(c, "worker", time.time())
    assert claim is not None

    def beat() -> int:
        with sqlite_database.read() as c:
            return claimed_groups.list_beats(c)[claim.group_id][0]

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
    lines = describe_error(caught.value).splitlines()
    assert lines[0] == "ValueError: the value is odd."
    assert lines[-1].strip().startswith("raise ValueError")
    assert len(lines) <= 1 + TRACEBACK_LINES


def test_the_verdicts_are_those_that_the_stored_curves_get(
    database: Database, home: Path, make_sweep: MakeSweep
) -> None:
    """Also of a group that was trained in two goes."""
    sweep = make_sweep(database, 1, **NETS | {"lr": 1e-9})
    wild = make_sweep(database, 1, **NETS | {"lr": 1e6})
    work(database, home, lambda: count_epochs_done(database, sweep.id) >= 4)
    work_to_the_end(database, home, wild.id, "another")
    with database.read() as c:
        for trial in (*trials.list_by_sweep(c, sweep.id), *trials.list_by_sweep(c, wild.id)):
            curve = curves.read_curve(c, trial)
            assert trial.verdict == judge_curve(curve, trial.settings, 10)
    assert [trial.verdict for trial in load_trials(database, wild.id)] == ["broke-out"]
    assert [trial.verdict for trial in load_trials(database, sweep.id)] == ["lr-too-low"]
