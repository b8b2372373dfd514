"""Draws searches that came from one another: the ranges of each as a box, each trial as a point.

The macro `picture` of templates/_stages.html turns it into SVG, for pages and reports.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.render.palettes import PALETTES
from app.text.formats import format_setting, format_trial
from learning.number_format import format_number
from learning.search.space import Choice, Distribution, LogUniform
from store.db.database import Connection
from store.read import trials
from store.read.sweeps import Sweep
from store.read.trials import Trial

WIDTH, HEIGHT = 720, 420  # in SVG units
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 48
USUAL_AXES = ("lr", "reg")
AXIS_MARGIN = 0.06  # on either side of the outermost box, as a share of its width
MOST_TICKS = 8
LINEAR_TICK_STEPS = 4
FEW_DECADES = 2  # with fewer, 2 and 5 get a tick too
TRIALS_DRAWN = 400  # trials of a sweep in the picture, the best ones


def _light_dark(light: str, dark: str) -> str:
    """A colour for both themes, in CSS that SVG attributes take too."""
    return f"light-dark({light}, {dark})"


_LIGHT, _DARK = PALETTES["light"], PALETTES["dark"]
RAMP = [
    _light_dark(light, dark) for (_, light), (_, dark) in zip(_LIGHT["scale"], _DARK["scale"], strict=True)
]
LINES = [_light_dark(light, dark) for light, dark in zip(_LIGHT["series"], _DARK["series"], strict=True)]
BEST = _light_dark(_LIGHT["roles"]["best"], _DARK["roles"]["best"])
DIVERGED = _light_dark(_LIGHT["roles"]["diverged"], _DARK["roles"]["diverged"])


@dataclass(frozen=True, slots=True)
class Axis:
    """A searched setting; with `log`, low and high are powers of ten."""

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
        """Powers of ten, with 2 and 5 between them where there are few; on a linear axis equal steps."""
        if not self.log:
            for n in range(LINEAR_TICK_STEPS + 1):
                value = self.low + (self.high - self.low) * n / LINEAR_TICK_STEPS
                yield self.at(value), format_number(value, 3)
            return
        step = max(1, math.ceil((self.high - self.low) / MOST_TICKS))
        for decade in range(math.floor(self.low), math.floor(self.high) + 1, step):
            for digit in (1, 2, 5) if self.high - self.low < FEW_DECADES else (1,):
                if 0 <= (at := self.at(digit * 10.0**decade)) <= 1:
                    yield at, format_number(digit * 10.0**decade, 1)


@dataclass(frozen=True, slots=True)
class Box:
    """The ranges of one sweep; `number` counts from 1."""

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
    """One trial, coloured by its val accuracy; a diverged trial is a cross."""

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
    """Everything in SVG units; the best trial's dot comes last and so lies on top."""

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


def load_picture(c: Connection, searches: Sequence[Sweep], winner: int | None = None) -> Picture | None:
    """The searches in one picture, with the best trials of each; `winner` or else the best one is ringed."""
    points = {
        search.id: trials.list_page(c, search.id, TRIALS_DRAWN, sort="-best_val_acc")[0]
        for search in searches
    }
    return draw_picture(searches, points, winner)


