"""Fields: the settings as the controls of the new-sweep form, with a hint each (checks nothing)."""

from collections.abc import Mapping
from dataclasses import dataclass

from learning.settings import ACTIVATIONS, INITS, PREPROCESSES, SCHEDULES, UPDATES, Settings


@dataclass(frozen=True, slots=True)
class Field:
    """One control; with `options` a menu, else a line of text. An empty line leaves the setting out."""

    name: str
    label: str
    hint: str
    default: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    fields: tuple[Field, ...]


_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "activation": ACTIVATIONS,
    "init": INITS,
    "update": UPDATES,
    "schedule": SCHEDULES,
    "preprocess": PREPROCESSES,
}


def groups() -> tuple[Group, ...]:
    """All settings a user sets, in the order one thinks of them."""
    return (
        Group(
            "Net",
            (
                _field("hidden", "Hidden units", "a number a layer: 100, 50"),
                _field("activation", "Activation", ""),
                _field("init", "Initial weights", "normal uses the scale"),
                _field("init_scale", "Initial scale", "1e-4 in the lecture"),
                _field("dropout", "Dropout", "chance to drop a unit"),
            ),
        ),
        Group(
            "Training",
            (
                _field("update", "Update rule", ""),
                _field("lr", "Learning rate", ""),
                _field("momentum", "Momentum", "for momentum, nesterov"),
                _field("reg", "Regularisation", "0.5 reg ΣW²"),
                _field("schedule", "Schedule", "of the learning rate"),
                _field("lr_decay", "Decay", "of the rate, an epoch"),
                _field("epochs", "Epochs", ""),
                _field("batch_size", "Batch size", "a number, or full"),
            ),
        ),
        Group(
            "Data",
            (
                _field("preprocess", "Preprocessing", "learnt on the training part"),
                _field("train_count", "Training examples", "empty: all"),
                _field("val_count", "Validation examples", "0: the training part itself"),
                _field("explosion", "Stop at cost ×", "first cost; 0: only nan, inf"),
            ),
        ),
    )


def _field(name: str, label: str, hint: str) -> Field:
    value = getattr(Settings(), name)
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    return Field(name, label, hint, text, _OPTIONS.get(name, ()))
