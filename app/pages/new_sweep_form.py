"""Fields: the settings as the controls of the new-sweep form, with a hint each (checks nothing)."""

from collections.abc import Mapping
from dataclasses import dataclass

from learning.number_format import brief
from learning.search.early_stopping import Halving, Median, Patience, StoppingRule
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
class RuleChoice:
    """A stopping rule to choose: its name in the body, what it does, and its numbers."""

    name: str
    title: str
    sentence: str
    fields: tuple[Field, ...]


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
                _field("hidden", "Hidden units", "a number a layer: 100, 50; empty: none"),
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


def rules() -> tuple[RuleChoice, ...]:
    """The stopping rules, with the numbers each takes."""
    halving, median, patience = Halving(), Median(), Patience()
    return (
        RuleChoice(
            "halving",
            "successive halving",
            "At each rung (after 1, 3, 9, ... epochs) trials are compared and only the best train on; in "
            "brackets the best of the first few are there early. The same seed lets the same ones go on, "
            "whoever trains them.",
            (
                _number(halving, "factor", "Keep one in", "at each rung"),
                _number(halving, "first", "First rung", "epochs until it"),
                _number(halving, "bracket", "Trials in a bracket", "empty: all in one"),
            ),
        ),
        RuleChoice(
            "median",
            "median rule",
            "A trial ends when its best val accuracy is below the median of what the others averaged up to "
            "the same epoch. Which trials are stopped depends on who was first.",
            (
                _number(median, "after", "Not before epoch", ""),
                _number(median, "trials", "Others to compare", "as far as it, at least"),
            ),
        ),
        RuleChoice(
            "patience",
            "patience",
            "A trial ends when its val accuracy has not risen for some epochs.",
            (
                _number(patience, "epochs", "Epochs without a rise", ""),
                _number(patience, "by", "A rise is more than", "val accuracy, 0 to 1"),
            ),
        ),
    )


def rule_words(spec: Mapping[str, Mapping[str, float | None]]) -> str:
    """A sweep's stopping rule with its numbers, such as `successive halving: factor 3, first 1`."""
    ((name, numbers),) = spec.items()
    title = next(rule.title for rule in rules() if rule.name == name)
    said = [f"{key} {brief(value, 6)}" for key, value in numbers.items() if value is not None]
    return f"{title}: {', '.join(said)}"


def _number(rule: StoppingRule, name: str, label: str, hint: str) -> Field:
    default = getattr(rule, name)
    return Field(name, label, hint, "" if default is None else brief(default, 6))


def _field(name: str, label: str, hint: str) -> Field:
    value = getattr(Settings(), name)
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    return Field(name, label, hint, text, _OPTIONS.get(name, ()))
