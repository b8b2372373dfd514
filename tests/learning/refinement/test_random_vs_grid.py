"""Expected bests: against all draws counted one by one, and what must hold however numbers are rounded."""

from itertools import combinations
from statistics import mean

import numpy as np
import pytest

from learning.diagnosis.curves import Result
from learning.refinement.random_vs_grid import MAX_CURVE_POINTS, Side, describe_sides, expected_best
from learning.search.space import Space
from learning.settings import Settings

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
        assert len(set(ks)) == len(ks) == min(n, MAX_CURVE_POINTS)


def test_of_nothing_there_is_no_curve() -> None:
    assert expected_best(()) == []


SPACE = Space.parse({"lr": {"uniform": [0.1, 1]}, "reg": {"uniform": [0, 1]}})


def side(sampler: str, *reached: float, waiting: int = 0) -> Side:
    """A search of trials that differ in nothing, of which some have not ended."""
    settings = Settings(val_count=300)
    results = tuple(Result(settings, "finished", one) for one in reached)
    return Side(sampler, (settings,) * (len(reached) + waiting), results)


@pytest.mark.parametrize(
    ("grid", "random", "told"),
    [
        ((0.5, 0.95), (0.95, 0.1), "Both came to val accuracy 0.950: this time it is a tie."),
        (
            (0.5, 0.95),
            (0.94,),
            "The grid search came to 0.950, the random search to 0.940, with 300 validation examples as good "
            "as a tie.",
        ),
        ((0.5, 0.8), (0.94,), "The grid search came to 0.800, the random search to 0.940."),
    ],
)
def test_who_came_further_is_told_once_all_have_ended(
    grid: tuple[float, ...], random: tuple[float, ...], told: str
) -> None:
    assert describe_sides(SPACE, [side("grid", *grid), side("random", *random)]).endswith(f". {told}")
    assert "came to" not in describe_sides(SPACE, [side("grid", *grid), side("random", *random, waiting=1)])
