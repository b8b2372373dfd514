"""The queue's contract on both databases: claims, the fence, how trials and groups end or come back."""

import pytest

from store.actions import sweep_actions, trial_actions
from store.db.checkpoints_and_weights import CheckpointRef
from store.db.database import Database
from store.queue import claimed_groups, epochs
from store.queue.claims import Claim
from tests.support.queue_steps import NOW, claim, make_epoch, nothing_to_claim, record, train, train_all
from tests.support.rows import load_states, load_sweep, load_trial, load_trials
from tests.support.sweeps import MakeSweep

REF = CheckpointRef("1/1-1.npz", "00" * 32, 1)


def abandon(database: Database, worker: str = "w") -> int:
    with database.write() as c:
        return claimed_groups.abandon(c, worker, "killed by signal 9", NOW)


def fail(database: Database, claimed: Claim) -> None:
    with database.write() as c:
        claimed_groups.fail(c, claimed, "ValueError: no", NOW)


def test_a_claim_is_the_group_with_all_that_training_needs(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 3, epochs=7, lr=0.25, sweep_seed=42, workers=2)
    claimed = claim(database, "token")
    assert (claimed.sweep_id, claimed.dataset, claimed.seed, claimed.epochs_total) == (
        made.id,
        "digits",
        42,
        7,
    )
    assert [(trial.number, trial.attempt, trial.epochs_done) for trial in claimed.trials] == [
        (0, 1, 0),
        (1, 1, 0),
    ]
    assert [trial.settings.seed for trial in claimed.trials] == [0, 1]
    assert claimed.trials[0].settings.lr == 0.25
    assert claimed.checkpoints == ()
    running = load_trial(database, claimed.trials[0].id)
    assert (running.state, running.worker, running.started_at) == ("running", "token", NOW)
    assert load_sweep(database, made.id).started_at == NOW


def test_groups_are_claimed_in_order_until_none_is_left(database: Database, make_sweep: MakeSweep) -> None:
    first = make_sweep(database, 2)
    second = make_sweep(database, 1)
    assert [claim(database).sweep_id for _ in range(3)] == [first.id, first.id, second.id]
    assert nothing_to_claim(database)


def test_a_trial_ends_with_its_last_epoch_and_the_sweep_with_its_last_trial(
    database: Database, make_sweep: MakeSweep
) -> None:
    made = make_sweep(database, 2, epochs=2)
    first, second = claim(database), claim(database)
    assert record(database, first, 1) == {first.trials[0].id}
    assert record(database, first, 2, now=NOW + 1) == frozenset()
    ended = load_trial(database, first.trials[0].id)
    assert (ended.state, ended.epochs_done, ended.finished_at) == ("finished", 2, NOW + 1)
    assert (ended.best_val_acc, ended.best_epoch) == (0.02, 2)
    assert ended.last is not None
    assert (ended.last["epoch"], ended.last["loss"], ended.last["flags"]) == (2, 1.0, {})
    assert load_sweep(database, made.id).state == "running"
    train(database, second)
    ended_sweep = load_sweep(database, made.id)
    assert (ended_sweep.state, ended_sweep.finished_at) == ("finished", NOW)
    assert ended_sweep.counts["finished"] == 2


