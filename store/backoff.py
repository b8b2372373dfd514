"""Exponential back-off: how long to wait between attempts, in the server as in the workers."""

import itertools
import random
from collections.abc import Iterator

FIRST_SECONDS = 0.05
LONGEST_SECONDS = 5.0


def compute_delay(failures: int, first: float, longest: float) -> float:
    """Seconds to wait after so many failures in a row (at least 1): `first`, doubled with each further."""
    return float(min(first * 2 ** min(failures - 1, 16), longest))


def generate_delays(first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> Iterator[float]:
    """Seconds to wait before each further attempt: partly random, so that attempts spread out."""
    for failures in itertools.count(1):
        yield random.uniform(0.5, 1.0) * compute_delay(failures, first, longest)
