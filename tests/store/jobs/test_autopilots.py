"""Autopilots: each stage begins once, ends are final, deleted stages are noticed; on both databases."""

import threading

import pytest

from learning.errors import NotAllowed, NotFound
from learning.search.space import LogUniform, Space
from learning.settings import Settings
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db.database import Database
from store.jobs import autopilots, preflights, test_accuracies
from store.jobs.autopilots import Autopilot, NewAutopilot
from store.read import sweeps, trials
from tests.support.queue_steps import train_all
from tests.support.rows import load_autopilot
from tests.support.sweeps import MakeSweep

NOW = 1_700_000_100.0
SPACE = Space({"lr": LogUniform(1e-3, 1e-1)})
NEW = NewAutopilot("pilot", "digits", {"epochs": 2}, SPACE, 8, seed=3)
SETTINGS = Settings(seed=3, epochs=2)


def new_sweep(name: str = "coarse", parent_id: int | None = None) -> NewSweep:
    trials = tuple(Settings(seed=3, epochs=2, lr=lr) for lr in (1e-3, 1e-2, 1e-1))
    return NewSweep(name, "digits", None, SPACE, {"epochs": 2}, "random", 3, trials, parent_id)


def make(database: Database) -> Autopilot:
    with database.write() as c:
        return autopilots.create(c, NEW, NOW)


def due(database: Database) -> list[int]:
    with database.read() as c:
        return [row.id for row in autopilots.list_due(c)]


def begin_sweep(database: Database, seen: Autopilot, name: str = "coarse") -> bool:
    with database.write() as c:
        return autopilots.begin_sweep(c, seen, name, "because", new_sweep(name), NOW + 1)


def begin_preflight(database: Database, seen: Autopilot) -> bool:
    with database.write() as c:
        return autopilots.begin_preflight(c, seen, "preflight", "because", SETTINGS, NOW + 1)


def finish_preflight(database: Database) -> None:
    with database.write() as c:
        claimed = preflights.claim(c, "w", NOW)
        assert claimed is not None
        preflights.finish(c, claimed, NOW)


def test_a_new_one_is_due_and_as_it_was_asked_for(database: Database) -> None:
    made = make(database)
    assert load_autopilot(database, made.id) == made
    assert (made.state, made.stages, made.winner_id, made.reason) == ("running", (), None, None)
    assert (made.settings, made.space, made.trials, made.seed, made.preflight) == (
        {"epochs": 2},
        SPACE,
        8,
        3,
        True,
    )
    assert due(database) == [made.id]


def test_a_stage_is_due_again_when_it_is_over(database: Database) -> None:
    made = make(database)
    assert begin_preflight(database, made)
    [stage] = load_autopilot(database, made.id).stages
    assert (stage.number, stage.name, stage.why, stage.state, stage.is_over) == (
        0,
        "preflight",
        "because",
        "queued",
        False,
    )
    assert due(database) == []
    finish_preflight(database)
    assert due(database) == [made.id]
    assert begin_sweep(database, load_autopilot(database, made.id))
    assert due(database) == []
    train_all(database)
    assert due(database) == [made.id]
    assert [(stage.name, stage.state) for stage in load_autopilot(database, made.id).stages] == [
        ("preflight", "finished"),
        ("coarse", "finished"),
    ]


