"""Expected bests: against all draws counted one by one, and what must hold however numbers are rounded."""

from itertools import combinations
from statistics import mean

import numpy as np
import pytest

from learning.projections import BUDGETS, expected_best

REACHED = (0.41, 0.1, 0.33, 0.1, 0.52, 0.47)


def test_it_is_the_mean_over_all_draws() -> None:
    for k, best in expected_best(REACHED):
        assert best == pytest.approx(mean(map(max, combinations(REACHED, k))))


@pytest.mark.parametrize("n", [1, 2, 25, 400])
def test_it_never_falls_and_ends_at_the_best(n: int) -> None:
    random = np.random.default_rng(n)
    for _ in range(50):
        reached = random.choice(
            [0.1, *random.random(3)], n
        ).tolist()  # equal ones: the curve is flat at its end
        ks, bests = [k for k, _ in expected_best(reached)], [best for _, best in expected_best(reached)]
        assert bests == sorted(bests)
        assert bests[-1] == max(reached)
        assert len(set(ks)) == len(ks) == min(n, BUDGETS)


def test_of_nothing_there_is_no_curve() -> None:
    assert expected_best(()) == []
