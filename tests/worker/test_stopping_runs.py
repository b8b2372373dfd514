"""Stopping rules with real workers: killed or not, one or two, the same trials go on, with the same bits."""

import os
import random
import shutil
import signal
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from learning.search.early_stopping import parse_rule
from learning.search.space import Space
from learning.settings import Settings
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db.database import Database
from store.queue import claimed_groups, groups, workers
from store.read.trials import Trial
from tests.support.rows import load_trials
from tests.support.worker_processes import (
    STEADY_NETS,
    Start,
    list_epochs,
    wait_for_end,
    wait_until,
)

pytestmark = pytest.mark.slow

NOW = 1_700_000_000.0
TRIALS = 27
EPOCHS = 27
KILLS = 10
NETS = STEADY_NETS | {"epochs": EPOCHS, "hidden": [100], "batch_size": 50}
HALVING = {"halving": {"factor": 3, "first": 3}}
BASE = Settings.parse(NETS)
PATIENCE = {"patience": {"epochs": 3, "by": 0.01}}
DIFFERS = ("seq", "seconds")  # between two runs of the same sweep


def make(database: Database, rule: dict[str, object]) -> int:
    """A sweep over learning rates from too small to good, cut for two workers."""
    drawn = tuple(replace(BASE, lr=10 ** (-4 + 2 * n * 7 % TRIALS / TRIALS), seed=n) for n in range(TRIALS))
    new = NewSweep("ruled", "digits", None, Space({}), {}, "random", 0, drawn, stopping=parse_rule(rule))
    with database.write() as c:
        return sweep_actions.create(c, new, NOW, workers=2).id


def quiet_run(folder: Path, migrated: Path, rule: dict[str, object], start: Start, count: int) -> Database:
    """The same sweep on a home of its own, undisturbed; its database."""
    folder.mkdir()
    shutil.copy(migrated, folder)
    database = Database.open(f"sqlite:///{folder / 'lossdeck.db'}")
    id = make(database, rule)
    process = start(cwd=folder, workers=count)
    wait_for_end(database, id)
    process.terminate()
    assert process.wait(20) == 0
    return database


def victims(database: Database) -> set[int]:
    """Pids of the workers that hold a group and have stored an epoch of it."""
    with database.read() as c:
        living = [worker for worker in workers.list_all(c) if worker.gone_at is None]
        return {worker.pid for worker in living if claimed_groups.has_progressed(c, worker.token)}


def kill_at_random(database: Database, sweep_id: int) -> int:
    """Kills workers at random moments until enough have died or the sweep is over; how many."""
    draw = random.Random(7)
    killed: set[int] = set()

    def is_over() -> bool:
        return {trial.state for trial in load_trials(database, sweep_id)}.isdisjoint({"queued", "running"})

    while len(killed) < KILLS and not is_over():
        wait_until(lambda: is_over() or bool(victims(database) - killed), "a worker that has stored an epoch")
        time.sleep(draw.uniform(0, 0.05))
        if left := sorted(victims(database) - killed):
            victim = draw.choice(left)
            os.kill(victim, signal.SIGKILL)
            killed.add(victim)
    return len(killed)


def facts(database: Database) -> list[dict[str, Any]]:
    """Every epoch row without what may differ, by trial and epoch."""
    rows = [{k: v for k, v in asdict(row).items() if k not in DIFFERS} for row in list_epochs(database, 1)]
    return sorted(rows, key=lambda row: (row["number"], row["epoch"]))


def are_mixed(survivors: list[Trial]) -> bool:
    """Whether the rung has put trials of several groups into one, so that states had to be joined."""
    came_from = {n: place for place, group in enumerate(groups.split([BASE] * TRIALS, 2)) for n in group}
    cut = groups.split([BASE] * len(survivors), 2)
    return any(len({came_from[survivors[place].number] for place in group}) > 1 for group in cut)


def fates(database: Database) -> list[tuple[object, ...]]:
    ended = load_trials(database, 1)
    return [
        (trial.number, trial.state, trial.reason, trial.spared, trial.epochs_done, trial.failures)
        for trial in ended
    ]


@pytest.mark.parametrize("rule", [HALVING, PATIENCE], ids=["halving", "patience"])
def test_kills_change_neither_who_goes_on_nor_a_single_bit(
    rule: dict[str, object],
    sqlite_database: Database,
    migrated_sqlite: Path,
    start: Start,
    home: Path,
    tmp_path: Path,
) -> None:
    id = make(sqlite_database, rule)
    disturbed = start()
    killed = kill_at_random(sqlite_database, id)
    wait_for_end(sqlite_database, id)
    disturbed.terminate()
    assert disturbed.wait(20) == 0
    assert killed >= KILLS // 2
    assert sum(trial.attempt for trial in load_trials(sqlite_database, id)) > TRIALS
    with closing(quiet_run(tmp_path / "quiet", migrated_sqlite, rule, start, 2)) as quiet:
        assert fates(sqlite_database) == fates(quiet)
        assert facts(sqlite_database) == facts(quiet)
    assert [trial for trial in load_trials(sqlite_database, id) if trial.spared]
    models = sorted((home / "models").glob("[0-9]*.npz"))
    assert models
    for path in models:
        assert path.read_bytes() == (tmp_path / "quiet" / "models" / path.name).read_bytes()
    assert not list((home / "checkpoints").rglob("*.npz"))
    assert not list((tmp_path / "quiet" / "checkpoints").rglob("*.npz"))


def test_one_worker_and_two_let_the_same_trials_go_on(
    migrated_sqlite: Path, start: Start, tmp_path: Path
) -> None:
    one = quiet_run(tmp_path / "one", migrated_sqlite, HALVING, start, 1)
    two = quiet_run(tmp_path / "two", migrated_sqlite, HALVING, start, 2)
    with closing(one), closing(two):
        ended = load_trials(one, 1)
        assert Counter((trial.state, trial.epochs_done) for trial in ended) == {
            ("stopped", 3): 18,
            ("stopped", 9): 6,
            ("finished", EPOCHS): 3,
        }
        assert sum(trial.spared for trial in ended) == 18 * 24 + 6 * 18
        assert are_mixed([trial for trial in ended if trial.epochs_done > 3])
        assert fates(one) == fates(two)
        assert facts(one) == facts(two)
