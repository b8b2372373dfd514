"""Stopping rules: which trials should end early, so that the time goes to better ones.

A sweep has at most one rule. Successive halving compares the trials of a sweep at fixed epochs, its rungs,
and so gives the same survivors whoever trained them and when. The median rule compares a trial with those
that are as far, so it depends on who was first. Patience looks at one trial alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from learning.errors import FieldError, Invalid, format_value
from learning.number_format import format_number
from learning.settings import MAX_EPOCHS, FieldRule, Settings, either, real, whole

MAX_RULE_TRIALS = 1_000_000  # the largest number of trials in a rule


@dataclass(frozen=True, slots=True)
class RungResult:
    """A trial at a rung; val_acc, its best so far, is None if it diverged before."""

    number: int
    val_acc: float | None


@dataclass(frozen=True, slots=True)
class Halving:
    """Successive halving (Jamieson & Talwalkar 2016; one bracket of Hyperband, Li et al. 2018).

    At each rung, after first, first * factor, first * factor**2, ... epochs, the best 1 / factor go on. Those
    compared with each other are a bracket: all trials that were submitted together, or fewer, and then the
    best of one bracket train on before the next begins.
    """

    factor: int = 3
    first: int = 1  # epochs to the first rung
    bracket: int | None = None  # trials in one, at most; None: all that come together

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """The JSON form, with every number."""
        return {"halving": asdict(self)}

    def split_brackets(self, count: int) -> Iterator[range]:
        """Split the positions of `count` trials, in order, into brackets of about the same size."""
        pieces = max(1, -(-count // self.bracket)) if self.bracket else 1
        ends = [-(-count * piece // pieces) for piece in range(pieces + 1)]
        return (range(a, b) for a, b in pairwise(ends))

    def rungs(self, total: int) -> Iterator[int]:
        """The epochs after which a trial of `total` epochs is compared, all before its last."""
        epoch = self.first
        while epoch < total:
            yield epoch
            epoch *= self.factor

    def next_rung(self, done: int, total: int) -> int | None:
        """The first rung after `done` epochs; None if the trial ends first."""
        return next((epoch for epoch in self.rungs(total) if epoch > done), None)

    def rung_number(self, rung: int) -> int:
        """The number, 1, 2, ..., of the rung after `rung` epochs."""
        return 1 + sum(1 for _ in self.rungs(rung))

    def promoted_count(self, count: int) -> int:
        """How many of `count` trials go on: 1 / factor, rounded down, but at least one."""
        return max(1, count // self.factor)

    def promote(self, results: Sequence[RungResult]) -> frozenset[int]:
        """The numbers of the trials that go on: the best by val accuracy, ties to the lower number.

        A trial that diverged is compared but never goes on, so there may be fewer than `promoted_count`.
        """
        alive = [(-result.val_acc, result.number) for result in results if result.val_acc is not None]
        return frozenset(number for _, number in sorted(alive)[: self.promoted_count(len(results))])

    def expected_epochs(self, done: int, total: int, *, waits: bool = False) -> float:
        """How many epochs a trial still trains on average, when 1 / factor of them go on at each rung.

        `waits`: the trial is at a rung that is not decided yet.
        """
        ends = [done, *(epoch for epoch in self.rungs(total) if epoch > done), total]
        share = 1 / self.factor if waits else 1.0
        epochs = 0.0
        for start, end in pairwise(ends):
            epochs += share * (end - start)
            share /= self.factor
        return epochs

    def reason(self, result: RungResult, rung: int, of: int, left: int) -> str:
        """Why a trial did not go on from a rung that `of` trials took part in."""
        return (
            f"best val accuracy {_format_accuracy(result.val_acc)} after {_format_epochs(rung)} was "
            f"not among the best "
            f"{self.promoted_count(of)} of {of} at rung {self.rung_number(rung)}; {_format_untrained(left)}"
        )


@dataclass(frozen=True, slots=True)
class Median:
    """The median stopping rule (Golovin et al. 2017, Vizier).

    A trial whose best val accuracy lies below the median of what the others averaged up to the same epoch is
    stopped. The others are those that have trained as long; who they are depends on the order in which
    workers took the trials, so two runs of a sweep may stop different ones.
    """

    after: int = 2  # epochs that every trial may train
    trials: int = 5  # others to compare with, at least

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """The JSON form, with every number."""
        return {"median": asdict(self)}

    def reason(self, epoch: int, best: float | None, means: Sequence[float], left: int) -> str | None:
        """Why a trial should stop after this epoch; None if it goes on."""
        if epoch < self.after or len(means) < self.trials:
            return None
        middle = median(means)
        if best is not None and best >= middle:
            return None
        return (
            f"best val accuracy {_format_accuracy(best)} after {_format_epochs(epoch)} was below "
            f"{middle:.4f}, the median of the averages of {len(means)} other "
            f"trial{'' if len(means) == 1 else 's'}; {_format_untrained(left)}"
        )


@dataclass(frozen=True, slots=True)
class Patience:
    """Early stopping: a trial ends whose val accuracy has risen by no more than `by` in so many epochs."""

    epochs: int = 5
    by: float = 0.0

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """The JSON form, with every number."""
        return {"patience": asdict(self)}

    def reason(self, before: float | None, lately: float | None, left: int) -> str | None:
        """Why a trial should stop; None if it goes on.

        `before` is its best val accuracy until `epochs` epochs ago, `lately` the best since; None: no number.
        """
        if lately is not None and (before is None or lately > before + self.by):
            return None
        more = f"more than {format_number(self.by, 6)}" if self.by else "at all"
        return (
            f"val accuracy has not risen {more} above {_format_accuracy(before)} in the last "
            f"{_format_epochs(self.epochs)}; {_format_untrained(left)}"
        )


StoppingRule = Halving | Median | Patience


def parse_rule(spec: object) -> StoppingRule | None:
    """Read a rule such as `{"halving": {"factor": 3, "first": 1}}`; null gives None.

    Numbers left out keep their default. Raises Invalid naming every bad field as `stopping.RULE.FIELD`.
    """
    if spec is None:
        return None
    if not isinstance(spec, Mapping) or len(spec) != 1 or not set(spec) <= set(_RULE_KINDS):
        wanted = f"null or an object with one of {', '.join(_RULE_KINDS)}"
        message = f"stopping must be {wanted}, not {format_value(spec)}."
        raise Invalid(FieldError("stopping", spec, message))
    ((name, numbers),) = spec.items()
    make, rules = _RULE_KINDS[name]
    if not isinstance(numbers, Mapping):
        message = f"stopping.{name} must be an object of {', '.join(rules)}, not {format_value(numbers)}."
        raise Invalid(FieldError(f"stopping.{name}", numbers, message))
    read: dict[str, object] = {}
    errors: list[FieldError] = []
    for field, value in numbers.items():
        try:
            read[field] = _read_field(name, str(field), value, rules)
        except Invalid as invalid:
            errors.extend(invalid.errors)
    if errors:
        raise Invalid(*errors)
    return make(**read)


def restore_rule(spec: Mapping[str, Mapping[str, Any]] | None) -> StoppingRule | None:
    """A rule that was stored, by this version or an older one; its numbers are not checked again."""
    if spec is None:
        return None
    ((name, numbers),) = spec.items()
    make, rules = _RULE_KINDS[name]
    return make(**{field: value for field, value in numbers.items() if field in rules})


def check_rule(rule: StoppingRule | None, trials: Sequence[Settings]) -> None:
    """Raises Invalid if halving has no rung before the last epoch of any trial: it would stop nothing."""
    longest = max((trial.epochs for trial in trials), default=0)
    if isinstance(rule, Halving) and trials and rule.first >= longest:
        message = (
            f"stopping.halving.first is {rule.first}, but no trial trains more than "
            f"{_format_epochs(longest)}; the first rung must lie before the last epoch."
        )
        raise Invalid(FieldError("stopping.halving.first", rule.first, message))


def _read_field(rule: str, field: str, value: object, rules: Mapping[str, FieldRule]) -> object:
    path = f"stopping.{rule}.{field}"
    if field not in rules:
        raise Invalid(FieldError(path, value, f"{path} is not a field; {rule} has {', '.join(rules)}."))
    wanted, read = rules[field]
    try:
        return read(value)
    except (ValueError, TypeError, OverflowError):
        message = f"{path} must be {wanted}, not {format_value(value)}."
        raise Invalid(FieldError(path, value, message)) from None


_RULE_KINDS: Mapping[str, tuple[Callable[..., StoppingRule], Mapping[str, FieldRule]]] = {
    "halving": (
        Halving,
        {
            "factor": whole(2, 100),
            "first": whole(1, MAX_EPOCHS),
            "bracket": either(whole(2, MAX_RULE_TRIALS), "null", None),
        },
    ),
    "median": (Median, {"after": whole(1, MAX_EPOCHS), "trials": whole(1, MAX_RULE_TRIALS)}),
    "patience": (Patience, {"epochs": whole(1, MAX_EPOCHS), "by": real(0, 1)}),
}


def _format_accuracy(value: float | None) -> str:
    return "nan" if value is None else f"{value:.4f}"


def _format_epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"


def _format_untrained(left: int) -> str:
    return f"{_format_epochs(left)} {'was' if left == 1 else 'were'} not trained"
