"""The spread of one trial's result over several seeds, and where the original run lies in it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LUCKY_DEVIATIONS = 1.0  # from the mean: beyond, a run owes part of its result to its seed
ENOUGH_SEEDS = 5  # the deviation of fewer is often half or twice the true one (chi-squared, 95 %)


@dataclass(frozen=True, slots=True)
class Spread:
    """Statistics of some values; `deviation` is the sample standard deviation, None for a single value."""

    count: int
    mean: float
    deviation: float | None
    low: float
    high: float

    def deviations_from_mean(self, value: float) -> float | None:
        """How many deviations a value lies above the mean; None without a deviation."""
        return (value - self.mean) / self.deviation if self.deviation else None


@dataclass(frozen=True, slots=True)
class SeedRun:
    """The outcome of one seed; best_val_acc is None before the first epoch."""

    state: str
    best_val_acc: float | None


def measure_spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    deviation = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else None
    return Spread(len(values), mean, deviation, min(values), max(values))


def finished_accuracies(runs: Sequence[SeedRun]) -> list[float]:
    """Val accuracies of the runs that trained to their end."""
    return [run.best_val_acc for run in runs if run.state == "finished" and run.best_val_acc is not None]


def describe_seeds(runs: Sequence[SeedRun], original: SeedRun | None) -> str:
    """What the seeds show, in numbers, and how lucky the original run was."""
    found = measure_spread(finished_accuracies(runs))
    sentences = [_describe_spread(found, len(runs))]
    diverged = sum(run.state == "diverged" for run in runs)
    if diverged:
        sentences.append(
            f"{diverged} of {len(runs)} diverged and {'is' if diverged == 1 else 'are'} left out."
        )
    if original is not None and found is not None and found.deviation is not None:
        sentences.append(_place_original(found, original))
    if found is not None and 1 < found.count < ENOUGH_SEEDS:
        sentences.append(
            f"{found.count} seeds tell a deviation only roughly: {ENOUGH_SEEDS} or more tell it better."
        )
    return " ".join(sentences)


def _describe_spread(found: Spread | None, asked: int) -> str:
    if found is None:
        return f"None of the {asked} seeds has trained to its end yet."
    if found.deviation is None:
        single = f"1 of {asked} seeds has trained to its end, with val accuracy {found.mean:.4f}"
        return f"{single}; a spread takes two."
    seeds = f"{found.count} seeds" if found.count == asked else f"{found.count} of {asked} seeds"
    return (
        f"Over {seeds} the val accuracy is {found.mean:.4f} on average, with a standard deviation of "
        f"{found.deviation:.4f} ({found.low:.4f} to {found.high:.4f})."
    )


def _place_original(found: Spread, original: SeedRun) -> str:
    """Where the original run lies in the spread of its repeats."""
    own = original.best_val_acc
    if original.state != "finished" or own is None:
        return "The run that they repeat did not train to its end, so it is not compared."
    away = found.deviations_from_mean(own)
    if away is None:
        same = own == found.mean
        return f"All came to the same; the run that they repeat to {'it too' if same else f'{own:.4f}'}."
    where = f"lies {abs(away):.1f} standard deviations {'above' if away >= 0 else 'below'} the mean"
    if away >= LUCKY_DEVIATIONS:
        return f"The repeated run's {own:.4f} {where}: part of it was luck, expect {found.mean:.4f}."
    if away <= -LUCKY_DEVIATIONS:
        return f"The repeated run's {own:.4f} {where}: it had bad luck, expect {found.mean:.4f}."
    return f"The repeated run's {own:.4f} {where}: it owes little to its seed."
