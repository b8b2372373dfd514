"""Numerals: no exponent where people need none, and none with a needless zero or plus."""

import math

import pytest

from learning.number_format import format_number


@pytest.mark.parametrize(
    ("value", "digits", "words"),
    [
        (0.0, 2, "0"),
        (0.00316, 2, "0.0032"),
        (0.001, 2, "0.001"),
        (0.00099951, 2, "0.001"),
        (3.16e-6, 2, "3.2e-6"),
        (1e-5, 2, "1e-5"),
        (-0.031, 1, "-0.03"),
        (240.0, 2, "240"),
        (247.0, 2, "250"),
        (99_960.0, 2, "1e5"),
        (1e9, 2, "1e9"),
        (2.638_5e-1, 4, "0.2638"),
        (3.24e-4, 4, "3.24e-4"),
        (math.inf, 2, "inf"),
        (math.nan, 3, "nan"),
    ],
)
def test_a_number_is_written_as_people_do(value: float, digits: int, words: str) -> None:
    assert format_number(value, digits) == words
