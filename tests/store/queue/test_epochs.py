"""Epoch rows keep the trained values to the last bit, and flag those that are not finite."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.number_format import replace_non_finite
from store.db.database import Database
from store.queue import epochs
from store.queue.epochs import EpochRow
from tests.support.queue_steps import claim, make_epoch, record
from tests.support.sweeps import MakeSweep

INF, NAN = float("inf"), float("nan")


def stored(database: Database, make_sweep: MakeSweep, **values: object) -> EpochRow:
    make_sweep(database, 1)
    claimed = claim(database)
    record(database, claimed, [make_epoch(claimed.trials[0].id, 1, **values)])
    with database.read() as c:
        (row,) = epochs.list_by_trial(c, claimed.trials[0].id)
    json.dumps(asdict(row), allow_nan=False)  # nothing in it breaks a page
    return row


def test_an_epoch_comes_back_bit_for_bit(database: Database, make_sweep: MakeSweep) -> None:
    values = {
        "loss": 1 / 3,
        "data_loss": 5e-324,
        "train_acc": 0.1 + 0.2,
        "val_loss": 1.7976931348623157e308,
        "val_acc": 0.0,
        "lr": -0.0,
        "update_ratio": {"W1": 1e-3, "W2": 0.1 + 0.7},
    }
    row = stored(database, make_sweep, **values)
    assert {name: getattr(row, name) for name in values} == values
    assert row.trace == ((1.0, 1.5, 2.0), (0.5, 1.0, 1.25))
    assert (row.number, row.epoch, row.flags, row.seconds) == (0, 1, {}, 0.5)


def test_what_is_not_finite_is_none_and_named(database: Database, make_sweep: MakeSweep) -> None:
    row = stored(
        database,
        make_sweep,
        loss=INF,
        data_loss=-INF,
        val_loss=NAN,
        update_ratio={"W1": INF, "W2": 1.0},
        trace=((1.0, 2.0, INF), (NAN, NAN, NAN)),
    )
    assert (row.loss, row.data_loss, row.val_loss) == (None, None, None)
    assert row.update_ratio == {"W1": None, "W2": 1.0}
    assert row.trace == ((1.0, 2.0, None), (None, None, None))
    assert row.flags == {
        "loss": "inf",
        "data_loss": "-inf",
        "val_loss": "nan",
        "update_ratio.W1": "inf",
        "trace": "inf",
    }


def test_an_accuracy_that_is_not_a_number_is_never_the_best(
    database: Database, make_sweep: MakeSweep
) -> None:
    row = stored(database, make_sweep, val_acc=NAN)
    assert (row.val_acc, row.flags) == (None, {"val_acc": "nan"})
    with database.read() as c:
        from store.read import trials

        found = trials.get(c, row.trial_id)
    assert found is not None
    assert (found.best_val_acc, found.last["flags"]) == (None, {"val_acc": "nan"})  # type: ignore[index]


def test_numpy_numbers_and_costs_beyond_float32_are_taken(database: Database, make_sweep: MakeSweep) -> None:
    row = stored(database, make_sweep, loss=np.float32(0.1), trace=((1e39, 1.0, 1.0),), update_ratio={})
    assert row.loss == float(np.float32(0.1))
    assert row.trace == ((None, 1.0, 1.0),)
    assert row.flags == {"trace": "inf"}
    assert row.update_ratio == {}


def test_an_empty_trace_is_kept_as_one(sqlite_database: Database, make_sweep: MakeSweep) -> None:
    assert stored(sqlite_database, make_sweep, trace=()).trace == ()


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.floats()))
def test_finite_splits_values_into_numbers_and_flags(values: dict[str, float]) -> None:
    clean, flags = replace_non_finite(values)
    assert set(clean) == set(values)
    assert {name for name, value in clean.items() if value is None} == set(flags)
    for name, flag in flags.items():
        assert float(flag) == values[name] or (flag == "nan" and np.isnan(values[name]))


@pytest.mark.parametrize("trace", [False, True])
def test_a_trace_is_read_only_when_asked_for(
    sqlite_database: Database, make_sweep: MakeSweep, trace: bool
) -> None:
    row = stored(sqlite_database, make_sweep)
    with sqlite_database.read() as c:
        (again,) = epochs.list_by_sweep(c, row.sweep_id, trace=trace)[0]
    assert (again.trace is not None) == trace
