"""The transcript's lines are the lecture's, letter for letter."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app import transcript


@dataclass
class Row:
    epoch: int = 1
    loss: float | None = 2.302576
    train_acc: float | None = 0.08
    val_acc: float | None = 0.103
    lr: float | None = 1e-6
    flags: Mapping[str, str] = field(default_factory=dict)


def test_a_trial_as_in_the_coarse_search() -> None:
    line = transcript.trial_line(0.412, 1.405206e-04, 4.793564e-01, 0, 100)
    assert line == "val acc: 0.412000, lr: 1.405206e-04, reg: 4.793564e-01, (1 / 100)"


def test_a_trial_without_an_epoch_has_no_accuracy() -> None:
    assert transcript.trial_line(None, 1, 0, 99, 100).startswith("val acc: nan, lr: 1.000000e+00")


def test_an_epoch_as_the_trainer_prints_it() -> None:
    expected = "Finished epoch 1 / 10: cost 2.302576, train: 0.080000, val 0.103000, lr 1.000000e-06"
    assert transcript.epoch_line(Row(), 10) == expected


def test_a_figure_that_is_not_finite_is_named_as_it_was() -> None:
    row = Row(loss=None, val_acc=None, flags={"loss": "inf", "val_acc": "nan"})
    assert "cost inf, train: 0.080000, val nan" in transcript.epoch_line(row, 10)


def test_the_last_line() -> None:
    assert transcript.closing_line(0.2095) == "finished optimization. best validation accuracy: 0.209500"