def test_a_stage_is_begun_once_however_many_try(database: Database) -> None:
    seen = make(database)
    begun: list[bool] = []
    threads = [threading.Thread(target=lambda: begun.append(begin_sweep(database, seen))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == [False] * 5 + [True]
    with database.read() as c:
        assert sweeps.list_all(c)[1] == 1
    assert not begin_preflight(database, seen)
    assert len(load_autopilot(database, seen.id).stages) == 1


def test_ends_are_final(database: Database) -> None:
    seen = make(database)
    with database.write() as c:
        assert autopilots.end(c, seen, "finished", "done", None, NOW + 9)
        assert not autopilots.end(c, seen, "failed", "again", None, NOW + 10)
    assert not begin_sweep(database, seen)
    row = load_autopilot(database, seen.id)
    assert (row.state, row.reason, row.finished_at, row.stages) == ("finished", "done", NOW + 9, ())
    assert due(database) == []


def test_the_best_is_the_best_of_all_its_searches(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 2)  # of somebody else, and as good
    seen = make(database)
    with database.read() as c:
        assert autopilots.find_best_trial(c, seen) is None
    for name in ("coarse", "fine"):
        begin_sweep(database, load_autopilot(database, seen.id), name)
        train_all(database)
    row = load_autopilot(database, seen.id)
    with database.read() as c:
        best = autopilots.find_best_trial(c, row)
    assert best is not None
    assert (best.sweep_id, best.number) == (row.sweep_ids[1], 0)  # of equals the first of the latest search


def test_stopping_ends_the_stage_too(database: Database) -> None:
    first, second = make(database), make(database)
    begin_preflight(database, first)
    begin_sweep(database, second)
    with database.write() as c:
        for created in (first, second):
            assert autopilots.stop(c, created.id, NOW + 5).state == "stopped"
        with pytest.raises(
            NotAllowed, match=rf"Autopilot {first.id} is stopped; stop needs it to be running"
        ):
            autopilots.stop(c, first.id, NOW)
        with pytest.raises(NotFound, match="no autopilot 77"):
            autopilots.stop(c, 77, NOW)
    assert load_autopilot(database, first.id).stages[0].state == "cancelled"
    assert (
        load_autopilot(database, second.id).stages[0].state == "finished"
    )  # nothing ran: nothing to wait for
    assert due(database) == []


def test_what_is_deleted_under_it_is_told(database: Database) -> None:
    seen = make(database)
    begin_sweep(database, seen)
    train_all(database)
    [sweep_id] = load_autopilot(database, seen.id).sweep_ids
    with database.write() as c:
        best = autopilots.find_best_trial(c, load_autopilot(database, seen.id))
        assert best is not None
        test_accuracies.record(c, "digits", best.id, 0.9, 100, NOW)
        autopilots.end(c, load_autopilot(database, seen.id), "finished", "done", best.id, NOW)
        sweep_actions.delete(c, sweep_id)
    row = load_autopilot(database, seen.id)
    assert (row.winner_id, row.sweep_ids, row.stages[0].state) == (None, (), None)
    with database.read() as c:
        assert test_accuracies.count(c, "digits") == 1  # a look cannot be undone


def test_a_sweep_knows_its_autopilot(database: Database, make_sweep: MakeSweep) -> None:
    other, seen = make_sweep(database, 1), make(database)
    begin_sweep(database, seen)
    with database.read() as c:
        assert autopilots.find_by_sweep(c, load_autopilot(database, seen.id).sweep_ids[0]) == seen.id
        assert autopilots.find_by_sweep(c, other.id) is None


def test_the_newest_come_first_page_by_page(database: Database) -> None:
    ids = [make(database).id for _ in range(3)]
    with database.read() as c:
        rows, total = autopilots.list_all(c, 2, 1)
    assert ([row.id for row in rows], total) == ([ids[1], ids[0]], 3)


def test_looks_are_counted_by_data_set_and_once_a_trial(database: Database, make_sweep: MakeSweep) -> None:
    first, second, other = (make_sweep(database, 1) for _ in range(3))
    with database.write() as c:
        ids = [row.id for sweep in (first, second, other) for row in trials.list_by_sweep(c, sweep.id)]
        assert test_accuracies.get(c, ids[0]) is None
        evaluation, new = test_accuracies.record(c, "digits", ids[0], 0.9, 100, NOW)
        assert (evaluation.number, evaluation.accuracy, evaluation.examples, evaluation.taken_at, new) == (
            1,
            0.9,
            100,
            NOW,
            True,
        )
        assert test_accuracies.record(c, "mine", ids[2], 0.5, 7, NOW)[0].number == 1
        assert test_accuracies.record(c, "digits", ids[1], 0.8, 100, NOW)[0].number == 2
        again, new = test_accuracies.record(c, "digits", ids[0], 0.1, 100, NOW + 9)
        assert (again, new) == (evaluation, False)
        assert test_accuracies.get(c, ids[0]) == evaluation
        assert (
            test_accuracies.count(c, "digits"),
            test_accuracies.count(c, "mine"),
            test_accuracies.count(c, "none"),
        ) == (2, 1, 0)
