"""Draws the learning-rate probe: the cost after a few hundred steps, by learning rate, in SVG coordinates.

The macro `probe` of templates/_stages.html turns it into SVG, for the autopilot's page and its report.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from learning.number_format import format_number
from learning.preflight.check_result import Check

WIDTH, HEIGHT = 480, 150  # in SVG units
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 22
PROBE_HEADROOM = 1.5  # times the first rate's cost, which barely moved: the top of the axis


@dataclass(frozen=True, slots=True)
class Mark:
    """One learning rate; `over` if its cost lies above the picture or is not finite."""

    x: float
    y: float
    over: bool
    title: str


@dataclass(frozen=True, slots=True)
class Decade:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class ProbePicture:
    """Everything in SVG units; `band` is the left end and the width of the workable rates."""

    marks: tuple[Mark, ...]
    line: str
    band: tuple[float, float] | None
    decades: tuple[Decade, ...]
    top: str  # the cost at the top of the axis
    size: tuple[int, int] = (WIDTH, HEIGHT)
    plot: tuple[int, int, int, int] = (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)


def draw_checks(checks: Sequence[Check]) -> ProbePicture | None:
    """The picture of a preflight's probe; None until the probe is done."""
    probe = next((check for check in checks if check.code == "lr-probe"), None)
    return draw_curve(probe.curve, probe.span) if probe else None


def draw_curve(curve: Sequence[tuple[float, float]], span: tuple[float, float] | None) -> ProbePicture | None:
    """The picture of (learning rate, cost), rates ascending, costs inf or nan where it exploded.

    None for fewer than two rates.
    """
    if len(curve) < 2:
        return None
    low, high = math.log10(curve[0][0]), math.log10(curve[-1][0])
    top = PROBE_HEADROOM * next((cost for _, cost in curve if 0 < cost < math.inf), 1.0)

    def across(lr: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(lr) - low) / (high - low), 1)

    def mark(lr: float, cost: float) -> Mark:
        over = not cost <= top
        y = round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (1.0 if over else cost / top), 1)
        return Mark(across(lr), y, over, f"learning rate {format_number(lr)}: cost {format_number(cost, 4)}")

    marks = tuple(mark(lr, cost) for lr, cost in curve)
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    return ProbePicture(
        marks,
        " ".join(f"{point.x},{point.y}" for point in marks if not point.over),
        (across(span[0]), round(across(span[1]) - across(span[0]), 1)) if span else None,
        tuple(Decade(across(10.0**n), format_number(10.0**n)) for n in range(first, last + 1)),
        format_number(top),
    )
