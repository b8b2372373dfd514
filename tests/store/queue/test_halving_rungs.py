"""Successive halving in the store: each rung is decided once, by all results, in whatever order they come."""

from dataclasses import replace

import pytest

from learning.search.early_stopping import Halving
from learning.search.space import Space
from learning.settings import Settings
from store.actions import sweep_actions, trial_actions
from store.actions.sweep_actions import NewSweep
from store.db.checkpoints_and_weights import CheckpointRef
from store.db.database import Database
from store.queue import claimed_groups, claims
from store.queue.claims import Claim
from store.read import files_in_use
from store.read.sweeps import Sweep
from tests.support.queue_steps import NOW, claim, make_epoch, nothing_to_claim, record
from tests.support.rows import load_states, load_sweep, load_trials

HALVING = Halving(factor=3, first=1)


def make(database: Database, count: int = 9, epochs: int = 9, workers: int = 4, **about: object) -> Sweep:
    drawn = tuple(replace(Settings(epochs=epochs), seed=number) for number in range(count))
    fields: dict[str, object] = {"stopping": HALVING} | about
    new = NewSweep("halved", "digits", None, Space({}), {}, "random", 0, drawn, **fields)  # type: ignore[arg-type]
    with database.write() as c:
        return sweep_actions.create(c, new, NOW, workers=workers)


def ref(claimed: Claim, number: int) -> CheckpointRef:
    return CheckpointRef(f"{claimed.group_id}/{claimed.attempt}-{number}.npz", "00" * 32, number)


def step(database: Database, claimed: Claim, number: int, **values: object) -> frozenset[int]:
    """An epoch of every trial, a higher number being the better trial."""
    new = [
        make_epoch(trial.id, number, **{"val_acc": trial.number / 100, **values}) for trial in claimed.trials
    ]
    return record(database, claimed, new, ref(claimed, number))


def to_rung(database: Database, claimed: Claim) -> None:
    done = claimed.trials[0].epochs_done
    for number in range(done + 1, claimed.until + 1):
        left = step(database, claimed, number)
    assert left == frozenset()


def claim_all(database: Database) -> list[Claim]:
    found = []
    while not nothing_left(database):
        found.append(claim(database))
    return found


def nothing_left(database: Database) -> bool:
    with database.read() as c:
        return not claims.has_queued_group(c)


def members(claimed: Claim) -> list[int]:
    return [trial.number for trial in claimed.trials]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_rung_is_decided_by_its_last_arrival_whoever_that_is(database: Database, backwards: bool) -> None:
    made = make(database)
    first = claim_all(database)
    assert [members(claimed) for claimed in first] == [[0, 1, 2], [3, 4], [5, 6], [7, 8]]
    assert {claimed.until for claimed in first} == {1}
    for claimed in sorted(first, key=lambda trial: trial.group_id, reverse=backwards)[:-1]:
        to_rung(database, claimed)
        assert nothing_to_claim(database)
    assert "stopped" not in load_states(database, made.id)
    to_rung(database, first[0] if backwards else first[-1])

    assert load_states(database, made.id) == ["stopped"] * 6 + ["queued"] * 3
    lost = load_trials(database, made.id)[5]
    assert (lost.reason, lost.spared, lost.epochs_done, lost.best_val_acc, lost.finished_at) == (
        "best val accuracy 0.0500 after 1 epoch was not among the best 3 of 9 at rung 1; "
        "8 epochs were not trained",
        8,
        1,
        0.05,
        NOW,
    )
    second = claim_all(database)
    assert [members(claimed) for claimed in second] == [[6], [7], [8]]
    assert [claimed.until for claimed in second] == [3, 3, 3]
    sources = {number: claimed for claimed in first for number in members(claimed)}
    assert [claimed.checkpoints for claimed in second] == [(ref(sources[number], 1),) for number in (6, 7, 8)]
    for claimed in second:
        to_rung(database, claimed)
    (last,) = claim_all(database)
    assert (members(last), last.until, last.trials[0].epochs_done) == ([8], 9, 3)
    to_rung(database, last)
    ended = load_sweep(database, made.id)
    assert (ended.state, ended.counts["finished"], ended.counts["stopped"]) == ("finished", 1, 8)
    assert ended.best is not None
    assert ended.best.number == 8
    assert (ended.saved.trials, ended.saved.epochs, ended.saved.seconds) == (8, 6 * 8 + 2 * 6, 60 * 0.5)


