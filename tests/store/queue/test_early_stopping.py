"""The median rule and patience in the store: which trials an epoch stops, and for what reason."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from learning.search.early_stopping import parse_rule
from learning.search.space import Space
from learning.settings import Settings
from store.actions import sweep_actions, trial_actions
from store.actions.sweep_actions import NewSweep
from store.db.database import Database
from store.queue import claimed_groups
from store.queue.claims import Claim
from store.read import sweeps, trials
from store.read.sweeps import Sweep
from store.read.trials import Trial
from tests.support.queue_steps import NOW, claim, make_epoch, record


def make(database: Database, count: int, rule: dict[str, object], workers: int = 2, epochs: int = 9) -> Sweep:
    drawn = tuple(replace(Settings(epochs=epochs), seed=number) for number in range(count))
    new = NewSweep("ruled", "digits", None, Space({}), {}, "random", 0, drawn, stopping=parse_rule(rule))
    with database.write() as c:
        return sweep_actions.create(c, new, NOW, workers=workers)


def get_trial(database: Database, sweep_id: int, number: int) -> Trial:
    with database.read() as c:
        return trials.list_by_sweep(c, sweep_id)[number]


def learn(database: Database, claimed: Claim, curve: Sequence[float]) -> frozenset[int]:
    """Epochs of every trial of the group with these val accuracies; the answer to the last."""
    for number, val_acc in enumerate(curve, 1):
        left = record(
            database, claimed, [make_epoch(each.id, number, val_acc=val_acc) for each in claimed.trials]
        )
    return left


def test_patience_stops_what_no_longer_rises_and_leaves_its_neighbour(database: Database) -> None:
    made = make(database, 3, {"patience": {"epochs": 2, "by": 0.01}})
    pair = claim(database)
    a, b = (each.id for each in pair.trials)
    for number, (flat, rising) in enumerate([(0.5, 0.1), (0.505, 0.2), (0.508, 0.3)], 1):
        left = record(
            database, pair, [make_epoch(a, number, val_acc=flat), make_epoch(b, number, val_acc=rising)]
        )
        assert left == ({a, b} if number < 3 else {b})
    stopped = get_trial(database, made.id, 0)
    assert (stopped.state, stopped.spared, stopped.epochs_done, stopped.failures) == ("stopped", 6, 3, 0)
    assert stopped.reason == (
        "val accuracy has not risen more than 0.01 above 0.5000 in the last 2 epochs; "
        "6 epochs were not trained"
    )
    with database.read() as c:
        found = sweeps.get(c, made.id)
        assert found is not None
        assert (found.saved.trials, found.saved.epochs, found.saved.seconds) == (1, 6, 3.0)
        assert found.best is not None
        assert found.best.number == 0  # a trial that a rule stopped keeps its rank


def test_nothing_is_stored_while_a_checkpoint_is_wanted_first(database: Database) -> None:
    made = make(database, 3, {"patience": {"epochs": 1}})
    pair = claim(database)
    a, b = (each.id for each in pair.trials)
    record(database, pair, [make_epoch(a, 1, val_acc=0.5), make_epoch(b, 1, val_acc=0.1)])
    second = [make_epoch(a, 2, val_acc=0.5), make_epoch(b, 2, val_acc=0.2)]
    with pytest.raises(claimed_groups.CheckpointNeeded), database.write() as c:
        claimed_groups.record(c, pair, second, None, NOW, require_checkpoint=True)
    assert get_trial(database, made.id, 1).epochs_done == 1
    assert record(database, pair, second) == {b}


def test_the_median_rule_stops_the_lower_half_once_enough_are_as_far(database: Database) -> None:
    made = make(database, 4, {"median": {"after": 2, "trials": 2}}, workers=4)
    good, better, poor, late = (claim(database) for _ in range(4))
    assert learn(database, poor, [0.3, 0.3])  # nobody is as far: nothing to compare with
    assert learn(database, good, [0.4, 0.6])
    assert learn(database, better, [0.6, 0.7])
    assert record(database, poor, [make_epoch(poor.trials[0].id, 3, val_acc=0.3)])  # nobody else has three
    assert record(database, good, [make_epoch(good.trials[0].id, 3, val_acc=0.6)])
    assert record(database, better, [make_epoch(better.trials[0].id, 3, val_acc=0.7)])
    assert learn(database, late, [0.5]), "one epoch is too early"
    assert record(database, late, [make_epoch(late.trials[0].id, 2, val_acc=0.49)]) == late_ids(late)
    assert record(database, late, [make_epoch(late.trials[0].id, 3, val_acc=0.2)]) == frozenset()
    stopped = get_trial(database, made.id, 3)
    assert stopped.state == "stopped"
    assert stopped.reason == (
        "best val accuracy 0.5000 after 3 epochs was below 0.5333, the median of the averages of 3 other "
        "trials; 6 epochs were not trained"
    )


def late_ids(claimed: Claim) -> set[int]:
    return {each.id for each in claimed.trials}


def test_a_retried_trial_is_not_judged_again(database: Database) -> None:
    made = make(database, 1, {"patience": {"epochs": 1}}, epochs=4)
    assert learn(database, claim(database), [0.5, 0.5]) == frozenset()
    with database.write() as c:
        trial_actions.retry(c, get_trial(database, made.id, 0).id, NOW)
    assert learn(database, claim(database), [0.5, 0.5, 0.5, 0.5]) == frozenset()
    again = get_trial(database, made.id, 0)
    assert (again.state, again.spared, again.epochs_done) == ("finished", 0, 4)
