"""The search space: which settings vary and how, and drawing trials from it."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from learning.errors import FieldError, Invalid, format_value
from learning.search.samplers import SAMPLERS
from learning.settings import SETTING_NAMES, Settings, read_field

MAX_DRAWN_TRIALS = 100_000  # in one draw; keeps a mistyped number from filling the disk
MAX_CHOICES = 1_000  # in one dimension

REAL_SETTINGS = frozenset({"init_scale", "lr", "momentum", "reg", "dropout", "lr_decay", "explosion"})
WHOLE_SETTINGS = frozenset(
    {"hidden", "batch_size", "epochs", "seed", "train_count", "val_count"}
)  # hidden: one layer


@dataclass(frozen=True, slots=True)
class Uniform:
    """A real number, uniform between low and high."""

    low: float
    high: float

    def value_at(self, u: float) -> float:
        return min(max(self.low + u * (self.high - self.low), self.low), self.high)

    def position(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high end, less or more beyond."""
        return (value - self.low) / (self.high - self.low)

    def to_dict(self) -> dict[str, list[Any]]:
        return {"uniform": [self.low, self.high]}


@dataclass(frozen=True, slots=True)
class LogUniform:
    """A positive real number, uniform in its logarithm between low and high."""

    low: float
    high: float

    def value_at(self, u: float) -> float:
        exponent = math.log10(self.low) + u * (math.log10(self.high) - math.log10(self.low))
        return min(max(float(10.0**exponent), self.low), self.high)

    def position(self, value: float) -> float:
        """Where a value lies on the log axis: 0 at the low end, 1 at the high end; -inf for zero or less."""
        if value <= 0:
            return -math.inf
        return math.log(value / self.low) / math.log(self.high / self.low)

    def to_dict(self) -> dict[str, list[Any]]:
        return {"log_uniform": [self.low, self.high]}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number, uniform from low to high, both included."""

    low: int
    high: int

    def value_at(self, u: float) -> int:
        return self.low + min(int(u * self.levels), self.levels - 1)

    def position(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    @property
    def levels(self) -> int:
        return self.high - self.low + 1

    def to_dict(self) -> dict[str, list[Any]]:
        return {"integer": [self.low, self.high]}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, all equally likely; they have no order and so no ends."""

    values: tuple[object, ...]

    def value_at(self, u: float) -> object:
        return self.values[min(int(u * self.levels), self.levels - 1)]

    @property
    def levels(self) -> int:
        return len(self.values)

    def to_dict(self) -> dict[str, list[Any]]:
        return {"choice": [list(v) if isinstance(v, tuple) else v for v in self.values]}


Distribution = Uniform | LogUniform | Integer | Choice
DISTRIBUTION_KINDS = ("uniform", "log_uniform", "integer", "choice")


@dataclass(frozen=True, slots=True)
class Space:
    """A distribution for each setting that varies, in the order of their names."""

    distributions: Mapping[str, Distribution]

    @classmethod
    def parse(cls, spec: Mapping[str, object]) -> Space:
        """Read the JSON form `{"lr": {"log_uniform": [1e-6, 1e-3]}, ...}`.

        Raises Invalid that names every bad entry as `space.NAME`.
        """
        if not isinstance(spec, Mapping):
            message = (
                f"space must be an object that maps settings to distributions, not {format_value(spec)}."
            )
            raise Invalid(FieldError("space", spec, message))
        parsed: dict[str, Distribution] = {}
        errors: list[FieldError] = []
        for name in sorted(spec, key=str):
            try:
                parsed[str(name)] = _parse_distribution(str(name), spec[name])
            except _BadDistribution as refusal:
                errors.append(FieldError(f"space.{name}", spec[name], str(refusal)))
        if errors:
            raise Invalid(*errors)
        return cls(MappingProxyType(parsed))

    @classmethod
    def restore(cls, spec: Mapping[str, Mapping[str, Any]]) -> Space:
        """A space that was stored, by this version or an older one; its ranges are not checked again.

        A name that is no setting any more is left out.
        """
        known = {name: _restore_distribution(spec[name]) for name in sorted(spec) if name in SETTING_NAMES}
        return cls(MappingProxyType(known))

    def __bool__(self) -> bool:
        """Whether anything varies."""
        return bool(self.distributions)

    def to_dict(self) -> dict[str, dict[str, list[Any]]]:
        """The JSON form; parse and restore give the same space back."""
        return {name: distribution.to_dict() for name, distribution in self.distributions.items()}

    def without(self, names: Container[str]) -> Space:
        """The space in which the settings with these names do not vary."""
        left = {name: d for name, d in self.distributions.items() if name not in names}
        return Space(MappingProxyType(left))

    def values_at(self, point: Iterable[float]) -> dict[str, object]:
        """The values at a point of the unit cube, one coordinate for each parameter in order."""
        return {n: d.value_at(float(u)) for (n, d), u in zip(self.distributions.items(), point, strict=True)}

    def levels(self) -> list[int | None]:
        """How many values each parameter may take, in order; None for a continuum."""
        return [d.levels if isinstance(d, Integer | Choice) else None for d in self.distributions.values()]

    def numeric_ranges(self) -> dict[str, Uniform | LogUniform | Integer]:
        """The distributions that have two ends."""
        return {n: d for n, d in self.distributions.items() if not isinstance(d, Choice)}


