"""Shortfall: a test accuracy further below the val accuracy than chance explains (measures nothing)."""

import math

SURE = 3.0  # standard errors of the difference; the best of many val accuracies is up to 2 too good by luck


def shortfall(val: float, n_val: int, test: float, n_test: int) -> str | None:
    """What it means that an accuracy on `n_val` rows fell to that on `n_test`; None if it may be chance."""
    gap, error = val - test, math.hypot(_error(val, n_val), _error(test, n_test))
    if gap <= SURE * error:
        return None
    return (
        f"The test accuracy lies {gap:.3f} below the val accuracy, with a standard error of {error:.3f}: too "
        "far for chance and for having picked the best of many. So the test part is unlike the rest, as from "
        "other writers, another camera or a later day; for such examples the test accuracy is what to expect."
    )


def _error(p: float, n: int) -> float:
    return math.sqrt(p * (1 - p) / n)
