"""Repeats: what the same settings come to over several seeds, and where one run stands in it (runs none)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LUCK = 1.0  # standard deviations from the mean: from here on a run owes part of its result to its seed

ENOUGH = 5  # values; a deviation of fewer is often half or twice the true one (chi-squared, 95 %)


@dataclass(frozen=True, slots=True)
class Spread:
    """Some values; `deviation` is the sample standard deviation, None for a single value."""

    count: int
    mean: float
    deviation: float | None
    low: float
    high: float

    def of(self, value: float) -> float | None:
        """By how many deviations a value lies above the mean; None where there is nothing to measure by."""
        return (value - self.mean) / self.deviation if self.deviation else None


@dataclass(frozen=True, slots=True)
class Run:
    """How one seed's trial came out; best_val_acc is None before the first epoch."""

    state: str
    best_val_acc: float | None


def spread(values: Sequence[float]) -> Spread | None:
    """None without values."""
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    deviation = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else None
    return Spread(len(values), mean, deviation, min(values), max(values))


def counted(runs: Sequence[Run]) -> list[float]:
    """Val accuracies of the runs that trained to their end; those that diverged have none to compare."""
    return [run.best_val_acc for run in runs if run.state == "finished" and run.best_val_acc is not None]


def sentence(runs: Sequence[Run], original: Run | None) -> str:
    """What the seeds show, with the numbers, and how lucky the run was that they repeat."""
    found = spread(counted(runs))
    words = [_spread_words(found, len(runs))]
    diverged = sum(run.state == "diverged" for run in runs)
    if diverged:
        words.append(f"{diverged} of {len(runs)} diverged and {'is' if diverged == 1 else 'are'} left out.")
    if original is not None and found is not None and found.deviation is not None:
        words.append(_place_words(found, original))
    if found is not None and 1 < found.count < ENOUGH:
        words.append(f"{found.count} seeds tell a deviation only roughly: {ENOUGH} or more tell it better.")
    return " ".join(words)


def _spread_words(found: Spread | None, asked: int) -> str:
    if found is None:
        return f"None of the {asked} seeds has trained to its end yet."
    if found.deviation is None:
        told = f"1 of {asked} seeds has trained to its end, with val accuracy {found.mean:.4f}"
        return f"{told}; a spread takes two."
    seeds = f"{found.count} seeds" if found.count == asked else f"{found.count} of {asked} seeds"
    return (
        f"Over {seeds} the val accuracy is {found.mean:.4f} on average, with a standard deviation of "
        f"{found.deviation:.4f} ({found.low:.4f} to {found.high:.4f})."
    )


def _place_words(found: Spread, original: Run) -> str:
    """Where the repeated run stands in the spread of its repeats."""
    own = original.best_val_acc
    if original.state != "finished" or own is None:
        return "The run that they repeat did not train to its end, so it is not compared."
    away = found.of(own)
    if away is None:
        same = own == found.mean
        return f"All came to the same; the run that they repeat to {'it too' if same else f'{own:.4f}'}."
    where = f"lies {abs(away):.1f} standard deviations {'above' if away >= 0 else 'below'} the mean"
    if away >= LUCK:
        return f"The repeated run's {own:.4f} {where}: part of it was luck, expect {found.mean:.4f}."
    if away <= -LUCK:
        return f"The repeated run's {own:.4f} {where}: it had bad luck, expect {found.mean:.4f}."
    return f"The repeated run's {own:.4f} {where}: it owes little to its seed."