def draw_picture(
    sweeps: Sequence[Sweep], points: Mapping[int, Sequence[Trial]], winner: int | None = None
) -> Picture | None:
    """The picture of these sweeps, with trials by sweep id; None if there are no two ranges to span it."""
    spaces = [(sweep, sweep.space.distributions) for sweep in sweeps if sweep.space]
    names = _choose_axes([distributions for _, distributions in spaces])
    if names is None:
        return None
    x, y = (_make_axis(name, [ranges[name] for _, ranges in spaces if name in ranges]) for name in names)
    rows = [trial for sweep in sweeps for trial in points.get(sweep.id, ())]
    boxes = [
        _place_box(number, sweep, distributions, x, y)
        for number, (sweep, distributions) in enumerate(spaces, start=1)
        if x.name in distributions and y.name in distributions
    ]
    accuracies = sorted(acc for trial in rows if (acc := _ranked_accuracy(trial)) is not None)
    ends = (accuracies[0], accuracies[-1]) if accuracies else (None, None)
    dots = sorted(_place_dots(rows, x, y, accuracies, winner), key=lambda dot: (dot.best, not dot.diverged))
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
    """lr and reg if they are searched, else the first two settings with ranges; None without two."""
    ranges = [name for space in spaces for name, values in space.items() if not isinstance(values, Choice)]
    names = list(dict.fromkeys([*(name for name in USUAL_AXES if name in ranges), *ranges]))
    return (names[0], names[1]) if len(names) > 1 else None


def _make_axis(name: str, ranges: Sequence[Any]) -> Axis:
    """From the lowest to the highest end of all ranges, with a margin."""
    log = all(isinstance(distribution, LogUniform) for distribution in ranges)
    ends = [math.log10(end) if log else float(end) for bounds in ranges for end in (bounds.low, bounds.high)]
    margin = AXIS_MARGIN * (max(ends) - min(ends) or 1.0)
    return Axis(name, log, min(ends) - margin, max(ends) + margin)


def _place_box(number: int, sweep: Sweep, ranges: Mapping[str, Any], x: Axis, y: Axis) -> Box:
    left, right = (_x(x.at(end)) for end in (ranges[x.name].low, ranges[x.name].high))
    bottom, top = (_y(y.at(end)) for end in (ranges[y.name].low, ranges[y.name].high))
    colour = LINES[(number - 1) % len(LINES)]
    return Box(number, sweep.id, sweep.name, colour, left, top, _round(right - left), _round(bottom - top))


def _place_dots(
    rows: Sequence[Trial], x: Axis, y: Axis, accuracies: Sequence[float], winner: int | None
) -> Iterator[Dot]:
    """The dots, coloured by rank: by value, a few very poor trials would make all others look alike."""
    if winner is None and (ranked := [trial for trial in rows if _ranked_accuracy(trial) is not None]):
        winner = max(ranked, key=_rank_key).id
    for trial in rows:
        across, up, acc = (
            getattr(trial.settings, x.name),
            getattr(trial.settings, y.name),
            _ranked_accuracy(trial),
        )
        if not (x.shows(across) and y.shows(up)) or (acc is None and trial.state != "diverged"):
            continue
        result = trial.state if acc is None else f"val accuracy {acc:.3f}"
        where = f"{x.name} {format_setting(x.name, across)}, {y.name} {format_setting(y.name, up)}"
        title = f"{format_trial(trial).capitalize()}: {result}, {where}"
        colour = DIVERGED if acc is None else RAMP[_ramp_step(acc, accuracies)]
        place = _x(x.at(across)), _y(y.at(up))
        yield Dot(trial.id, *place, colour, acc is None, trial.id == winner, title)


def _ranked_accuracy(trial: Trial) -> float | None:
    """The best val accuracy; None for a trial that is not ranked."""
    return trial.best_val_acc if trial.is_ranked else None


def _rank_key(trial: Trial) -> tuple[float, int, int]:
    """Among equals the trial of the latest sweep is best, as for an autopilot."""
    return (trial.best_val_acc or 0.0, trial.sweep_id, -trial.id)


def _ramp_step(acc: float, accuracies: Sequence[float]) -> int:
    below, others = bisect_left(accuracies, acc), len(accuracies) - 1
    return round(below / others * (len(RAMP) - 1)) if others else len(RAMP) - 1


def _x(at: float) -> float:
    return _round(LEFT + at * (WIDTH - LEFT - RIGHT))


def _y(at: float) -> float:
    return _round(HEIGHT - BOTTOM - at * (HEIGHT - TOP - BOTTOM))


def _round(value: float) -> float:
    return round(value, 1)
