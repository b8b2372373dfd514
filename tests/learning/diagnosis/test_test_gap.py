"""What is said about a test accuracy below the val accuracy."""

import math

import pytest

from learning.diagnosis.test_gap import SURE, shortfall

ERROR = math.sqrt(0.98 * 0.02 / 300 + 0.9 * 0.1 / 300)


def test_the_gap_is_told_with_its_standard_error() -> None:
    told = shortfall(0.98, 300, 0.9, 300)
    assert told is not None
    assert f"lies 0.080 below the val accuracy, with a standard error of {ERROR:.3f}" in told


@pytest.mark.parametrize(("rows", "told"), [(1.02, True), (0.98, False)])
def test_a_gap_is_told_from_where_chance_does_not_explain_it(rows: float, told: bool) -> None:
    """On so many rows the gap of 0.08 is SURE standard errors wide, or a hundredth more or less."""
    n = round(300 * (SURE * ERROR / 0.08) ** 2 * rows)
    assert (shortfall(0.98, n, 0.9, n) is not None) == told


@pytest.mark.parametrize(("val", "test"), [(1.0, 1.0), (0.9, 0.95), (1.0, 0.999)])
def test_no_gap_is_no_shortfall(val: float, test: float) -> None:
    assert shortfall(val, 300, test, 1000) is None


def test_a_test_part_where_everything_is_wrong_has_no_standard_error() -> None:
    assert shortfall(1.0, 300, 0.0, 300) is not None
