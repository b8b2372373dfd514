"""The result of a preflight check, and the summary of several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from learning.number_format import replace_non_finite

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Check:
    """A question and its answer: passed if `figure` is at most (<=) or at least (>=) `threshold`."""

    code: str
    title: str
    passed: bool
    figure: float  # may be inf or nan
    relation: Literal["<=", ">="]
    threshold: float
    sentence: str
    curve: tuple[tuple[float, float], ...]  # what the figure is read from; its axes depend on the code
    accuracy: tuple[tuple[float, float], ...] = ()  # 0..1 over the same x, if it shows more than the curve
    names: tuple[str, ...] = ()  # of the curve's points, if they have any
    span: tuple[float, float] | None = None  # the workable range of x, if that is the answer

    @property
    def flags(self) -> dict[str, str]:
        """What the figure is, inf, -inf or nan, if it is not finite."""
        return replace_non_finite({"figure": self.figure})[1]


def check_at_most(
    code: str,
    title: str,
    figure: float,
    threshold: float,
    sentence: str,
    curve: Points,
    names: Sequence[str] = (),
) -> Check:
    passed = figure <= threshold
    return Check(code, title, passed, figure, "<=", threshold, sentence, tuple(curve), names=tuple(names))


def check_at_least(
    code: str,
    title: str,
    figure: float,
    threshold: float,
    sentence: str,
    curve: Points,
    accuracy: Points = (),
    span: tuple[float, float] | None = None,
) -> Check:
    passed = figure >= threshold
    return Check(
        code, title, passed, figure, ">=", threshold, sentence, tuple(curve), tuple(accuracy), span=span
    )


def summarise_checks(checks: Sequence[Check]) -> str:
    """All results in one sentence, without its full stop."""
    failed = [check.code for check in checks if not check.passed]
    if not failed:
        return f"all {len(checks)} checks passed"
    if len(failed) == 1:
        return f"{failed[0]} did not pass"
    return f"{', '.join(failed)} did not pass; mend {failed[0]} first, for the others may follow from it"