def _restore_distribution(spec: Mapping[str, Any]) -> Distribution:
    ((kind, values),) = spec.items()
    if kind == "choice":
        return Choice(tuple(tuple(value) if isinstance(value, list) else value for value in values))
    low, high = values
    kinds: dict[str, type[Uniform | LogUniform | Integer]] = {
        "uniform": Uniform,
        "log_uniform": LogUniform,
        "integer": Integer,
    }
    return kinds[kind](low, high)


def draw_trials(
    space: Space, fixed: Mapping[str, object], count: int, sampler: str, seed: int, start: int = 0
) -> tuple[Settings, ...]:
    """Draw trials start..start+count-1 of a sweep: one complete Settings each, `seed` filled in.

    With `random` and `sobol`, trial n depends on (space, seed, n) only, so a draw from start = a is the
    suffix of a longer one. A `grid` is fixed by its first draw; trials added to it are random by number
    (samplers.grid_points).
    Raises Invalid: fields `trials`, `sampler`, `seed`, `settings.NAME`, `space.NAME`.
    """
    _check_request(count, sampler, seed, start)
    _check_fixed(fixed, taken=space.distributions)
    cube = SAMPLERS[sampler](space.levels(), seed, start, start + count)
    return tuple(
        _complete_settings({**fixed, **space.values_at(point)}, seed, where="space.") for point in cube
    )


def build_trials(
    points: Sequence[Mapping[str, object]], fixed: Mapping[str, object], seed: int, start: int = 0
) -> tuple[Settings, ...]:
    """One Settings for each point, which overrides what is fixed. Raises Invalid (`points[3].lr`)."""
    _check_request(len(points), "random", seed, start)
    if not points:
        raise Invalid(FieldError("points", [], "points is empty; give at least one object of settings."))
    _check_fixed(fixed, taken={})
    drawn: list[Settings] = []
    errors: list[FieldError] = []
    for index, point in enumerate(points):
        where = f"points[{index}]"
        if not isinstance(point, Mapping):
            errors.append(
                FieldError(where, point, f"{where} is {point!r}; it must be an object of settings.")
            )
            continue
        try:
            drawn.append(_complete_settings({**fixed, **point}, seed, where=f"{where}."))
        except Invalid as invalid:
            errors.extend(invalid.errors)
    if errors:
        raise Invalid(*errors)
    return tuple(drawn)


class _BadDistribution(Exception):  # noqa: N818
    """Why a distribution was refused; becomes a FieldError."""


def _parse_distribution(name: str, spec: object) -> Distribution:
    if name not in SETTING_NAMES:
        raise _BadDistribution(f"space.{name} is no setting; it may be one of {', '.join(SETTING_NAMES)}.")
    if not isinstance(spec, Mapping) or len(spec) != 1 or next(iter(spec)) not in DISTRIBUTION_KINDS:
        raise _BadDistribution(f"space.{name} is {format_value(spec)}; write one of {_format_examples()}.")
    kind, body = next(iter(spec.items()))
    if kind == "choice":
        return _parse_choice(name, body)
    if name not in REAL_SETTINGS | WHOLE_SETTINGS:
        raise _BadDistribution(
            f'space.{name} has no ends to lie between; list its values as {{"choice": [...]}}.'
        )
    if kind != "integer" and name in WHOLE_SETTINGS:
        raise _BadDistribution(
            f'space.{name} takes whole numbers; write {{"integer": [low, high]}} or a choice.'
        )
    low, high = _parse_bounds(name, kind, body)
    ends = (int(low), int(high)) if kind == "integer" else (low, high)
    _read_values(name, ends)
    if kind == "integer":
        return Integer(int(low), int(high))
    return LogUniform(float(low), float(high)) if kind == "log_uniform" else Uniform(float(low), float(high))


