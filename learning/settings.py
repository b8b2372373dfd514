"""The hyper-parameters of one trial: their defaults, limits and checks."""

import dataclasses
import itertools
import json
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from learning.errors import FieldError, Invalid, format_value
from learning.number_format import format_number

ACTIVATIONS = ("relu", "tanh", "leaky_relu")
INITS = ("normal", "xavier", "he")
UPDATES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
SCHEDULES = ("exponential", "step", "cosine", "inverse", "constant")
PREPROCESSES = ("none", "mean_image", "channel", "standardise", "whiten")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "activation": ACTIVATIONS,
    "init": INITS,
    "update": UPDATES,
    "schedule": SCHEDULES,
    "preprocess": PREPROCESSES,
}  # the words that a setting may have

# What one request may ask for: generous for any sensible net, short of the absurd.
MAX_LAYERS = 8
MAX_UNITS = 4096
MAX_HIDDEN_WEIGHTS = 4096 * 4096  # weights between hidden layers, all together
MAX_EPOCHS = 10_000
MAX_ROWS = 10_000_000
MAX_RATE = 1e12  # lr and reg: far above anything that could work, far below float32's 3e38
MAX_SEED = 2**53 - 1  # exact in JSON and in JavaScript


@dataclass(frozen=True, slots=True)
class Settings:
    """The hyper-parameters of one trial. Loss = mean cross-entropy + 0.5 * reg * sum(W**2)."""

    hidden: tuple[int, ...] = (50,)  # units of each hidden layer; () is softmax regression
    activation: str = "relu"
    init: str = "normal"  # normal: init_scale * randn; xavier and he scale by the fan-in instead
    init_scale: float = 1e-4
    update: str = "momentum"
    lr: float = 1e-3
    momentum: float = 0.0  # of the momentum and nesterov updates
    reg: float = 0.0
    dropout: float = 0.0  # chance that a hidden unit is dropped
    schedule: str = "exponential"
    lr_decay: float = 1.0
    batch_size: int | str = 100  # or "full"
    epochs: int = 10
    seed: int | None = None  # filled in when trials are drawn
    preprocess: str = "mean_image"
    train_count: int | None = None  # the first n of the archive's order; None: all that validation leaves
    val_count: int = 1000  # 0: validate on the training part itself
    stratify: bool = False
    explosion: float = 3.0  # cost > explosion * first cost ends the trial; 0: only a cost that is not finite

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> "Settings":
        """Read settings; fields left out keep their default. Raises Invalid naming every bad field."""
        errors: list[FieldError] = []
        fields: dict[str, object] = {}
        for name, value in values.items():
            try:
                fields[name] = read_field(name, value)
            except Invalid as invalid:
                errors.extend(invalid.errors)
        if errors:
            raise Invalid(*errors)
        return cls(**fields)  # type: ignore[arg-type]  # read_field has checked each

    @classmethod
    def restore(cls, values: Mapping[str, object]) -> "Settings":
        """Settings that were stored, by this version or an older one; what they may be is not asked again.

        A field that is missing has its default, and a name that is no setting any more is left out.
        """
        fields = {name: values[name] for name in _FIELD_RULES if name in values}
        if isinstance(hidden := fields.get("hidden"), list):
            fields["hidden"] = tuple(hidden)
        return cls(**fields)  # type: ignore[arg-type]  # they were parsed when they were stored

    def to_dict(self) -> dict[str, object]:
        """Every field in its JSON form; parse and restore give the same settings back."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return values | {"hidden": list(self.hidden)}

    def group_key(self) -> str:
        """Equal for two trials of one sweep if and only if one stack can train both."""
        shared = {name: value for name, value in self.to_dict().items() if name in _GROUP_FIELDS}
        return json.dumps(shared | {"dropout": self.dropout > 0}, sort_keys=True)


SETTING_NAMES = tuple(field.name for field in dataclasses.fields(Settings))

_GROUP_FIELDS = {
    "hidden",
    "activation",
    "update",
    "batch_size",
    "epochs",
    "preprocess",
    "train_count",
    "val_count",
    "stratify",
}


def read_field(name: str, value: object) -> object:
    """Convert the value of one field to its own type. Raises Invalid with one FieldError."""
    if name not in _FIELD_RULES:
        known = ", ".join(_FIELD_RULES)
        raise Invalid(FieldError(name, value, f"{name} is not a setting; the settings are {known}."))
    wanted, read = _FIELD_RULES[name]
    try:
        return read(value)
    except (ValueError, TypeError, OverflowError):
        message = f"{name} must be {wanted}, not {format_value(value)}."
        raise Invalid(FieldError(name, value, message)) from None


FieldRule = tuple[str, Callable[[object], object]]  # what is allowed, and a reader that raises ValueError


def format_setting(value: object) -> str:
    """The value of a setting for a sentence, such as `100 × 50` or `0.012`."""
    if isinstance(value, tuple):
        return " × ".join(map(str, value)) or "no hidden layer"
    return format_number(value) if isinstance(value, float) else str(value)


def _one_of(names: Sequence[str]) -> FieldRule:
    def read(value: object) -> str:
        if isinstance(value, str) and value in names:
            return value
        raise ValueError

    return "one of " + ", ".join(names), read


def real(low: float, high: float, *, above: bool = False, below: bool = False) -> FieldRule:
    """Floats from low to high; `above` and `below` exclude the ends."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError
        number = float(value)
        fits = low <= number <= high and not (above and number == low) and not (below and number == high)
        if not math.isfinite(number) or not fits:
            raise ValueError
        return number

    start, end = "above" if above else "at least", "below" if below else "at most"
    return f"a number {start} {format_number(low, 6)} and {end} {format_number(high, 6)}", read


