"""Owns the waiting times between tries (tries nothing)."""

import itertools
import random
from collections.abc import Iterator

FIRST = 0.05  # seconds
LONGEST = 5.0  # seconds


def pauses(first: float = FIRST, longest: float = LONGEST) -> Iterator[float]:
    """Seconds to wait before the second try, the third, ...: doubling, part random so that tries spread."""
    for tries in itertools.count():
        yield random.uniform(0.5, 1.0) * min(first * 2 ** min(tries, 16), longest)
