"""Series for charts: columns of trials, and curves thinned in the query."""

from typing import Any

import pytest

from learning.errors import FilterError
from store.db.database import Database
from store.read import chart_series
from tests.support.queue_steps import claim, make_epoch, record
from tests.support.sweeps import MakeSweep


def columns(database: Database, *names: str, **options: Any) -> dict[str, tuple[chart_series.Value, ...]]:
    with database.read() as c:
        return chart_series.read_columns(c, 1, names, **options)


def curves(database: Database, points: int, **options: Any) -> tuple[chart_series.ThinnedCurve, ...]:
    with database.read() as c:
        return chart_series.read_curves(c, 1, [0, 1], ("loss", "val_acc"), points, **options)


def test_columns_are_in_one_order_with_words_and_numbers(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, trials=3, hidden=[20, 10], batch_size="full")
    record(database, claim(database), 1)
    names = ("number", "state", "hidden", "batch_size", "best_val_acc", "seed", "excluded")
    read = columns(database, *names, sort="-number")
    assert tuple(read) == names
    assert read["number"] == (2, 1, 0)
    assert read["seed"] == (2, 1, 0)
    assert read["state"][-1] == "running"
    assert {str(value).replace(" ", "") for value in read["hidden"]} == {"[20,10]"}
    assert read["batch_size"] == ("full",) * 3
    assert read["best_val_acc"][-1] == 0.01
    assert read["excluded"] == ("false",) * 3


def test_columns_are_filtered_and_may_be_empty(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database, trials=3, batch_size=100)
    assert columns(database, "number", "batch_size", filter="number > 0") == {
        "number": (1, 2),
        "batch_size": (100, 100),
    }
    assert columns(database, "number", filter="state = failed") == {"number": ()}


def test_names_that_are_none_are_refused(database: Database, make_sweep: MakeSweep) -> None:
    make_sweep(database)
    with pytest.raises(FilterError, match="password") as caught:
        columns(database, "password")
    assert caught.value.field == "of"
    with pytest.raises(FilterError, match="trace"), database.read() as c:
        chart_series.read_curves(c, 1, [0], ["trace"], 5)


@pytest.mark.parametrize(
    ("points", "stride", "kept"),
    [
        (100, 1, (1, 2, 3, 4, 5, 6, 7, 8)),
        (8, 1, (1, 2, 3, 4, 5, 6, 7, 8)),
        (6, 2, (1, 2, 3, 5, 7, 8)),
        (4, 3, (1, 2, 4, 7, 8)),
        (3, 4, (1, 5, 8)),
        (1, 8, (1, 8)),
    ],
)
def test_a_curve_keeps_its_first_epochs_its_last_and_what_lies_even_between(
    database: Database, make_sweep: MakeSweep, points: int, stride: int, kept: tuple[int, ...]
) -> None:
    make_sweep(database, trials=2, epochs=8)
    claimed = claim(database)
    for number in range(1, 9):
        record(database, claimed, number)
    curve = curves(database, points, elapsed=True)[0]
    assert (curve.number, curve.stride, curve.epoch) == (0, stride, kept)
    assert curve.metrics["loss"] == pytest.approx([2.0 / n for n in kept])
    assert curve.elapsed == pytest.approx([0.5 * n for n in kept])
    plain = curves(database, points)[0]
    assert (plain.epoch, plain.metrics, plain.elapsed) == (kept, curve.metrics, None)


def test_what_is_not_finite_is_none_and_who_has_no_epoch_is_left_out(
    database: Database, make_sweep: MakeSweep
) -> None:
    make_sweep(database, trials=2, workers=2)
    claimed = claim(database)
    record(database, claimed, [make_epoch(claimed.trials[0].id, 1, loss=float("inf"), diverged="boom")])
    (only,) = curves(database, 10)
    assert (only.number, only.metrics["loss"]) == (claimed.trials[0].number, (None,))
