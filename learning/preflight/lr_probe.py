"""The learning rate probe: which rates move the loss, over many decades trained as one group.

It begins with 1e-6 to 10 and extends the range at either end: down until a rate barely moves the cost, up
until one makes it explode. So it finds both ends whatever the scale of data and weights. Cost is the
cross-entropy alone: a shrinking penalty teaches nothing.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from learning.data.dataset import Split
from learning.number_format import format_number
from learning.preflight.check_result import Check, check_at_least
from learning.preflight.data_checks import pick_evenly
from learning.settings import Settings
from learning.training.group import count_mini_batches
from learning.training.trainer import Epoch, Member, train

FIRST_HALF_DECADES = range(-12, 3)  # half decades: 1e-6 .. 10
MORE_HALF_DECADES = 6  # to add at an end that was not found
LOWEST_HALF_DECADE, HIGHEST_HALF_DECADE = -36, 24  # 1e-18 .. 1e12, the largest rate there is
PROBE_STEPS = 300  # mini-batches that each rate trains on, roughly
MIN_PROBE_EPOCHS = (
    3  # epochs at least, so that there is something to see: a large data set is cut to STEPS / LOOKS
)
MAX_BATCH = 200
MAX_VAL_ROWS = 1_000  # validation rows at most
CLEAR_FALL = 0.02  # of the first cost: 0.05 of 2.30; "barely changing" in the lecture is 0.0002 of 2.30
BARELY_MOVING = 0.002  # of the first cost
GOOD_SHARE = 0.5  # of the largest fall: rates that come this far belong to the workable range
LEARNING_ERRORS = 3  # above chance


@dataclass(frozen=True, slots=True)
class RateTrial:
    """The training of one learning rate."""

    lr: float
    epochs: tuple[Epoch, ...]

    @property
    def last(self) -> Epoch:
        return self.epochs[-1]

    def fall(self, first: float) -> float:
        """By what share of the first cost it fell; nan if it diverged."""
        return math.nan if self.last.diverged else 1 - self.last.data_loss / first


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """All rates, lowest first, and what they show together."""

    tried: tuple[RateTrial, ...]
    part: Split

    @property
    def first(self) -> float:
        """The cost before training: the first of the lowest rate, since all start with the same weights."""
        return self.tried[0].epochs[0].data_loss

    @property
    def best(self) -> RateTrial:
        return max(self.tried, key=lambda trial: _replace_nan(trial.fall(self.first)))

    @property
    def workable(self) -> tuple[RateTrial, ...]:
        """The best rate and its neighbours that come half as far; empty if none lowers the cost clearly."""
        least = max(CLEAR_FALL, GOOD_SHARE * _replace_nan(self.best.fall(self.first)))
        good = [trial.fall(self.first) >= least for trial in self.tried]
        middle = low = high = self.tried.index(self.best)
        if not good[middle]:
            return ()
        while low > 0 and good[low - 1]:
            low -= 1
        while high < len(good) - 1 and good[high + 1]:
            high += 1
        return self.tried[low : high + 1]

    @property
    def low_end_seen(self) -> bool:
        slowest = self.tried[0]
        return not slowest.last.diverged and abs(slowest.fall(self.first)) < BARELY_MOVING

    @property
    def high_end_seen(self) -> bool:
        fastest = self.tried[-1]
        return bool(fastest.last.diverged) or fastest.fall(self.first) < -CLEAR_FALL


def probe_rates(split: Split, settings: Settings) -> Iterator[Check | None]:
    """Yield None after each epoch of all rates, then the checks `lr-probe` and `learns`."""
    part = _cut_split(split, settings)
    tried: dict[int, RateTrial] = {}
    halves = list(FIRST_HALF_DECADES)
    while halves:
        tried |= yield from _train_rates(halves, part, settings)
        found = ProbeResult(tuple(tried[half] for half in sorted(tried)), part)
        halves = _list_further_rates(found, min(tried), max(tried))
    yield _check_rates(found)
    yield _check_learns(found)


def _list_further_rates(found: ProbeResult, low: int, high: int) -> list[int]:
    """The rates to try next, in half decades: beyond each end that was not found."""
    below = [] if found.low_end_seen else range(max(LOWEST_HALF_DECADE, low - MORE_HALF_DECADES), low)
    above = (
        [] if found.high_end_seen else range(high + 1, min(HIGHEST_HALF_DECADE, high + MORE_HALF_DECADES) + 1)
    )
    return [*below, *above]


def _train_rates(
    halves: Sequence[int], part: Split, settings: Settings
) -> Generator[None, None, dict[int, RateTrial]]:
    """Train these rates as one group; yields None after each epoch."""
    batch = min(_choose_batch_size(settings), len(part.train_rows))
    epochs = math.ceil(PROBE_STEPS / count_mini_batches(len(part.train_rows), batch))
    fixed = replace(settings, batch_size=batch, epochs=epochs, schedule="constant", lr_decay=1.0)
    curves: dict[int, list[Epoch]] = {half: [] for half in halves}
    for step in train(
        [Member(half, replace(fixed, lr=half_decade_rate(half))) for half in halves], part, seed=0
    ):
        for epoch in step.epochs:
            curves[epoch.key].append(epoch)
        yield None
    return {half: RateTrial(half_decade_rate(half), tuple(curve)) for half, curve in curves.items()}


def half_decade_rate(half: int) -> float:
    """The learning rate `half` half decades above 1."""
    return float(10.0 ** (half / 2))


def _cut_split(split: Split, settings: Settings) -> Split:
    """Cut the split to the training rows that the steps need, and some validation rows."""
    train_rows = pick_evenly(split.train_rows, PROBE_STEPS // MIN_PROBE_EPOCHS * _choose_batch_size(settings))
    return replace(split, train_rows=train_rows, val_rows=pick_evenly(split.val_rows, MAX_VAL_ROWS))


def _choose_batch_size(settings: Settings) -> int:
    wanted = settings.batch_size
    return MAX_BATCH if isinstance(wanted, str) else min(wanted, MAX_BATCH)


def _replace_nan(fall: float) -> float:
    return fall if math.isfinite(fall) else -math.inf


def _check_rates(found: ProbeResult) -> Check:
    """The figure is the largest fall as a share of the first cost; the curve is the last cost by rate."""
    curve = [(trial.lr, trial.last.data_loss) for trial in found.tried]
    accuracy = [(trial.lr, trial.last.val_acc) for trial in found.tried if not trial.last.diverged]
    span = (found.workable[0].lr, found.workable[-1].lr) if found.workable else None
    figure = found.best.fall(found.first)
    return check_at_least(
        "lr-probe", "Learning rate", figure, CLEAR_FALL, _describe_rates(found), curve, accuracy, span
    )


def _describe_rates(found: ProbeResult) -> str:
    first, best = found.first, found.best
    ends = f"{format_number(found.tried[0].lr, 1)} to {format_number(found.tried[-1].lr, 1)}"
    if best.last.diverged:
        return f"The cost of {format_number(first, 4)} exploded at every rate from {ends}."
    if not found.workable:
        return (
            f"No rate from {ends} brought the cost clearly down from {format_number(first, 4)}: "
            f"the best came to {format_number(best.last.data_loss, 4)}. "
            "Look at the initial weights, the preprocessing and reg."
        )
    sentence = (
        f"Workable: {format_number(found.workable[0].lr)} to {format_number(found.workable[-1].lr)}; "
        f"{format_number(best.lr)} went "
        f"furthest, from {format_number(first, 4)} to {format_number(best.last.data_loss, 4)}."
    )
    return sentence + _describe_fast_rates(found) + _describe_slow_rates(found)


def _describe_fast_rates(found: ProbeResult) -> str:
    """From which rate on the cost explodes or stays high."""
    above = [trial for trial in found.tried if trial.lr > found.workable[-1].lr]
    exploding = [trial.lr for trial in above if trial.last.diverged]
    if exploding:
        return f" From {format_number(exploding[0])} on the cost explodes."
    return f" From {format_number(above[0].lr)} on the cost stays high." if above else ""


def _describe_slow_rates(found: ProbeResult) -> str:
    """Up to which rate the cost barely moves; and the lecture's puzzle, that accuracy may rise anyway."""
    slow = [
        trial
        for trial in found.tried
        if abs(trial.fall(found.first)) < BARELY_MOVING and trial.lr < found.best.lr
    ]
    if not slow:
        return ""
    sentence = f" Up to {format_number(slow[-1].lr)} it barely moves"
    if slow[-1].last.val_acc < _needed_accuracy(found.part):
        return f"{sentence}."
    return (
        f"{sentence}, yet val accuracy is {slow[-1].last.val_acc:.2f} there: the scores hardly differ, but "
        "they shift the right way, and the right one is the largest long before it is large."
    )