def test_a_group_of_a_later_rung_starts_from_the_files_of_all_its_trials_groups(database: Database) -> None:
    make(database, 100)
    first = claim_all(database)
    for claimed in first:  # every third is good, so that the survivors come from all groups
        new = [
            make_epoch(trial.id, 1, val_acc=0.9 if trial.number % 3 == 0 else 0.1) for trial in claimed.trials
        ]
        record(database, claimed, new, ref(claimed, 1))
    second = claim_all(database)
    assert sorted(number for claimed in second for number in members(claimed)) == list(range(0, 99, 3))
    source = {number: ref(claimed, 1) for claimed in first for number in members(claimed)}
    for claimed in second:
        assert claimed.checkpoints == tuple(dict.fromkeys(source[number] for number in members(claimed)))
    assert any(len(claimed.checkpoints) > 1 for claimed in second)
    with database.read() as c:
        needed = {ref.group_id for claimed in second for ref in claimed.checkpoints}
        assert files_in_use.find_groups(c) == needed | {claimed.group_id for claimed in second}
        mixed = next(claimed for claimed in second if len(claimed.checkpoints) > 1)
        assert files_in_use.find_checkpoints(c, mixed.trials[0].id) == mixed.checkpoints
    for claimed in second:
        step(database, claimed, 2)
    with database.read() as c:  # each has a file of its own now
        assert files_in_use.find_groups(c) == {claimed.group_id for claimed in second}


def test_a_trial_that_diverges_counts_but_never_goes_on(database: Database) -> None:
    made = make(database, 6)
    first = claim_all(database)
    for claimed in first:
        new = [
            make_epoch(trial.id, 1, val_acc=0.9, diverged="cost is nan" if trial.number > 0 else None)
            for trial in claimed.trials
        ]
        record(database, claimed, new, ref(claimed, 1))
    (last,) = claim_all(database)
    assert members(last) == [0]
    assert load_states(database, made.id) == ["running"] + ["diverged"] * 5


def test_a_late_writer_changes_nothing_about_a_rung(database: Database) -> None:
    made = make(database)
    first = claim_all(database)
    late = first[0]
    with database.write() as c:
        claimed_groups.abandon(c, "w", "killed by signal 9", NOW)
    for claimed in claim_all(database):
        to_rung(database, claimed)
    before = load_trials(database, made.id)
    assert record(database, late, 1, ref(late, 1)) == frozenset()
    assert load_trials(database, made.id) == before


def test_a_trial_that_fails_or_is_stopped_by_hand_is_not_waited_for(database: Database) -> None:
    made = make(database, 6)
    first = claim_all(database)
    for claimed in first[:-1]:
        to_rung(database, claimed)
    (alone,) = first[-1].trials
    assert nothing_to_claim(database)
    with database.write() as c:
        trial_actions.stop(c, alone.id, NOW)
    assert load_states(database, made.id).count("queued") == 1  # the best of the five that are left
    by_hand = load_trials(database, made.id)[alone.number]
    assert (by_hand.state, by_hand.reason, by_hand.spared) == ("stopped", "stopped by hand", 0)


def test_a_failed_trial_is_not_waited_for(database: Database) -> None:
    made = make(database, 4)
    first = claim_all(database)
    for claimed in first[:-1]:
        to_rung(database, claimed)
    with database.write() as c:
        claimed_groups.fail(c, first[-1], "ValueError: no", NOW)
    assert load_states(database, made.id) == ["stopped", "stopped", "queued", "failed"]


def test_an_excluded_trial_is_not_compared_and_does_not_go_on(database: Database) -> None:
    made = make(database, 4)
    best = load_trials(database, made.id)[3]
    with database.write() as c:
        trial_actions.exclude(c, best.id, True)
    for claimed in claim_all(database):
        to_rung(database, claimed)
    assert load_states(database, made.id) == ["stopped", "stopped", "queued", "stopped"]
    assert load_trials(database, made.id)[3].reason == "excluded from the ranking when rung 1 was decided"


def test_a_retried_trial_trains_past_every_rung_to_its_end(database: Database) -> None:
    made = make(database, 4)
    for claimed in claim_all(database):
        to_rung(database, claimed)
    with database.write() as c:
        again = trial_actions.retry(c, load_trials(database, made.id)[0].id, NOW)
    assert (again.state, again.spared) == ("queued", 0)
    winner, retried = claim_all(database)
    assert (members(winner), winner.until) == ([3], 3)
    assert (members(retried), retried.until, retried.checkpoints) == ([0], 9, ())
    to_rung(database, retried)
    assert load_states(database, made.id)[0] == "finished"
    assert load_states(database, made.id)[3] == "running"


def test_a_paused_sweep_decides_its_rung_and_starts_nothing(database: Database) -> None:
    made = make(database, 4)
    first = claim_all(database)
    with database.write() as c:
        sweep_actions.act(c, made.id, "pause", NOW)
    for claimed in first:
        to_rung(database, claimed)
    assert load_states(database, made.id) == ["stopped"] * 3 + ["queued"]
    assert nothing_to_claim(database)
    with database.write() as c:
        sweep_actions.act(c, made.id, "resume", NOW)
    assert members(claim(database)) == [3]


def test_a_sweep_that_is_stopped_ends_its_trials_at_the_rung(database: Database) -> None:
    made = make(database, 4)
    first = claim_all(database)
    to_rung(database, first[0])
    with database.write() as c:
        assert sweep_actions.act(c, made.id, "stop", NOW).state == "stopping"
    waited = load_trials(database, made.id)[0]
    assert (waited.state, waited.reason) == ("stopped", "the sweep was stopped when it waited to go on")
    for claimed in first[1:]:
        to_rung(database, claimed)
    assert load_sweep(database, made.id).state == "finished"
    last = load_trials(database, made.id)[3]
    assert (last.state, last.reason, last.spared) == (
        "stopped",
        "the sweep was stopped when it waited at rung 1",
        0,
    )


