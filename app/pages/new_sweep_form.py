"""The controls of the new-sweep form: the settings in groups, and the stopping rules."""

from dataclasses import dataclass

from learning.number_format import format_number
from learning.search.early_stopping import Halving, Median, Patience, StoppingRule
from learning.settings import CHOICES, Settings


@dataclass(frozen=True, slots=True)
class FormField:
    """One control: a menu if it has `options`, else a line of text; an empty line leaves the setting out."""

    name: str
    label: str
    hint: str
    default: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """A stopping rule to choose: `name` as in the body, what it does, and its numbers."""

    name: str
    title: str
    sentence: str
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class FieldGroup:
    title: str
    fields: tuple[FormField, ...]


def list_groups() -> tuple[FieldGroup, ...]:
    """Every setting that a user can choose, in the order of the form."""
    return (
        FieldGroup(
            "Net",
            (
                _setting_field("hidden", "Hidden units", "a number a layer: 100, 50; empty: none"),
                _setting_field("activation", "Activation", ""),
                _setting_field("init", "Initial weights", "normal uses the scale"),
                _setting_field("init_scale", "Initial scale", "1e-4 in the lecture"),
                _setting_field("dropout", "Dropout", "chance to drop a unit"),
            ),
        ),
        FieldGroup(
            "Training",
            (
                _setting_field("update", "Update rule", ""),
                _setting_field("lr", "Learning rate", ""),
                _setting_field("momentum", "Momentum", "for momentum, nesterov"),
                _setting_field("reg", "Regularisation", "0.5 reg ΣW²"),
                _setting_field("schedule", "Schedule", "of the learning rate"),
                _setting_field("lr_decay", "Decay", "of the rate, an epoch"),
                _setting_field("epochs", "Epochs", ""),
                _setting_field("batch_size", "Batch size", "a number, or full"),
            ),
        ),
        FieldGroup(
            "Data",
            (
                _setting_field("preprocess", "Preprocessing", "learnt on the training part"),
                _setting_field("train_count", "Training examples", "empty: all"),
                _setting_field("val_count", "Validation examples", "0: the training part itself"),
                _setting_field("explosion", "Stop at cost ×", "first cost; 0: only nan, inf"),
            ),
        ),
    )


def list_rules() -> tuple[RuleChoice, ...]:
    """The stopping rules, each with its numbers."""
    halving, median, patience = Halving(), Median(), Patience()
    return (
        RuleChoice(
            "halving",
            "successive halving",
            "At each rung (after 1, 3, 9, ... epochs) trials are compared and only the best train on; in "
            "brackets the best of the first few are there early. The same seed lets the same ones go on, "
            "whoever trains them.",
            (
                _rule_field(halving, "factor", "Keep one in", "at each rung"),
                _rule_field(halving, "first", "First rung", "epochs until it"),
                _rule_field(halving, "bracket", "Trials in a bracket", "empty: all in one"),
            ),
        ),
        RuleChoice(
            "median",
            "median rule",
            "A trial ends when its best val accuracy is below the median of what the others averaged up to "
            "the same epoch. Which trials are stopped depends on who was first.",
            (
                _rule_field(median, "after", "Not before epoch", ""),
                _rule_field(median, "trials", "Others to compare", "as far as it, at least"),
            ),
        ),
        RuleChoice(
            "patience",
            "patience",
            "A trial ends when its val accuracy has not risen for some epochs.",
            (
                _rule_field(patience, "epochs", "Epochs without a rise", ""),
                _rule_field(patience, "by", "A rise is more than", "val accuracy, 0 to 1"),
            ),
        ),
    )


def describe_rule(rule: StoppingRule) -> str:
    """A sweep's stopping rule with its numbers, such as `successive halving: factor 3, first 1`."""
    ((name, numbers),) = rule.to_dict().items()
    title = next(choice.title for choice in list_rules() if choice.name == name)
    values = [f"{key} {format_number(value, 6)}" for key, value in numbers.items() if value is not None]
    return f"{title}: {', '.join(values)}"


def _rule_field(rule: StoppingRule, name: str, label: str, hint: str) -> FormField:
    default = getattr(rule, name)
    return FormField(name, label, hint, "" if default is None else format_number(default, 6))


def _setting_field(name: str, label: str, hint: str) -> FormField:
    value = getattr(Settings(), name)
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    return FormField(name, label, hint, text, CHOICES.get(name, ()))
