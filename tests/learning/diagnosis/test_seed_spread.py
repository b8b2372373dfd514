"""What repeats of a run say: mean, deviation, and where the run stands among them."""

import pytest

from learning.diagnosis.seed_spread import (
    LUCKY_DEVIATIONS,
    SeedRun,
    describe_seeds,
    finished_accuracies,
    measure_spread,
)

FIVE = (0.50, 0.51, 0.52, 0.53, 0.54)  # mean 0.52, standard deviation 0.01581


def ended(*accuracies: float) -> list[SeedRun]:
    return [SeedRun("finished", accuracy) for accuracy in accuracies]


def test_the_deviation_is_that_of_a_sample() -> None:
    found = measure_spread(FIVE)
    assert found is not None
    assert (found.count, found.low, found.high) == (5, 0.50, 0.54)
    assert found.mean == pytest.approx(0.52)
    assert found.deviation == pytest.approx(0.015811, abs=1e-6)
    assert found.deviations_from_mean(0.52 + 0.0158113883) == pytest.approx(1.0)


def test_one_value_has_no_deviation_and_none_no_spread() -> None:
    single = measure_spread([0.5])
    assert single is not None
    assert single.deviation is None
    assert single.deviations_from_mean(0.6) is None
    assert measure_spread([]) is None


def test_only_runs_that_came_to_their_end_count() -> None:
    runs = [
        SeedRun("finished", 0.5),
        SeedRun("diverged", 0.9),
        SeedRun("running", 0.8),
        SeedRun("stopped", 0.4),
    ]
    assert finished_accuracies(runs) == [0.5]


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (LUCKY_DEVIATIONS + 0.01, "above the mean: part of it was luck, expect 0.5200"),
        (LUCKY_DEVIATIONS - 0.01, "above the mean: it owes little to its seed"),
        (-LUCKY_DEVIATIONS + 0.01, "below the mean: it owes little to its seed"),
        (-LUCKY_DEVIATIONS - 0.01, "below the mean: it had bad luck, expect 0.5200"),
    ],
)
def test_the_sentence_says_how_lucky_the_repeated_run_was(away: float, words: str) -> None:
    own = 0.52 + away * 0.0158113883
    told = describe_seeds(ended(*FIVE), SeedRun("finished", own))
    assert told.startswith(
        "Over 5 seeds the val accuracy is 0.5200 on average, with a standard deviation of 0.0158 "
        "(0.5000 to 0.5400)."
    )
    assert "only roughly" not in told
    assert f"The repeated run's {own:.4f} lies {abs(away):.1f} standard deviations {words}." in told


@pytest.mark.parametrize(
    ("runs", "original", "words"),
    [
        ([SeedRun("running", 0.4)] * 3, None, "None of the 3 seeds has trained to its end yet."),
        (
            [*ended(0.5), SeedRun("queued", None)],
            SeedRun("finished", 0.5),
            "1 of 2 seeds has trained to its end, with",
        ),
        ([*ended(0.5, 0.6), SeedRun("queued", None)], None, "Over 2 of 3 seeds the val accuracy is 0.5500"),
        (ended(0.50, 0.51, 0.52, 0.53), None, "4 seeds tell a deviation only roughly"),
        ([*ended(0.5, 0.6), SeedRun("diverged", 0.2)], None, "1 of 3 diverged and is left out."),
        (ended(0.5, 0.6), SeedRun("stopped", 0.9), "did not train to its end, so it is not compared."),
        (
            ended(0.5, 0.5),
            SeedRun("finished", 0.5),
            "All came to the same; the run that they repeat to it too.",
        ),
        (
            ended(0.5, 0.5),
            SeedRun("finished", 0.6),
            "All came to the same; the run that they repeat to 0.6000.",
        ),
    ],
)
def test_what_cannot_be_said_yet_is_told_so(
    runs: list[SeedRun], original: SeedRun | None, words: str
) -> None:
    assert words in describe_seeds(runs, original)
    assert "luck" not in describe_seeds(runs, original)