def test_a_cancelled_sweep_cancels_those_that_wait(database: Database) -> None:
    made = make(database, 4)
    to_rung(database, claim(database))
    with database.write() as c:
        sweep_actions.act(c, made.id, "cancel", NOW)
    assert set(load_states(database, made.id)) == {"cancelled"}
    with database.read() as c:
        assert files_in_use.find_groups(c) == set()


def test_trials_shorter_than_a_rung_finish_and_are_not_compared(database: Database) -> None:
    lengths = [1, 9, 9, 9]
    drawn = tuple(replace(Settings(epochs=length), seed=n) for n, length in enumerate(lengths))
    new = NewSweep("mixed", "digits", None, Space({}), {}, "random", 0, drawn, stopping=HALVING)
    with database.write() as c:
        made = sweep_actions.create(c, new, NOW, workers=4)
    for claimed in claim_all(database):
        to_rung(database, claimed)
    assert load_states(database, made.id) == ["finished", "stopped", "stopped", "queued"]


def test_a_bracket_is_decided_by_itself_and_its_best_go_before_the_next_begins(database: Database) -> None:
    made = make(database, 12, stopping=Halving(factor=3, first=1, bracket=6), workers=2)
    later = make(database, 4, stopping=None, workers=1)
    first, second = claim(database), claim(database)
    assert [members(first), members(second)] == [[0, 1, 2], [3, 4, 5]]
    third = claim(database)  # nobody idles while the first bracket's rung is not decided
    assert members(third) == [6, 7, 8]
    to_rung(database, second)
    to_rung(database, first)

    assert (
        load_states(database, made.id) == ["stopped"] * 4 + ["queued"] * 2 + ["running"] * 3 + ["queued"] * 3
    )
    assert load_trials(database, made.id)[3].reason == (
        "best val accuracy 0.0300 after 1 epoch was not among the best 2 of 6 at rung 1; "
        "8 epochs were not trained"
    )
    rest = claim_all(database)
    assert [members(claimed) for claimed in rest[:3]] == [[4], [5], [9, 10, 11]]
    assert rest[3].sweep_id == later.id
    to_rung(database, third)
    to_rung(database, rest[2])
    assert [members(claimed) for claimed in claim_all(database)] == [[10], [11]]
    assert load_states(database, made.id)[4:6] == ["running"] * 2


def test_a_later_rung_is_trained_before_a_sweep_that_was_queued_meanwhile(database: Database) -> None:
    made = make(database, 4)
    first = claim_all(database)
    later = make(database, 4, stopping=None)
    for claimed in first:
        to_rung(database, claimed)
    order = [claimed.sweep_id for claimed in claim_all(database)]
    assert order == [made.id] + [later.id] * 4


def test_added_trials_are_compared_with_each_other(database: Database) -> None:
    made = make(database, 4)
    for claimed in claim_all(database):
        to_rung(database, claimed)
    with database.write() as c:
        sweep_actions.add_trials(
            c, made.id, [replace(Settings(epochs=9), seed=n) for n in range(6)], NOW, workers=1
        )
    winner, *added = claim_all(database)
    assert members(winner) == [3]
    for claimed in added:
        to_rung(database, claimed)
    assert load_states(database, made.id)[3:] == ["running"] + ["stopped"] * 4 + ["queued"] * 2
    to_rung(database, winner)
    while not nothing_left(database):
        to_rung(database, claim(database))
    assert load_sweep(database, made.id).state == "finished"


def test_a_group_that_fails_at_its_start_is_split_with_all_it_starts_from(database: Database) -> None:
    make(database, 100)
    for claimed in claim_all(database):
        new = [
            make_epoch(trial.id, 1, val_acc=0.9 if trial.number % 3 == 0 else 0.1) for trial in claimed.trials
        ]
        record(database, claimed, new, ref(claimed, 1))
    mixed = claim(database)
    with database.write() as c:
        claimed_groups.fail(c, mixed, "ValueError: no", NOW)
    alone = claim_all(database)[-len(mixed.trials) :]
    assert [members(claimed) for claimed in alone] == [[number] for number in members(mixed)]
    assert {(claimed.checkpoints, claimed.until) for claimed in alone} == {(mixed.checkpoints, 3)}


def test_the_time_left_foresees_the_rungs(database: Database) -> None:
    made = make(database, 9)
    first = claim_all(database)
    step(database, first[0], 1)
    plain = make(database, 9, stopping=None)
    step(database, claim_all(database)[0], 1)
    halved, whole = load_sweep(database, made.id).eta_seconds, load_sweep(database, plain.id).eta_seconds
    assert halved is not None
    assert whole is not None
    # 3 wait, 6 are on their way to rung 1; three groups are busy, against four that run on in the other
    assert halved == pytest.approx(0.5 * (6 + 9 * ((2 + 6 / 3) / 3)) / 3)
    assert whole == pytest.approx(0.5 * (3 * 8 + 6 * 9) / 4)
