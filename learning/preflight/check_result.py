"""Verdicts: what a check answers, and what several say together (what is asked: sanity, checks, probe)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer: passed if `figure` is at most (<=) or at least (>=) `threshold`."""

    code: str
    title: str
    passed: bool
    figure: float  # may be inf or nan
    relation: Literal["<=", ">="]
    threshold: float
    sentence: str
    curve: tuple[tuple[float, float], ...]  # what the figure was read from; its axes depend on the code
    accuracy: tuple[tuple[float, float], ...] = ()  # 0..1 over the same x, where it tells more than the curve
    names: tuple[str, ...] = ()  # of the curve's points, where they have names
    span: tuple[float, float] | None = None  # from where to where x is workable, where that is the answer


def at_most(
    code: str,
    title: str,
    figure: float,
    threshold: float,
    sentence: str,
    curve: Curve,
    names: Sequence[str] = (),
) -> Check:
    passed = figure <= threshold
    return Check(code, title, passed, figure, "<=", threshold, sentence, tuple(curve), names=tuple(names))


def at_least(
    code: str,
    title: str,
    figure: float,
    threshold: float,
    sentence: str,
    curve: Curve,
    accuracy: Curve = (),
    span: tuple[float, float] | None = None,
) -> Check:
    passed = figure >= threshold
    shown = tuple(curve), tuple(accuracy)
    return Check(code, title, passed, figure, ">=", threshold, sentence, *shown, span=span)


def verdict(checks: Sequence[Check]) -> str:
    """All answers in a sentence, without its full stop."""
    failed = [check.code for check in checks if not check.passed]
    if not failed:
        return f"all {len(checks)} checks passed"
    if len(failed) == 1:
        return f"{failed[0]} did not pass"
    return f"{', '.join(failed)} did not pass; mend {failed[0]} first, for the others may follow from it"
