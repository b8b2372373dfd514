"""Real workers take an autopilot through all its stages, through kills and restarts, and end it once."""

import os
import signal
from typing import Any

import pytest

from learning.search.recipes import plan_recipe
from learning.search.space import Space
from store.actions import sweep_actions
from store.db.database import Database
from store.jobs import autopilots, preflights, test_accuracies
from store.jobs.autopilots import Autopilot, NewAutopilot
from store.queue import claimed_groups
from store.read import sweeps
from tests.support.rows import load_autopilot
from tests.support.worker_processes import Start, list_children, wait_until

pytestmark = pytest.mark.slow

NOW = 1_700_000_100.0
RECIPE = plan_recipe("coarse", "digits", 1500)
QUICK: dict[str, Any] = {**RECIPE.settings, "momentum": 0.9, "epochs": 10}


def make(database: Database, **fields: Any) -> int:
    values = {
        "name": "pilot",
        "dataset": "digits",
        "settings": QUICK,
        "space": Space.parse(RECIPE.space),
        "trials": 16,
        "seed": 0,
    }
    with database.write() as c:
        return autopilots.create(c, NewAutopilot(**(values | fields)), NOW).id


def wait_for_end(database: Database, id: int) -> Autopilot:
    wait_until(lambda: load_autopilot(database, id).state != "running", f"autopilot {id} to end")
    return load_autopilot(database, id)


def test_it_goes_through_all_stages_to_the_test_part(sqlite_database: Database, start: Start) -> None:
    id = make(sqlite_database)
    start(workers=2)
    row = wait_for_end(sqlite_database, id)
    assert row.state == "finished", row.reason
    names = [stage.name for stage in row.stages]
    assert names[:3] == ["preflight", "coarse", "fine"]
    with sqlite_database.read() as c:
        searches = [sweeps.get(c, sweep_id) for sweep_id in row.sweep_ids]
        best = autopilots.find_best_trial(c, row)
        look = test_accuracies.get(c, row.winner_id or 0)
    assert best is not None
    assert best.id == row.winner_id
    assert (best.best_val_acc or 0) >= 0.96
    assert look is not None
    assert (look.number, look.examples) == (1, 297)
    assert look.accuracy > 0.88
    coarse, fine = searches[0], searches[1]
    assert coarse is not None
    assert fine is not None
    assert (coarse.parent_id, fine.parent_id) == (None, coarse.id)
    assert (coarse.trials, fine.trials) == (16, 8)
    assert (coarse.settings["epochs"], fine.settings["epochs"]) == (10, 20)
    assert coarse.space.to_dict()["lr"] != RECIPE.space["lr"]  # the probe's, not the recipe's


@pytest.mark.parametrize("stage", ["preflight", "coarse"])
def test_killed_workers_and_a_new_supervisor_lose_nothing(
    sqlite_database: Database, start: Start, stage: str
) -> None:
    id = make(sqlite_database, settings={**QUICK, "epochs": 60}, preflight=stage == "preflight")
    supervisor = start(workers=2)
    wait_until(lambda: bool(load_autopilot(sqlite_database, id).stages), "its first stage")
    for child in list_children(supervisor):
        os.kill(child.pid, signal.SIGKILL)
    supervisor.kill()
    supervisor.wait()
    assert [step.name for step in load_autopilot(sqlite_database, id).stages] == [stage]
    start(workers=2)
    row = wait_for_end(sqlite_database, id)
    assert row.state == "finished", row.reason
    names = [step.name for step in row.stages]
    assert len(set(names)) == len(names)
    with sqlite_database.read() as c:
        assert sweeps.list_all(c)[1] == len(row.sweep_ids)
        assert test_accuracies.count(c, "digits") == 1


def test_a_stage_that_is_cancelled_stops_it(sqlite_database: Database, start: Start) -> None:
    id = make(sqlite_database, settings={**QUICK, "epochs": 2_000}, preflight=False)
    start("--single")
    wait_until(lambda: bool(load_autopilot(sqlite_database, id).stages), "its first stage")
    with sqlite_database.write() as c:
        sweep_actions.act(c, *load_autopilot(sqlite_database, id).sweep_ids, "cancel", NOW)
    row = wait_for_end(sqlite_database, id)
    assert (row.state, row.reason) == ("stopped", "The coarse search was cancelled.")


def test_a_failed_preflight_ends_it_with_the_reason(sqlite_database: Database, start: Start) -> None:
    """Nets that are nothing but constants: no learning rate moves them."""
    id = make(sqlite_database, settings={**QUICK, "init_scale": 1e-30})
    start("--single")
    row = wait_for_end(sqlite_database, id)
    assert row.state == "failed"
    assert "The preflight did not pass, so no search was started: " in str(row.reason)
    assert [stage.name for stage in row.stages] == ["preflight"]
    with sqlite_database.read() as c:
        assert sweeps.list_all(c)[1] == 0
        assert test_accuracies.count(c, "digits") == 0


def test_one_that_was_stopped_begins_nothing_more(sqlite_database: Database, start: Start) -> None:
    id = make(sqlite_database, settings={**QUICK, "epochs": 2_000}, preflight=False)
    start("--single")
    wait_until(lambda: bool(_running(sqlite_database)), "training")
    with sqlite_database.write() as c:
        autopilots.stop(c, id, NOW)
    other = make(sqlite_database, settings=QUICK, trials=4)
    [sweep_id] = load_autopilot(sqlite_database, id).sweep_ids
    with sqlite_database.write() as c:
        if sweeps.get(c, sweep_id).state == "stopping":  # type: ignore[union-attr]
            sweep_actions.act(c, sweep_id, "cancel", NOW)
    assert wait_for_end(sqlite_database, other).state == "finished"
    assert len(load_autopilot(sqlite_database, id).stages) == 1


def test_a_data_set_that_is_gone_fails_it(sqlite_database: Database, start: Start) -> None:
    id = make(sqlite_database, dataset="nowhere")
    start("--single")
    row = wait_for_end(sqlite_database, id)
    assert (row.state, row.stages[0].state) == ("failed", "failed")
    assert row.reason == "The preflight failed, so there is nothing to go on from."
    with sqlite_database.read() as c:
        made = preflights.get(c, row.stages[0].preflight_id or 0)
    assert made is not None
    assert "nowhere" in str(made.reason)


def _running(database: Database) -> dict[int, tuple[int, str]]:
    with database.read() as c:
        return claimed_groups.list_beats(c)