def whole(low: int, high: int) -> FieldRule:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise TypeError
        if not low <= int(value) <= high:
            raise ValueError
        return int(value)

    return f"a whole number from {low} to {high}", read


def either(rule: FieldRule, word: str, constant: object) -> FieldRule:
    wanted, read = rule

    def read_or(value: object) -> object:
        return constant if type(value) is type(constant) and value == constant else read(value)

    return f"{wanted}, or {word}", read_or


def _read_hidden(value: object) -> tuple[int, ...]:
    """A list of units. A bare number is one layer, so that a space can draw it."""
    layers = list(value) if isinstance(value, (list, tuple)) else [value]
    units = tuple(_read_units(layer) for layer in layers)
    between = sum(a * b for a, b in itertools.pairwise(units))
    if len(units) > MAX_LAYERS or between > MAX_HIDDEN_WEIGHTS:
        raise ValueError
    return units


def _read_units(value: object) -> int:
    units = whole(1, MAX_UNITS)[1](value)
    assert isinstance(units, int)
    return units


def _read_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _read_explosion(value: object) -> float:
    factor = real(0, 1e6)[1](value)
    assert isinstance(factor, float)
    if 0 < factor < 1:  # would end a trial for a falling cost
        raise ValueError
    return factor


_HIDDEN_LIMITS = (
    f"a list of at most {MAX_LAYERS} layers of 1 to {MAX_UNITS} units with at most "
    f"{MAX_HIDDEN_WEIGHTS:,} weights between them"
)

_FIELD_RULES: Mapping[str, FieldRule] = {
    "hidden": (_HIDDEN_LIMITS, _read_hidden),
    "activation": _one_of(CHOICES["activation"]),
    "init": _one_of(CHOICES["init"]),
    "init_scale": real(0, 1e3, above=True),
    "update": _one_of(CHOICES["update"]),
    "lr": real(0, MAX_RATE, above=True),
    "momentum": real(0, 1, below=True),
    "reg": real(0, MAX_RATE),
    "dropout": real(0, 1, below=True),
    "schedule": _one_of(CHOICES["schedule"]),
    "lr_decay": real(0, 1, above=True),
    "batch_size": either(whole(1, MAX_ROWS), 'the word "full"', "full"),
    "epochs": whole(1, MAX_EPOCHS),
    "seed": either(whole(0, MAX_SEED), "null", None),
    "preprocess": _one_of(CHOICES["preprocess"]),
    "train_count": either(whole(1, MAX_ROWS), "null", None),
    "val_count": whole(0, MAX_ROWS),
    "stratify": ("true or false", _read_bool),
    "explosion": ("0 (off) or a number from 1 to 1e6", _read_explosion),
}
