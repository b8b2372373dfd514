"""Verdicts that other rules gave are given anew; what a user or a rung ended is judged on its whole curve."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Delete, Update, delete, update

from learning.diagnosis import findings
from store.actions import trial_actions
from store.config import Config
from store.db.database import Database
from store.db.tables import epoch, sweep, trial
from store.jobs import verdicts
from store.jobs.verdicts import StaleVerdicts
from tests.support.queue_steps import NOW, claim, make_epoch, record
from tests.support.rows import load_trials
from tests.support.sweeps import MakeSweep

OLD = "00000000"  # the version of other rules


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path)


def train(database: Database, verdict: str | None = None) -> None:
    """Two epochs of every trial of the next group, the last ones with this verdict."""
    claimed = claim(database)
    for number in (1, 2):
        rows = [make_epoch(trial.id, number, val_acc=0.1) for trial in claimed.trials]
        given = {trial.id: verdict for trial in claimed.trials if verdict}
        record(database, claimed, rows, verdicts=given)


def set_rules(database: Database, rules: str | None) -> None:
    with database.write() as c:
        c.execute(update(trial).values(verdict="healthy", verdict_rules=rules))


def read(database: Database) -> list[tuple[str | None, bool]]:
    return [(row.verdict, row.has_stale_verdict) for row in load_trials(database, 1)]


def test_who_writes_the_epochs_says_by_which_rules_it_judged(
    database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(database, 1, epochs=2, val_count=300)
    train(database, "too-early")
    assert read(database) == [("too-early", False)]
    assert load_trials(database, 1)[0].verdict_rules == findings.rules_version()


def test_verdicts_of_other_rules_are_given_anew_and_readers_learn_of_it(
    database: Database, make_sweep: MakeSweep, config: Config
) -> None:
    make_sweep(database, 3, epochs=2, val_count=300, workers=1)
    train(database)
    set_rules(database, OLD)
    assert read(database) == [("healthy", True)] * 3
    before = max(row.changed for row in load_trials(database, 1))
    stale = StaleVerdicts(database, config)
    assert not stale.refresh()
    assert [is_stale for _, is_stale in read(database)] == [False] * 3
    assert "healthy" not in dict(read(database))
    assert min(row.changed for row in load_trials(database, 1)) > before
    version = database.version()
    assert not stale.refresh()
    assert not StaleVerdicts(database, config).refresh()
    assert database.version() == version  # nothing more was written


def test_many_are_judged_batch_by_batch(
    database: Database, make_sweep: MakeSweep, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sweep(database, 5, epochs=2, val_count=300, workers=1)
    train(database)
    set_rules(database, None)
    monkeypatch.setattr(verdicts, "TRIALS_PER_BATCH", 2)
    monkeypatch.setattr(verdicts, "_STALE", verdicts._STALE.limit(2))
    stale = StaleVerdicts(database, config)
    rounds = 1
    while stale.refresh():
        rounds += 1
    assert rounds == 3
    assert [is_stale for _, is_stale in read(database)] == [False] * 5


def test_a_trial_that_its_user_stops_is_judged_on_its_whole_curve(
    database: Database, make_sweep: MakeSweep, config: Config
) -> None:
    make_sweep(database, 1, epochs=9, val_count=300)
    train(database, "too-early")
    assert read(database) == [("too-early", False)]  # it runs
    with database.write() as c:
        trial_actions.stop(c, 1, NOW)
    assert read(database) == [("too-early", True)]
    StaleVerdicts(database, config).refresh()
    ((verdict, is_stale),) = read(database)
    assert verdict is not None
    assert not is_stale


def test_what_runs_or_has_no_data_any_more_is_left_as_it_is(
    database: Database, make_sweep: MakeSweep, config: Config
) -> None:
    make_sweep(database, 1, epochs=9, val_count=300)
    train(database)
    set_rules(database, OLD)
    StaleVerdicts(database, config).refresh()
    assert read(database) == [("healthy", False)]
    with database.write() as c:
        trial_actions.stop(c, 1, NOW)
        c.execute(update(sweep).values(dataset="gone"))
    StaleVerdicts(database, config).refresh()
    assert read(database) == [("healthy", True)]


def test_a_verdict_can_be_read_by_todays_rules_without_being_written(
    database: Database, make_sweep: MakeSweep, config: Config
) -> None:
    make_sweep(database, 2, epochs=2, val_count=300, workers=1)
    train(database)
    set_rules(database, OLD)
    version = database.version()
    with database.read() as c:
        rows = [replace(row) for row in load_trials(database, 1)]
        found = verdicts.read_current(c, rows, "digits", config)
    assert set(found) == {1, 2}
    assert "healthy" not in found.values()
    assert database.version() == version


def test_two_versions_on_one_database_do_not_take_turns(
    database: Database, make_sweep: MakeSweep, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sweep(database, 2, epochs=2, val_count=300, workers=1)
    train(database)
    set_rules(database, OLD)
    older, newer = StaleVerdicts(database, config), StaleVerdicts(database, config)
    older.refresh()
    monkeypatch.setattr(verdicts, "rules_version", lambda: "newer")
    newer.refresh()
    version = database.version()
    for _ in range(3):
        monkeypatch.setattr(verdicts, "rules_version", findings.rules_version)
        older.refresh()
        monkeypatch.setattr(verdicts, "rules_version", lambda: "newer")
        newer.refresh()
    assert database.version() == version
    assert {row.verdict_rules for row in load_trials(database, 1)} == {"newer"}


@pytest.mark.parametrize("damage", [delete(epoch), update(epoch).values(trace=b"12")])
def test_a_trial_that_cannot_be_judged_keeps_no_other_from_it(
    database: Database,
    make_sweep: MakeSweep,
    config: Config,
    damage: Delete | Update,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_sweep(database, 3, epochs=2, val_count=300, workers=1)
    train(database)
    set_rules(database, None)
    with database.write() as c:
        c.execute(damage.where(epoch.c.trial_id == 2))
    stale = StaleVerdicts(database, config)
    assert not stale.refresh()
    assert not stale.refresh()
    assert [is_stale for _, is_stale in read(database)] == [False, True, False]
    assert len([line for line in caplog.messages if "trial 2 cannot be judged" in line]) == 1
