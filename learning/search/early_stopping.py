"""Stopping: rules that end trials early, so that the time goes to better ones (decides only, stops nothing).

A sweep has one rule at most. Successive halving compares the trials of a sweep at fixed epochs, its rungs,
and so gives the same survivors whoever trained them and when. The median rule compares a trial with those
that are as far, so it depends on who was first. Patience looks at one trial alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median

from learning.errors import FieldError, Invalid
from learning.number_format import brief
from learning.settings import MAX_EPOCHS, Rule, Settings, either, real, whole

MOST = 1_000_000  # trials that a rule may speak of


@dataclass(frozen=True, slots=True)
class Reached:
    """What a trial had come to at a rung; val_acc, its best so far, is None if it diverged on the way."""

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

    def brackets(self, count: int) -> Iterator[range]:
        """The positions of so many trials, in brackets of about the same size, in their order."""
        pieces = max(1, -(-count // self.bracket)) if self.bracket else 1
        ends = [-(-count * piece // pieces) for piece in range(pieces + 1)]
        return (range(a, b) for a, b in pairwise(ends))

    def rungs(self, total: int) -> Iterator[int]:
        """The epochs after which a trial of `total` epochs is compared; all lie before its last."""
        epoch = self.first
        while epoch < total:
            yield epoch
            epoch *= self.factor

    def next_rung(self, done: int, total: int) -> int | None:
        """The first rung after so many epochs; None when the end comes first."""
        return next((epoch for epoch in self.rungs(total) if epoch > done), None)

    def number(self, rung: int) -> int:
        """Which rung lies after so many epochs: 1, 2, ..."""
        return 1 + sum(1 for _ in self.rungs(rung))

    def kept(self, count: int) -> int:
        """How many of so many trials go on: 1 / factor, rounded down, but always one."""
        return max(1, count // self.factor)

    def promoted(self, results: Sequence[Reached]) -> frozenset[int]:
        """The numbers of the trials that go on: the best by val accuracy, of equal ones the lower number.

        A trial that diverged counts among those compared but never goes on, so it may be fewer than `kept`.
        """
        alive = [(-one.val_acc, one.number) for one in results if one.val_acc is not None]
        return frozenset(number for _, number in sorted(alive)[: self.kept(len(results))])

    def expected(self, done: int, total: int, *, waits: bool = False) -> float:
        """Epochs a trial still trains, on average over all: at each rung 1 / factor of them go on.

        `waits`: it has reached a rung that is not decided yet.
        """
        ends = [done, *(epoch for epoch in self.rungs(total) if epoch > done), total]
        share = 1 / self.factor if waits else 1.0
        epochs = 0.0
        for start, end in pairwise(ends):
            epochs += share * (end - start)
            share /= self.factor
        return epochs

    def reason(self, one: Reached, rung: int, of: int, left: int) -> str:
        """Why a trial was not among those that go on from a rung that `of` trials took part in."""
        return (
            f"best val accuracy {_accuracy(one.val_acc)} after {_epochs(rung)} was not among the best "
            f"{self.kept(of)} of {of} at rung {self.number(rung)}; {_untrained(left)}"
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

    def reason(self, epoch: int, best: float | None, means: Sequence[float], left: int) -> str | None:
        """Why a trial is to be stopped after this epoch; None: it goes on."""
        if epoch < self.after or len(means) < self.trials:
            return None
        middle = median(means)
        if best is not None and best >= middle:
            return None
        return (
            f"best val accuracy {_accuracy(best)} after {_epochs(epoch)} was below {middle:.4f}, the median "
            f"of the averages of {len(means)} other trial{'' if len(means) == 1 else 's'}; {_untrained(left)}"
        )


@dataclass(frozen=True, slots=True)
class Patience:
    """Early stopping: a trial ends whose val accuracy has risen by no more than `by` in so many epochs."""

    epochs: int = 5
    by: float = 0.0

    def reason(self, before: float | None, lately: float | None, left: int) -> str | None:
        """Why a trial is to be stopped; None: it goes on.

        `before`: its best val accuracy until `epochs` epochs ago; `lately`: the best since; None: no number.
        """
        if lately is not None and (before is None or lately > before + self.by):
            return None
        more = f"more than {brief(self.by, 6)}" if self.by else "at all"
        return (
            f"val accuracy has not risen {more} above {_accuracy(before)} in the last "
            f"{_epochs(self.epochs)}; {_untrained(left)}"
        )


StoppingRule = Halving | Median | Patience


def parse(spec: object) -> StoppingRule | None:
    """The rule of `{"halving": {"factor": 3, "first": 1}}` and the like; None for null.

    Numbers left out keep their default. Raises Invalid naming every bad field as `stopping.RULE.FIELD`.
    """
    if spec is None:
        return None
    if not isinstance(spec, Mapping) or len(spec) != 1 or not set(spec) <= set(_KINDS):
        message = f"stopping must be null or an object with one of {', '.join(_KINDS)}, not {spec!r:.200}."
        raise Invalid(FieldError("stopping", spec, message))
    ((name, numbers),) = spec.items()
    make, rules = _KINDS[name]
    if not isinstance(numbers, Mapping):
        message = f"stopping.{name} must be an object of {', '.join(rules)}, not {numbers!r:.200}."
        raise Invalid(FieldError(f"stopping.{name}", numbers, message))
    read: dict[str, object] = {}
    errors: list[FieldError] = []
    for field, value in numbers.items():
        try:
            read[field] = _read(name, str(field), value, rules)
        except Invalid as invalid:
            errors.extend(invalid.errors)
    if errors:
        raise Invalid(*errors)
    return make(**read)


def to_dict(rule: StoppingRule) -> dict[str, dict[str, object]]:
    """The JSON form, all numbers named; `parse` gives the rule back."""
    name = next(name for name, (make, _) in _KINDS.items() if make is type(rule))
    return {name: asdict(rule)}


def check(rule: StoppingRule | None, trials: Sequence[Settings]) -> None:
    """Raises Invalid for halving without a rung before the last epoch of any trial: it would stop nothing."""
    longest = max((one.epochs for one in trials), default=0)
    if isinstance(rule, Halving) and trials and rule.first >= longest:
        message = (
            f"stopping.halving.first is {rule.first}, but no trial trains more than {_epochs(longest)}; "
            "the first rung must lie before the last epoch."
        )
        raise Invalid(FieldError("stopping.halving.first", rule.first, message))


def _read(rule: str, field: str, value: object, rules: Mapping[str, Rule]) -> object:
    path = f"stopping.{rule}.{field}"
    if field not in rules:
        raise Invalid(FieldError(path, value, f"{path} is not a field; {rule} has {', '.join(rules)}."))
    wanted, read = rules[field]
    try:
        return read(value)
    except (ValueError, TypeError, OverflowError):
        raise Invalid(FieldError(path, value, f"{path} must be {wanted}, not {value!r:.200}.")) from None


_KINDS: Mapping[str, tuple[Callable[..., StoppingRule], Mapping[str, Rule]]] = {
    "halving": (
        Halving,
        {
            "factor": whole(2, 100),
            "first": whole(1, MAX_EPOCHS),
            "bracket": either(whole(2, MOST), "null", None),
        },
    ),
    "median": (Median, {"after": whole(1, MAX_EPOCHS), "trials": whole(1, MOST)}),
    "patience": (Patience, {"epochs": whole(1, MAX_EPOCHS), "by": real(0, 1)}),
}


def _accuracy(value: float | None) -> str:
    return "nan" if value is None else f"{value:.4f}"


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"


def _untrained(left: int) -> str:
    return f"{_epochs(left)} {'was' if left == 1 else 'were'} not trained"