def _parse_bounds(name: str, kind: str, body: object) -> tuple[float, float]:
    """Read two finite ends, low below high; positive on a log axis, whole for an integer."""
    if not isinstance(body, list | tuple) or len(body) != 2 or not all(map(_is_finite, body)):
        raise _BadDistribution(
            f"space.{name} is {kind} of {format_value(body)}; give two finite numbers [low, high]."
        )
    low, high = body
    if kind == "integer" and not (float(low).is_integer() and float(high).is_integer()):
        raise _BadDistribution(
            f"space.{name} goes from {low} to {high}; the ends of an integer range are whole numbers."
        )
    if low >= high:
        raise _BadDistribution(
            f"space.{name} goes from {low} to {high}; the low end must be below the high end."
        )
    if kind == "log_uniform" and low <= 0:
        raise _BadDistribution(
            f"space.{name} goes from {low} to {high}; both ends of a log range must be above 0."
        )
    return low, high


def _parse_choice(name: str, body: object) -> Choice:
    if not isinstance(body, list | tuple) or not body:
        raise _BadDistribution(
            f"space.{name} is choice of {format_value(body)}; give a list of one value or more."
        )
    if len(body) > MAX_CHOICES:
        raise _BadDistribution(f"space.{name} lists {len(body)} values; at most {MAX_CHOICES} do.")
    values = _read_values(name, body)
    if len(set(values)) < len(values):
        raise _BadDistribution(
            f"space.{name} lists a value twice in {format_value(body)}; list each value once."
        )
    return Choice(values)


def _read_values(name: str, values: Iterable[object]) -> tuple[object, ...]:
    """Each value in the type of its setting. Raises _BadDistribution for a value that Settings refuses."""
    read = []
    for value in values:
        try:
            read.append(read_field(name, value))
        except Invalid as invalid:
            raise _BadDistribution(f"space.{name} includes {format_value(value)}: {invalid}") from invalid
    return tuple(read)


def _check_request(count: int, sampler: str, seed: int, start: int) -> None:
    if sampler not in SAMPLERS:
        message = f"sampler is {sampler!r}; it must be one of {', '.join(SAMPLERS)}."
        raise Invalid(FieldError("sampler", sampler, message))
    read_field("seed", -1 if seed is None else seed)
    if not (0 <= count <= MAX_DRAWN_TRIALS and 0 <= start <= MAX_DRAWN_TRIALS - count):
        message = (
            f"trials is {count} beside {start} drawn before; a sweep holds at most {MAX_DRAWN_TRIALS} in all."
        )
        raise Invalid(FieldError("trials", count, message))


def _check_fixed(fixed: Mapping[str, object], taken: Iterable[str]) -> None:
    """What is fixed must be valid on its own and must not vary too."""
    errors = [
        FieldError(
            f"settings.{name}",
            fixed[name],
            f"{name} is {format_value(fixed[name])} in settings and also varies in space; keep only "
            f"one of the two.",
        )
        for name in taken
        if name in fixed
    ]
    try:
        Settings.parse(fixed)
    except Invalid as invalid:
        errors += [dataclasses.replace(error, field=f"settings.{error.field}") for error in invalid.errors]
    if errors:
        raise Invalid(*errors)


def _complete_settings(values: Mapping[str, object], seed: int, where: str) -> Settings:
    """The complete settings of one trial; its seed is the sweep's unless given (docs/decisions/0004)."""
    try:
        settings = Settings.parse(values)
    except Invalid as invalid:
        raise Invalid(*(dataclasses.replace(e, field=where + e.field) for e in invalid.errors)) from invalid
    if settings.seed is None:
        return dataclasses.replace(settings, seed=seed)
    return settings


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # also takes whole numbers too long for a float


def _format_examples() -> str:
    return ", ".join(f'{{"{kind}": [low, high]}}' for kind in DISTRIBUTION_KINDS[:3]) + ', {"choice": [...]}'
