"""Stages: the picture of searches that came from one another, each one's ranges a box, each trial a point.

What pages and reports draw as SVG from it is in templates/_stages.html.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.render.palettes import PALETTES
from app.text.formats import format_setting, format_trial
from learning.number_format import brief
from learning.search.space import Choice, Distribution, LogUniform, Space
from store.db.database import Connection
from store.db.states import UNRANKED
from store.read import trials
from store.read.sweeps import Sweep
from store.read.trials import Trial

WIDTH, HEIGHT = 720, 420  # in SVG units
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 48
USUAL_AXES = ("lr", "reg")
AXIS_MARGIN = 0.06  # of an axis beside the outermost box
MOST_TICKS = 8
LINEAR_TICK_STEPS = 4  # of a linear axis
FEW_DECADES = 2
TRIALS_DRAWN = 400  # trials of a sweep in the picture, the best ones


def _light_dark(light: str, dark: str) -> str:
    """A colour for either ground, as CSS and SVG's attributes take it."""
    return f"light-dark({light}, {dark})"


_LIGHT, _DARK = PALETTES["light"], PALETTES["dark"]
RAMP = [_light_dark(one[1], other[1]) for one, other in zip(_LIGHT["scale"], _DARK["scale"], strict=True)]
LINES = [_light_dark(one, other) for one, other in zip(_LIGHT["series"], _DARK["series"], strict=True)]
BEST = _light_dark(_LIGHT["roles"]["best"], _DARK["roles"]["best"])
DIVERGED = _light_dark(_LIGHT["roles"]["diverged"], _DARK["roles"]["diverged"])