def _check_learns(found: ProbeResult) -> Check:
    """Does what was learnt hold for other examples? The curve is val accuracy by epoch of the best rate.

    Labels that have nothing to do with the examples can be learnt by heart, but not predicted.
    """
    best, part = found.best, found.part
    needed, val_acc = _needed_accuracy(part), best.last.val_acc
    sentence = (
        f"After about {PROBE_STEPS} steps at {format_number(best.lr)} val accuracy is {val_acc:.3f}; "
        f"guessing on {len(part.val_rows):,} examples gives {_chance_accuracy(part):.3f}."
    )
    if not val_acc >= needed:
        sentence += _explain_failure(found)
    curve = [(float(epoch.epoch), epoch.val_acc) for epoch in best.epochs]
    accuracy = [(float(epoch.epoch), epoch.train_acc) for epoch in best.epochs]
    return check_at_least("learns", "Learns", val_acc, needed, sentence, curve, accuracy)


def _explain_failure(found: ProbeResult) -> str:
    if not found.workable:
        return " No rate taught it anything, so there is nothing to hold for other examples."
    train_acc = found.best.last.train_acc
    if train_acc < _needed_accuracy(found.part):
        return (
            f" It is no better on the examples it trains on ({train_acc:.2f}): the cost only fell to that of "
            "guessing. Look at reg and the initial weights."
        )
    return (
        f" On the examples it trains on it came to {train_acc:.2f}, but that does not hold "
        "for others: are the labels right, and do they belong to these rows?"
    )


def _chance_accuracy(part: Split) -> float:
    """The accuracy of always predicting the most frequent class."""
    return float(np.bincount(part.y[part.val_rows]).max() / len(part.val_rows))


def _needed_accuracy(part: Split) -> float:
    """An accuracy that is hardly ever reached by chance."""
    chance = _chance_accuracy(part)
    return min(1.0, chance + LEARNING_ERRORS * math.sqrt(chance * (1 - chance) / len(part.val_rows)))
