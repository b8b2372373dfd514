"""The transcript's line is the lecture's, letter for letter."""

from app import transcript


def test_a_trial_as_in_the_coarse_search() -> None:
    line = transcript.trial_line(0.412, 1.405206e-04, 4.793564e-01, 0, 100)
    assert line == "val acc: 0.412000, lr: 1.405206e-04, reg: 4.793564e-01, (1 / 100)"


def test_a_trial_without_an_epoch_has_no_accuracy() -> None:
    assert transcript.trial_line(None, 1, 0, 99, 100).startswith("val acc: nan, lr: 1.000000e+00")