@dataclass(frozen=True, slots=True)
class Axis:
    """A searched setting; with `log`, low and high are decades."""

    name: str
    log: bool
    low: float
    high: float

    def at(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        return ((math.log10(value) if self.log else value) - self.low) / (self.high - self.low)

    def shows(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (value > 0 or not self.log) and 0 <= self.at(value) <= 1

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Decades, with 2 and 5 between them where there are few; else round parts of the range."""
        if not self.log:
            for n in range(LINEAR_TICK_STEPS + 1):
                value = self.low + (self.high - self.low) * n / LINEAR_TICK_STEPS
                yield self.at(value), brief(value, 3)
            return
        step = max(1, math.ceil((self.high - self.low) / MOST_TICKS))
        for decade in range(math.floor(self.low), math.floor(self.high) + 1, step):
            for digit in (1, 2, 5) if self.high - self.low < FEW_DECADES else (1,):
                if 0 <= (at := self.at(digit * 10.0**decade)) <= 1:
                    yield at, brief(digit * 10.0**decade, 1)


@dataclass(frozen=True, slots=True)
class Box:
    """The ranges of one sweep; `number` 1.. is its place among them."""

    number: int
    sweep_id: int
    name: str
    colour: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Dot:
    """One trial, coloured by its val accuracy; `diverged` ones are crosses."""

    trial_id: int
    x: float
    y: float
    colour: str
    diverged: bool
    best: bool
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything placed, in SVG units; the best trial's dot comes last and so lies on top."""

    x: str
    y: str
    boxes: tuple[Box, ...]
    dots: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    worst: float | None  # val accuracies at the ends of the colours, which go by rank
    best: float | None
    size: tuple[int, int] = (WIDTH, HEIGHT)
    plot: tuple[int, int, int, int] = (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)


def load_picture(c: Connection, of: Sequence[Sweep], winner: int | None = None) -> Picture | None:
    """The searches in one picture, with the best trials of each; `winner` is ringed, or else the best."""
    points = {one.id: trials.page(c, one.id, TRIALS_DRAWN, sort="-best_val_acc")[0] for one in of}
    return draw_picture(of, points, winner)


def draw_picture(
    sweeps: Sequence[Sweep], points: Mapping[int, Sequence[Trial]], winner: int | None = None
) -> Picture | None:
    """Of sweeps in their order, with the trials of each by its id; None if they do not share two ranges."""
    spaces = [(sweep, Space.parse(sweep.space).distributions) for sweep in sweeps if sweep.space]
    names = _choose_axes([distributions for _, distributions in spaces])
    if names is None:
        return None
    x, y = (_make_axis(name, [one[name] for _, one in spaces if name in one]) for name in names)
    shown = [one for sweep in sweeps for one in points.get(sweep.id, ())]
    boxes = [
        _place_box(number, sweep, distributions, x, y)
        for number, (sweep, distributions) in enumerate(spaces, start=1)
        if x.name in distributions and y.name in distributions
    ]
    accuracies = sorted(acc for one in shown if (acc := _ranked_accuracy(one)) is not None)
    ends = (accuracies[0], accuracies[-1]) if accuracies else (None, None)
    dots = sorted(_place_dots(shown, x, y, accuracies, winner), key=lambda dot: (dot.best, not dot.diverged))
    return Picture(
        x.name,
        y.name,
        tuple(boxes),
        tuple(dots),
        tuple(Tick(_x(at), text) for at, text in x.ticks()),
        tuple(Tick(_y(at), text) for at, text in y.ticks()),
        *ends,
    )


def _choose_axes(spaces: Sequence[Mapping[str, Distribution]]) -> tuple[str, str] | None:
    """lr and reg if they are searched, or the first two settings with ranges."""
    ranges = [name for one in spaces for name, values in one.items() if not isinstance(values, Choice)]
    names = list(dict.fromkeys([*(name for name in USUAL_AXES if name in ranges), *ranges]))
    return (names[0], names[1]) if len(names) > 1 else None


def _make_axis(name: str, ranges: Sequence[Any]) -> Axis:
    """From the lowest to the highest end of all, and a little room."""
    log = all(isinstance(one, LogUniform) for one in ranges)
    ends = [math.log10(end) if log else float(end) for one in ranges for end in (one.low, one.high)]
    room = AXIS_MARGIN * (max(ends) - min(ends) or 1.0)
    return Axis(name, log, min(ends) - room, max(ends) + room)


def _place_box(number: int, sweep: Sweep, ranges: Mapping[str, Any], x: Axis, y: Axis) -> Box:
    left, right = (_x(x.at(end)) for end in (ranges[x.name].low, ranges[x.name].high))
    bottom, top = (_y(y.at(end)) for end in (ranges[y.name].low, ranges[y.name].high))
    colour = LINES[(number - 1) % len(LINES)]
    return Box(number, sweep.id, sweep.name, colour, left, top, _round(right - left), _round(bottom - top))


def _place_dots(
    shown: Sequence[Trial], x: Axis, y: Axis, accuracies: Sequence[float], winner: int | None
) -> Iterator[Dot]:
    """Coloured by rank among these accuracies: a few very poor trials would make all others look alike."""
    if winner is None and (ranked := [one for one in shown if _ranked_accuracy(one) is not None]):
        winner = max(ranked, key=_rank_key).id
    for one in shown:
        across, up, acc = one.settings.get(x.name), one.settings.get(y.name), _ranked_accuracy(one)
        if not (x.shows(across) and y.shows(up)) or (acc is None and one.state != "diverged"):
            continue
        words = one.state if acc is None else f"val accuracy {acc:.3f}"
        where = f"{x.name} {format_setting(x.name, across)}, {y.name} {format_setting(y.name, up)}"
        title = f"{format_trial(one).capitalize()}: {words}, {where}"
        colour = DIVERGED if acc is None else RAMP[_ramp_step(acc, accuracies)]
        place = _x(x.at(across)), _y(y.at(up))  # type: ignore[arg-type]
        yield Dot(one.id, *place, colour, acc is None, one.id == winner, title)


def _ranked_accuracy(one: Trial) -> float | None:
    """Of a trial that is ranked."""
    return None if one.state in UNRANKED or one.excluded else one.best_val_acc


def _rank_key(one: Trial) -> tuple[float, int, int]:
    """Of equals the one of the latest sweep is best, as for an autopilot."""
    return (one.best_val_acc or 0.0, one.sweep_id, -one.id)


def _ramp_step(acc: float, accuracies: Sequence[float]) -> int:
    below, others = bisect_left(accuracies, acc), len(accuracies) - 1
    return round(below / others * (len(RAMP) - 1)) if others else len(RAMP) - 1


def _x(at: float) -> float:
    return _round(LEFT + at * (WIDTH - LEFT - RIGHT))


def _y(at: float) -> float:
    return _round(HEIGHT - BOTTOM - at * (HEIGHT - TOP - BOTTOM))


def _round(value: float) -> float:
    return round(value, 1)
