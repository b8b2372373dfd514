"""Sweeps and trials: what a user may do, what follows, and what the summaries say."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from learning.errors import IdempotencyConflict, Invalid, NotAllowed, NotFound
from learning.search.space import Choice, LogUniform, Space
from learning.settings import Settings
from store.actions import sweep_actions, trial_actions
from store.actions.sweep_actions import NewSweep
from store.db import tables
from store.db.database import Database
from store.queue import epochs, groups, trial_updates
from store.read import related_sweeps, sweeps, training_speed, trials
from store.read.sweeps import Sweep
from tests.support.queue_steps import NOW, claim, make_epoch, nothing_to_claim, record, train, train_all
from tests.support.rows import load_sweep, load_trials
from tests.support.sweeps import MakeSweep


def act(database: Database, id: int, action: str) -> Sweep:
    with database.write() as c:
        return sweep_actions.act(c, id, action, NOW)


def counted(sweep: Sweep) -> dict[str, int]:
    return {state: count for state, count in sweep.counts.items() if count}


def test_a_new_sweep_has_its_trials_queued_in_order(database: Database) -> None:
    drawn = tuple(replace(Settings(epochs=3), lr=10.0**-n, seed=n) for n in range(3))
    space = Space({"lr": LogUniform(1e-6, 1e-3), "update": Choice(("adam",))})
    with database.write() as c:
        made = sweep_actions.create(
            c, NewSweep("coarse", "digits", "coarse", space, {"epochs": 3}, "sobol", 2**53 - 1, drawn), NOW
        )
    assert load_sweep(database, made.id) == made
    assert (made.state, made.created_at, made.started_at, made.finished_at) == ("running", NOW, None, None)
    assert (made.name, made.dataset, made.recipe, made.sampler) == ("coarse", "digits", "coarse", "sobol")
    assert (made.seed, made.parent_id) == (2**53 - 1, None)
    assert made.space == space
    assert made.settings == {"epochs": 3}
    assert list(made.counts) == [
        "queued",
        "running",
        "finished",
        "stopped",
        "diverged",
        "cancelled",
        "failed",
    ]
    assert (made.trials, counted(made), made.best, made.eta_seconds) == (3, {"queued": 3}, None, None)
    stored = load_trials(database, made.id)
    assert [trial.settings for trial in stored] == list(drawn)
    assert [(trial.number, trial.attempt, trial.failures) for trial in stored] == [
        (0, 0, 0),
        (1, 0, 0),
        (2, 0, 0),
    ]


def test_a_sweep_without_trials_or_with_an_unknown_parent_is_refused(database: Database) -> None:
    new = NewSweep("a", "digits", None, Space({}), {}, "random", 0, ())
    for bad, field in ((new, "trials"), (replace(new, trials=(Settings(),), parent_id=7), "parent_id")):
        with database.write() as c, pytest.raises(Invalid) as caught:
            sweep_actions.create(c, bad, NOW)
        assert caught.value.errors[0].field == field


def test_pause_starts_nothing_new_and_lets_run_what_runs(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 2)
    claimed = claim(database)
    assert act(database, made.id, "pause").state == "paused"
    assert nothing_to_claim(database)
    train(database, claimed)
    assert load_sweep(database, made.id).state == "paused"
    assert act(database, made.id, "resume").state == "running"
    train_all(database)
    assert load_sweep(database, made.id).state == "finished"


def test_stop_cancels_the_queued_and_lets_the_running_end(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 3)
    claimed = claim(database)
    stopped = act(database, made.id, "stop")
    assert (stopped.state, counted(stopped)) == ("stopping", {"running": 1, "cancelled": 2})
    assert nothing_to_claim(database)
    train(database, claimed)
    ended = load_sweep(database, made.id)
    assert (ended.state, ended.finished_at, counted(ended)) == (
        "finished",
        NOW,
        {"finished": 1, "cancelled": 2},
    )


def test_stop_with_nothing_running_finishes_at_once(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 3)
    act(database, made.id, "pause")
    assert act(database, made.id, "stop").state == "finished"


def test_cancel_ends_everything_and_the_worker_learns_it_from_its_next_answer(
    database: Database, make_sweep: MakeSweep
) -> None:
    made = make_sweep(database, 3)
    claimed = claim(database)
    assert record(database, claimed, 1)
    ended = act(database, made.id, "cancel")
    assert (ended.state, ended.finished_at, counted(ended)) == ("cancelled", NOW, {"cancelled": 3})
    assert record(database, claimed, 2) == frozenset()
    assert nothing_to_claim(database)
    with database.read() as c:
        assert len(epochs.list_by_trial(c, claimed.trials[0].id)) == 1
        assert c.scalar(select(func.count()).where(tables.trial_group.c.state != "done")) == 0


ALLOWED = {
    "running": {"pause", "stop", "cancel"},
    "paused": {"resume", "stop", "cancel"},
    "stopping": {"cancel"},
    "finished": set(),
    "cancelled": set(),
}


@pytest.mark.parametrize("action", ["pause", "resume", "stop", "cancel"])
@pytest.mark.parametrize("state", ALLOWED)
def test_what_a_state_allows(
    sqlite_database: Database, make_sweep: MakeSweep, state: str, action: str
) -> None:
    database = sqlite_database
    made = make_sweep(database, 2)
    if state == "stopping":
        claim(database)
    way = {"paused": "pause", "stopping": "stop", "finished": "stop", "cancelled": "cancel"}
    if state in way:
        assert act(database, made.id, way[state]).state == state
    if action in ALLOWED[state]:
        assert act(database, made.id, action).state != state
        return
    before = load_sweep(database, made.id)
    with pytest.raises(NotAllowed, match=f"Sweep {made.id} is {state}; {action} needs it to be ") as caught:
        act(database, made.id, action)
    assert (caught.value.state, caught.value.action) == (state, action)
    assert load_sweep(database, made.id) == before


def test_what_does_not_exist_is_said_to(database: Database) -> None:
    assert get_or_none(database, 9) is None
    with pytest.raises(NotFound, match=r"There is no sweep 9\."):
        act(database, 9, "pause")
    with database.write() as c, pytest.raises(NotFound, match=r"There is no trial 9\."):
        trial_actions.stop(c, 9, NOW)
    with database.write() as c, pytest.raises(NotFound):
        trial_actions.exclude(c, 9, True)
    with database.write() as c, pytest.raises(NotFound):
        sweep_actions.describe(c, 9, "a")


def get_or_none(database: Database, id: int) -> Sweep | None:
    with database.read() as c:
        return sweeps.get(c, id)


def test_a_trial_is_stopped_running_or_queued_and_no_other(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 2)
    claimed = claim(database)
    record(database, claimed, 1)
    running, queued = load_trials(database, made.id)
    for target in (running, queued):
        with database.write() as c:
            stopped = trial_actions.stop(c, target.id, NOW)
        assert (stopped.state, stopped.reason, stopped.finished_at) == ("stopped", "stopped by hand", NOW)
    assert record(database, claimed, 2) == frozenset()
    ended = load_sweep(database, made.id)
    assert (ended.state, counted(ended)) == ("finished", {"stopped": 2})
    assert ended.best is not None
    assert (ended.best.id, ended.best.epochs_done) == (running.id, 1)
    with database.write() as c, pytest.raises(NotAllowed, match="Trial 0 of sweep 1 is stopped; stop needs"):
        trial_actions.stop(c, running.id, NOW)


def test_retry_trains_a_trial_again_from_the_start(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 2, workers=2)
    claimed = claim(database)
    record(database, claimed, 1)
    act(database, made.id, "cancel")
    key = claimed.trials[0].id
    with database.write() as c:
        again = trial_actions.retry(c, key, NOW)
    assert (again.state, again.epochs_done, again.best_val_acc, again.last) == ("queued", 0, None, None)
    assert (load_sweep(database, made.id).state, load_sweep(database, made.id).finished_at) == (
        "running",
        None,
    )
    second = claim(database)
    assert [(trial.id, trial.attempt, trial.epochs_done) for trial in second.trials] == [(key, 2, 0)]
    assert record(database, claimed, 2) == frozenset()
    train(database, second)
    with database.read() as c:
        assert [row.epoch for row in epochs.list_by_trial(c, key)] == [1, 2, 3, 4, 5]
    assert load_sweep(database, made.id).state == "finished"


def test_what_may_be_retried(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 2)
    train(database, claim(database))
    finished, queued = load_trials(database, made.id)
    for target in (finished, queued):
        with database.write() as c, pytest.raises(NotAllowed, match=f"is {target.state}; retry needs"):
            trial_actions.retry(c, target.id, NOW)


def test_excluded_trials_are_not_best_until_they_are_included(
    database: Database, make_sweep: MakeSweep
) -> None:
    made = make_sweep(database, 2, workers=2)
    pair = [claim(database), claim(database)]
    for claimed, accuracy in zip(pair, (0.9, 0.5), strict=True):
        record(database, claimed, [make_epoch(claimed.trials[0].id, 1, val_acc=accuracy)])
    first, second = load_trials(database, made.id)

    def best() -> tuple[int | None, int]:
        found = load_sweep(database, made.id)
        return found.best and found.best.number, found.excluded

    assert best() == (0, 0)
    with database.write() as c:
        assert trial_actions.exclude(c, first.id, True).excluded
    assert best() == (1, 1)
    with database.write() as c:
        trial_actions.exclude(c, second.id, True)
    assert best() == (None, 2)
    with database.write() as c:
        trial_actions.exclude(c, first.id, False)
    assert best() == (0, 1)


def test_equal_trials_rank_by_number(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 3)
    train_all(database)
    with database.read() as c:
        assert [trial.number for trial in trials.list_model_candidates(c, made.id, 2)] == [0, 1]
    best = load_sweep(database, made.id).best
    assert best is not None
    assert best.number == 0


def test_the_time_left_is_measured(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 4, epochs=10)
    claims = [claim(database), claim(database)]
    assert load_sweep(database, made.id).eta_seconds is None
    for claimed in claims:
        record(database, claimed, [make_epoch(claimed.trials[0].id, 1, seconds=2.0)])
    assert load_sweep(database, made.id).eta_seconds == pytest.approx(38 * 2.0 / 2)
    assert load_sweep(database, made.id).eta_range is None  # after two steps it is too early
    for number in (2, 3):
        for claimed in claims:
            record(database, claimed, [make_epoch(claimed.trials[0].id, number, seconds=2.0)])
    assert load_sweep(database, made.id).eta_range == pytest.approx(
        (34 * 2.0 / 2 / 1.1, (34 * 2.0 / 2 + 34 * 2.0 / 4 / 2) * 1.1)  # of four groups one may be left alone
    )
    act(database, made.id, "pause")
    assert load_sweep(database, made.id).eta_seconds is None
    assert load_sweep(database, made.id).eta_range is None
    act(database, made.id, "cancel")
    assert load_sweep(database, made.id).eta_seconds is None


def test_trials_that_diverge_may_shorten_the_time_left(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 4, epochs=10)
    first = claim(database)
    for number in range(1, 6):
        record(database, first, [make_epoch(first.trials[0].id, number, seconds=2.0)])
    assert load_sweep(database, made.id).eta_range == pytest.approx((35 * 2.0 / 1.1, 35 * 2.0 * 1.1))
    record(database, first, [make_epoch(first.trials[0].id, 6, seconds=2.0, diverged="inf")])
    claim(database)
    assert load_sweep(database, made.id).eta_range == pytest.approx((0.8 * 30 * 2.0 / 1.1, 30 * 2.0 * 1.1))


def test_trials_are_added_with_the_next_numbers(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 2)
    train_all(database)
    assert load_sweep(database, made.id).state == "finished"
    with database.write() as c:
        added = sweep_actions.add_trials(c, made.id, (Settings(epochs=1), Settings(epochs=2)), NOW)
    assert [(trial.number, trial.state, trial.epochs_total) for trial in added] == [
        (2, "queued", 1),
        (3, "queued", 2),
    ]
    assert load_sweep(database, made.id).state == "running"
    train_all(database)
    assert counted(load_sweep(database, made.id)) == {"finished": 4}
    act_and_refuse(database, make_sweep)


def act_and_refuse(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 1)
    act(database, made.id, "cancel")
    with database.write() as c, pytest.raises(NotAllowed, match="is cancelled; add trials needs"):
        sweep_actions.add_trials(c, made.id, (Settings(),), NOW)


def test_a_deleted_sweep_leaves_nothing_and_its_id_is_not_used_again(
    database: Database, make_sweep: MakeSweep
) -> None:
    kept = make_sweep(database, 1)
    made = make_sweep(database, 2)
    with database.write() as c, pytest.raises(NotAllowed, match="is running; delete needs it to be"):
        sweep_actions.delete(c, made.id)
    train_all(database)
    ids = {trial.id for trial in load_trials(database, made.id)}
    with database.write() as c:
        removed = sweep_actions.delete(c, made.id)
    assert set(removed.trial_ids) == ids
    assert len(removed.group_ids) == 2
    assert get_or_none(database, made.id) is None
    with database.read() as c:
        assert c.scalar(select(func.count()).select_from(tables.trial)) == 1
        assert c.scalar(select(func.count()).select_from(tables.epoch)) == 5
    new = make_sweep(database, 1)
    assert new.id > made.id
    assert load_trials(database, new.id)[0].id > max(ids)
    assert load_sweep(database, kept.id).counts["finished"] == 1


def test_a_child_outlives_its_parent(database: Database, make_sweep: MakeSweep) -> None:
    parent = make_sweep(database, 1)
    act(database, parent.id, "cancel")
    new = NewSweep("fine", "digits", None, Space({}), {}, "random", 0, (Settings(),), parent_id=parent.id)
    with database.write() as c:
        child = sweep_actions.create(c, new, NOW)
    assert child.parent_id == parent.id
    with database.write() as c:
        sweep_actions.delete(c, parent.id)
    assert load_sweep(database, child.id).parent_id is None


def test_sweeps_are_listed_newest_first(database: Database, make_sweep: MakeSweep) -> None:
    ids = [make_sweep(database, 1).id for _ in range(5)]
    with database.read() as c:
        found, total = sweeps.list_all(c, 2, 1)
    assert ([trial.id for trial in found], total) == ([ids[3], ids[2]], 5)


def test_a_sweep_is_renamed(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 1)
    with database.write() as c:
        assert sweep_actions.describe(c, made.id, "another <b>name</b>").name == "another <b>name</b>"
    assert load_sweep(database, made.id).changed > made.changed


def test_tags_and_notes_change_one_by_one(database: Database, make_sweep: MakeSweep) -> None:
    id = make_sweep(database, 1).id
    assert load_sweep(database, id).tags == ()
    with database.write() as c:
        sweep_actions.describe(c, id, tags=["a", "b"])
        sweep_actions.describe(c, id, notes="# Why\n\nbecause")
        after = sweep_actions.describe(c, id, name="new")
        assert (after.name, after.tags, sweeps.get_notes(c, id)) == ("new", ("a", "b"), "# Why\n\nbecause")
        assert sweep_actions.describe(c, id, tags=[], notes="").tags == ()
        assert sweeps.get_notes(c, id) == ""


def test_a_repeated_request_gives_the_first_sweep(database: Database) -> None:
    new = NewSweep("a", "digits", None, Space({}), {}, "random", 0, (Settings(),))
    with database.write() as c:
        first = sweep_actions.create(c, new, NOW, ("key", "digest"))
        assert sweep_actions.create(c, new, NOW, ("key", "digest")) == first
        assert sweep_actions.create(c, new, NOW, ("other", "digest")).id != first.id
    with (
        database.write() as c,
        pytest.raises(IdempotencyConflict, match="'key' was used for another"),
    ):
        sweep_actions.create(c, new, NOW, ("key", "another digest"))


def test_kept_weights_are_marked_on_exactly_these_trials(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 3)
    a, b, c_ = (trial.id for trial in load_trials(database, made.id))
    for keep in ({a, b}, {b, c_}):
        with database.write() as c:
            trial_updates.mark_models(c, made.id, keep)
        assert {trial.id for trial in load_trials(database, made.id) if trial.has_model} == keep


def test_speed_is_that_of_stored_epochs(database: Database, make_sweep: MakeSweep) -> None:
    with database.read() as c:
        assert training_speed.measure_flops_per_second(c, lambda dataset, settings: 1.0) is None
    make_sweep(database, 2)
    train_all(database)  # 10 epochs of 0.5 s
    with database.read() as c:
        assert training_speed.measure_flops_per_second(c, lambda dataset, settings: 100.0) == pytest.approx(
            200.0
        )
        assert training_speed.measure_flops_per_second(c, lambda dataset, settings: None) is None


@pytest.mark.parametrize(
    ("count", "workers", "sizes"),
    [
        (1, 2, [1]),
        (3, 2, [2, 1]),
        (4, 2, [2, 2]),
        (23, 2, [12, 11]),
        (33, 2, [9, 8, 8, 8]),
        (50, 2, [13, 12, 7, 6, 6, 6]),
        (100, 2, [16] * 4 + [9] * 4),
        (100, 8, [7, 6, 6, 6] * 4),
        (13, 1, [13]),
        (17, 1, [9, 8]),
        (40, 1, [16, 12, 12]),
    ],
)
def test_groups_become_smaller_towards_the_end_and_are_as_many_for_each_worker(
    count: int, workers: int, sizes: list[int]
) -> None:
    cut = groups.split([Settings()] * count, workers)
    assert [len(group) for group in cut] == sizes
    assert [position for group in cut for position in group] == list(range(count))


@pytest.mark.parametrize(
    ("features", "hidden", "size"),
    [
        (64, (50,), 16),
        (784, (50,), 16),
        (3072, (50,), 8),
        (3072, (100,), 4),
        (3072, (400,), 2),
        (3072, (4096,), 2),
        (0, (400,), 16),
    ],
)
def test_wide_nets_are_stacked_in_smaller_groups(features: int, hidden: tuple[int, ...], size: int) -> None:
    cut = groups.split([Settings(hidden=hidden)] * 64, 2, features)
    assert max(len(group) for group in cut) == size


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (16, [8, 8]),
        (20, [10, 10]),
        (24, [6] * 4),
        (33, [9, 8, 8, 8]),
        (50, [7, 6, 7, 6, 6, 6, 6, 6]),
        (100, [8] * 8 + [6] * 6),
    ],
)
def test_no_last_round_is_cut_too_small_to_be_worth_its_stack(count: int, sizes: list[int]) -> None:
    assert [len(group) for group in groups.split([Settings()] * count, 2, 3072)] == sizes


def test_only_trials_that_fit_one_stack_share_a_group() -> None:
    mixed = [Settings(hidden=(50,) if n % 3 else (100,), lr=10.0**-n) for n in range(30)]
    cut = groups.split(mixed)
    assert sorted(position for group in cut for position in group) == list(range(30))
    assert all(len({mixed[position].group_key() for position in group}) == 1 for group in cut)
    assert len(cut) == 3  # a share of the two for each kind, rounded up


def test_a_family_is_all_that_came_from_the_first_ancestor(database: Database) -> None:
    def made(parent: int | None) -> int:
        new = NewSweep("one", "digits", None, Space({}), {}, "random", 0, (Settings(seed=1),), parent)
        with database.write() as c:
            return sweep_actions.create(c, new, NOW).id

    first, other = made(None), made(None)
    fine, beside = made(first), made(first)
    finer = made(fine)
    with database.read() as c:
        for id in (first, fine, beside, finer):
            assert [sweep.id for sweep in related_sweeps.list_family(c, id)] == [first, fine, beside, finer]
        assert [sweep.id for sweep in related_sweeps.list_family(c, other)] == [other]
    with database.write() as c:
        sweep_actions.act(c, fine, "cancel", NOW)
        sweep_actions.delete(c, fine)
    with database.read() as c:
        assert [sweep.id for sweep in related_sweeps.list_family(c, finer)] == [finer]
        assert [sweep.id for sweep in related_sweeps.list_family(c, first)] == [first, beside]