def test_the_best_epoch_is_the_first_of_the_highest_accuracy(
    database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(database, 1, epochs=4)
    claimed = claim(database)
    key = claimed.trials[0].id
    for number, accuracy in enumerate([0.2, 0.6, 0.6, 0.5], 1):
        record(database, claimed, [make_epoch(key, number, val_acc=accuracy)])
    assert (load_trial(database, key).best_val_acc, load_trial(database, key).best_epoch) == (0.6, 2)


def test_a_diverged_trial_keeps_its_best_from_before_and_is_never_ranked(
    database: Database, make_sweep: MakeSweep
) -> None:
    made = make_sweep(database, 3, workers=2)
    pair = claim(database)
    a, b = (trial.id for trial in pair.trials)
    record(database, pair, [make_epoch(a, 1, val_acc=0.8), make_epoch(b, 1, val_acc=0.1)])
    left = record(
        database,
        pair,
        [
            make_epoch(a, 2, loss=float("inf"), val_acc=0.9, diverged="cost is inf"),
            make_epoch(b, 2, val_acc=0.2),
        ],
    )
    assert left == {b}
    gone = load_trial(database, a)
    assert (gone.state, gone.reason, gone.epochs_done) == ("diverged", "cost is inf", 2)
    assert (gone.best_val_acc, gone.best_epoch) == (0.8, 1)
    best = load_sweep(database, made.id).best
    assert best is not None
    assert best.id == b


def test_a_trial_that_diverges_at_once_has_no_best(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 1)
    claimed = claim(database)
    nan = float("nan")
    record(database, claimed, [make_epoch(claimed.trials[0].id, 1, loss=nan, diverged="cost is nan")])
    gone = load_trial(database, claimed.trials[0].id)
    assert (gone.state, gone.best_val_acc, gone.best_epoch) == ("diverged", None, None)
    assert load_sweep(database, made.id).state == "finished"
    assert load_sweep(database, made.id).best is None


def test_a_late_writer_is_refused_though_it_tries_everything(
    database: Database, make_sweep: MakeSweep
) -> None:
    made = make_sweep(database, 1, epochs=3)
    old = claim(database, "old")
    assert abandon(database, "old") == 1
    new = claim(database, "new")
    assert new.trials[0].attempt == old.trials[0].attempt + 1
    before = load_trials(database, made.id)

    assert record(database, old, 1, REF) == frozenset()
    with database.write() as c:
        assert not claimed_groups.beat(c, old)
        claimed_groups.release(c, old, NOW)
        claimed_groups.fail(c, old, "late", NOW)
    assert load_trials(database, made.id) == before
    with database.read() as c:
        assert epochs.list_by_sweep(c, made.id)[0] == ()
    assert record(database, new, 1) == {new.trials[0].id}
    assert not abandon(database, "old")


def test_a_late_writer_is_refused_before_anybody_has_claimed_anew(
    database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(database, 1)
    old = claim(database)
    abandon(database)
    assert record(database, old, 1, REF) == frozenset()
    assert claim(database).checkpoints == ()


def test_epochs_of_a_trial_that_left_are_dropped_and_the_others_stored(
    database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(database, 3, workers=2)
    pair = claim(database)
    a, b = (trial.id for trial in pair.trials)
    with database.write() as c:
        trial_actions.stop(c, a, NOW)
    assert record(database, pair, 1) == {b}
    with database.read() as c:
        assert epochs.list_by_trial(c, a) == ()
        assert len(epochs.list_by_trial(c, b)) == 1


def test_rows_that_exist_are_left_as_they_are(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1, epochs=3)
    claimed = claim(database)
    key = claimed.trials[0].id
    record(database, claimed, [make_epoch(key, 1, loss=7.0, val_acc=0.3)])
    abandon(database)
    again = claim(database)
    assert again.trials[0].epochs_done == 1
    assert record(database, again, [make_epoch(key, 1, loss=8.0, val_acc=0.9)]) == {key}
    record(database, again, 2)
    assert record(database, again, 3) == frozenset()
    with database.read() as c:
        rows = epochs.list_by_trial(c, key)
    assert [(row.epoch, row.loss) for row in rows] == [(1, 7.0), (2, 1.0), (3, 2 / 3)]
    assert load_trial(database, key).best_val_acc == 0.3


def test_an_epoch_that_would_leave_a_gap_is_an_error(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1)
    claimed = claim(database)
    with pytest.raises(ValueError, match="has 0 epochs; 2 cannot be the next one"):
        record(database, claimed, 2)
    assert record(database, claimed, 1)


def test_the_checkpoint_comes_back_with_the_next_claim(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1)
    record(database, claim(database), 1, REF)
    abandon(database)
    assert claim(database).checkpoints == (REF,)


def test_release_queues_again_and_counts_nothing(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 1)
    claimed = claim(database)
    record(database, claimed, 1, REF)
    with database.write() as c:
        claimed_groups.release(c, claimed, NOW)
    assert load_states(database, made.id) == ["queued"]
    again = claim(database)
    assert (again.group_id, again.checkpoints) == (claimed.group_id, (REF,))
    assert (load_trial(database, again.trials[0].id).failures, again.trials[0].epochs_done) == (0, 1)


def test_an_exception_splits_a_group_and_fails_one_alone(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 3, workers=2)
    pair = claim(database)
    record(database, pair, 1, REF)
    fail(database, pair)
    assert load_states(database, made.id) == ["queued"] * 3
    third, first, second = claim(database), claim(database), claim(database)
    assert [trial.number for trial in (*third.trials, *first.trials, *second.trials)] == [2, 0, 1]
    assert first.group_id != pair.group_id
    assert first.checkpoints == (REF,)

    fail(database, first)
    failed = load_trial(database, first.trials[0].id)
    assert (failed.state, failed.reason, failed.failures) == ("failed", "ValueError: no", 1)
    train(database, third)
    for number in range(2, 6):
        record(database, second, number)
    assert load_sweep(database, made.id).state == "finished"
    assert load_states(database, made.id) == ["failed", "finished", "finished"]


def test_deaths_without_progress_requeue_then_split_then_fail(
    database: Database, make_sweep: MakeSweep
) -> None:
    made = make_sweep(database, 4, workers=2)
    assert [len(claimed.trials) for claimed in (claim(database, "a"), claim(database, "b"))] == [2, 2]
    abandon(database, "a")
    again = claim(database, "a")
    assert len(again.trials) == 2  # the first death: as it was
    abandon(database, "a")
    alone = [claim(database, "a"), claim(database, "c")]
    assert [len(claimed.trials) for claimed in alone] == [1, 1]  # the second: one by one
    abandon(database, "a")
    first = load_trials(database, made.id)[0]
    assert (first.state, first.reason, first.failures) == ("failed", "killed by signal 9", 3)
    assert load_states(database, made.id)[1:] == ["running"] * 3
    assert nothing_to_claim(database)


def test_deaths_with_progress_between_count_for_nothing(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1, epochs=9)
    for number in range(1, 9):
        claimed = claim(database)
        record(database, claimed, number)
        abandon(database)
        assert load_trial(database, claimed.trials[0].id).failures == 0
    record(database, claim(database), 9)


def test_a_failure_is_forgotten_with_the_next_epoch(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1)
    key = claim(database).trials[0].id
    abandon(database)
    assert load_trial(database, key).failures == 1
    record(database, claim(database), 1)
    assert load_trial(database, key).failures == 0


def test_a_newer_checkpoint_is_progress_while_lost_epochs_are_trained_again(
    database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(database, 1)
    claimed = claim(database)
    record(database, claimed, 1)
    record(database, claimed, 2)
    abandon(database)
    again = claim(database)
    record(database, again, 1, REF)
    abandon(database)
    assert load_trial(database, again.trials[0].id).failures == 0


def test_abandoning_a_worker_without_groups_does_nothing(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1)
    claim(database, "w")
    before = database.version()
    assert abandon(database, "somebody else") == 0
    assert database.version() == before


def test_the_beat_rises_with_every_sign_of_life(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, 1)
    claimed = claim(database, "token")

    def beat() -> tuple[int, str]:
        with database.read() as c:
            return claimed_groups.list_beats(c)[claimed.group_id]

    counts = [beat()]
    with database.write() as c:
        assert claimed_groups.beat(c, claimed)
    counts.append(beat())
    record(database, claimed, 1)
    counts.append(beat())
    assert [worker for _, worker in counts] == ["token"] * 3
    assert counts[0][0] < counts[1][0] < counts[2][0]
    train_all(database)
    for number in range(2, 6):
        record(database, claimed, number)
    with database.read() as c:
        assert claimed_groups.list_beats(c) == {}


def test_a_stopping_sweep_lets_a_requeued_trial_end(database: Database, make_sweep: MakeSweep) -> None:
    made = make_sweep(database, 2)
    claim(database)
    with database.write() as c:
        assert sweep_actions.act(c, made.id, "stop", NOW).state == "stopping"
    abandon(database)
    train(database, claim(database))
    assert load_sweep(database, made.id).state == "finished"
    assert sorted(load_states(database, made.id)) == ["cancelled", "finished"]
