"""The probe's picture: the cost that each learning rate came to in a few hundred steps, placed for SVG.

What the autopilot's page and its report draw from it is in templates/_stages.html.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from learning.number_format import brief
from learning.preflight.check_result import Check

WIDTH, HEIGHT = 480, 150  # in SVG units
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 22
PROBE_HEADROOM = 1.5  # times the first rate's cost, which barely moved: the top of the axis


@dataclass(frozen=True, slots=True)
class Mark:
    """One learning rate; `over`: its cost lies above the picture, or is no number."""

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
    """Everything placed; `band` is the left end and the width of the workable rates."""

    marks: tuple[Mark, ...]
    line: str
    band: tuple[float, float] | None
    decades: tuple[Decade, ...]
    top: str  # the cost at the top of the axis
    size: tuple[int, int] = (WIDTH, HEIGHT)
    plot: tuple[int, int, int, int] = (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)


def draw_checks(checks: Sequence[Check]) -> ProbePicture | None:
    """Of a preflight whose probe is done; None before."""
    probe = next((one for one in checks if one.code == "lr-probe"), None)
    return draw_curve(probe.curve, probe.span) if probe else None


def draw_curve(curve: Sequence[tuple[float, float]], span: tuple[float, float] | None) -> ProbePicture | None:
    """Of (learning rate, cost), rates rising, costs inf or nan where it exploded; None of fewer than two."""
    if len(curve) < 2:
        return None
    low, high = math.log10(curve[0][0]), math.log10(curve[-1][0])
    top = PROBE_HEADROOM * next((cost for _, cost in curve if 0 < cost < math.inf), 1.0)

    def across(lr: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(lr) - low) / (high - low), 1)

    def mark(lr: float, cost: float) -> Mark:
        over = not cost <= top
        y = round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (1.0 if over else cost / top), 1)
        return Mark(across(lr), y, over, f"learning rate {brief(lr)}: cost {brief(cost, 4)}")

    marks = tuple(mark(lr, cost) for lr, cost in curve)
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    return ProbePicture(
        marks,
        " ".join(f"{one.x},{one.y}" for one in marks if not one.over),
        (across(span[0]), round(across(span[1]) - across(span[0]), 1)) if span else None,
        tuple(Decade(across(10.0**n), brief(10.0**n)) for n in range(first, last + 1)),
        brief(top),
    )
