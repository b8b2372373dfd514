"""Probe: which learning rates move the loss, over many decades as one group (searches nothing finer).

It begins with 1e-6 to 10 and goes on at either end where none was seen: below until a rate barely moves the
cost, above until one makes it explode. So it finds both ends whatever the scale of data and weights. Cost is
the cross-entropy alone: a penalty that shrinks teaches nothing.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from learning.data.dataset import Split
from learning.number_format import format_number
from learning.preflight.check_result import Check, at_least
from learning.preflight.data_checks import spread
from learning.settings import Settings
from learning.training.trainer import Epoch, Member, train

FIRST = range(-12, 3)  # half decades: 1e-6 .. 10
FURTHER = 6  # half decades more, at an end that was not seen
LOWEST, HIGHEST = -36, 24  # 1e-18 .. 1e12, the largest rate there is
STEPS = 300  # mini-batches each rate trains on, about
LOOKS = 3  # epochs at least, so that there is something to see: a large data set is cut to STEPS / LOOKS
LARGEST_BATCH = 200
VALIDATED = 1_000  # validation rows at most
CLEAR_FALL = 0.02  # of the first cost: 0.05 of 2.30; "barely changing" in the lecture is 0.0002 of 2.30
BARELY = 0.002  # of the first cost
GOOD_SHARE = 0.5  # of the largest fall: rates that come this far belong to the workable range
STANDARD_ERRORS = 3  # above chance


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one learning rate."""

    lr: float
    epochs: tuple[Epoch, ...]

    @property
    def last(self) -> Epoch:
        return self.epochs[-1]

    def fall(self, first: float) -> float:
        """The share of the first cost that went away; nan if it diverged."""
        return math.nan if self.last.diverged else 1 - self.last.data_loss / first


@dataclass(frozen=True, slots=True)
class Probed:
    """All rates, slowest first, and what they say together."""

    tried: tuple[Tried, ...]
    part: Split

    @property
    def first(self) -> float:
        """The cost before training: the slowest rate's first epoch, for all begin with the same weights."""
        return self.tried[0].epochs[0].data_loss

    @property
    def best(self) -> Tried:
        return max(self.tried, key=lambda one: _or_least(one.fall(self.first)))

    @property
    def workable(self) -> tuple[Tried, ...]:
        """The best rate and those beside it that come half as far; none where none moves the cost clearly."""
        least = max(CLEAR_FALL, GOOD_SHARE * _or_least(self.best.fall(self.first)))
        good = [one.fall(self.first) >= least for one in self.tried]
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
        return not slowest.last.diverged and abs(slowest.fall(self.first)) < BARELY

    @property
    def high_end_seen(self) -> bool:
        fastest = self.tried[-1]
        return bool(fastest.last.diverged) or fastest.fall(self.first) < -CLEAR_FALL


def probe(split: Split, settings: Settings) -> Iterator[Check | None]:
    """Yields None after each epoch of all rates, then the checks `lr-probe` and `learns`."""
    part = _part(split, settings)
    tried: dict[int, Tried] = {}
    halves = list(FIRST)
    while halves:
        tried |= yield from _try(halves, part, settings)
        found = Probed(tuple(tried[half] for half in sorted(tried)), part)
        halves = _further(found, min(tried), max(tried))
    yield _lr_probe(found)
    yield _learns(found)


def _further(found: Probed, low: int, high: int) -> list[int]:
    """The rates to try next, in half decades: at each end that was not seen."""
    below = [] if found.low_end_seen else range(max(LOWEST, low - FURTHER), low)
    above = [] if found.high_end_seen else range(high + 1, min(HIGHEST, high + FURTHER) + 1)
    return [*below, *above]


def _try(halves: Sequence[int], part: Split, settings: Settings) -> Generator[None, None, dict[int, Tried]]:
    """These rates as one group; what became of each."""
    batch = min(_batch(settings), len(part.train_rows))
    epochs = math.ceil(STEPS / (len(part.train_rows) // batch))
    fixed = replace(settings, batch_size=batch, epochs=epochs, schedule="constant", lr_decay=1.0)
    curves: dict[int, list[Epoch]] = {half: [] for half in halves}
    for step in train([Member(half, replace(fixed, lr=rate(half))) for half in halves], part, seed=0):
        for epoch in step.epochs:
            curves[epoch.key].append(epoch)
        yield None
    return {half: Tried(rate(half), tuple(curve)) for half, curve in curves.items()}


def rate(half: int) -> float:
    """The learning rate of a half decade."""
    return float(10.0 ** (half / 2))


def _part(split: Split, settings: Settings) -> Split:
    """As many training rows as the steps need, and some to validate on."""
    train_rows = spread(split.train_rows, STEPS // LOOKS * _batch(settings))
    return replace(split, train_rows=train_rows, val_rows=spread(split.val_rows, VALIDATED))


def _batch(settings: Settings) -> int:
    wanted = settings.batch_size
    return LARGEST_BATCH if isinstance(wanted, str) else min(wanted, LARGEST_BATCH)


def _or_least(fall: float) -> float:
    return fall if math.isfinite(fall) else -math.inf


def _lr_probe(found: Probed) -> Check:
    """The figure is the largest fall as a share of the first cost; the curve is the last cost by rate."""
    curve = [(one.lr, one.last.data_loss) for one in found.tried]
    accuracy = [(one.lr, one.last.val_acc) for one in found.tried if not one.last.diverged]
    span = (found.workable[0].lr, found.workable[-1].lr) if found.workable else None
    figure = found.best.fall(found.first)
    return at_least("lr-probe", "Learning rate", figure, CLEAR_FALL, _words(found), curve, accuracy, span)


def _words(found: Probed) -> str:
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
    words = (
        f"Workable: {format_number(found.workable[0].lr)} to {format_number(found.workable[-1].lr)}; "
        f"{format_number(best.lr)} went "
        f"furthest, from {format_number(first, 4)} to {format_number(best.last.data_loss, 4)}."
    )
    return words + _fast_words(found) + _slow_words(found)


def _fast_words(found: Probed) -> str:
    """Where a rate is too high."""
    above = [one for one in found.tried if one.lr > found.workable[-1].lr]
    wild = [one.lr for one in above if one.last.diverged]
    if wild:
        return f" From {format_number(wild[0])} on the cost explodes."
    return f" From {format_number(above[0].lr)} on the cost stays high." if above else ""


def _slow_words(found: Probed) -> str:
    """Where the cost barely moves; and the lecture's puzzle, that accuracy may rise all the same."""
    slow = [one for one in found.tried if abs(one.fall(found.first)) < BARELY and one.lr < found.best.lr]
    if not slow:
        return ""
    words = f" Up to {format_number(slow[-1].lr)} it barely moves"
    if slow[-1].last.val_acc < _needed(found.part):
        return f"{words}."
    return (
        f"{words}, yet val accuracy is {slow[-1].last.val_acc:.2f} there: the scores hardly differ, but they "
        "shift the right way, and the right one is the largest long before it is large."
    )


def _learns(found: Probed) -> Check:
    """Is what was learnt true of other examples? The curve is val accuracy by epoch of the best rate.

    Labels that have nothing to do with the examples can be learnt by heart, but not guessed.
    """
    best, part = found.best, found.part
    needed, val_acc = _needed(part), best.last.val_acc
    sentence = (
        f"After about {STEPS} steps at {format_number(best.lr)} val accuracy is {val_acc:.3f}; "
        f"guessing on {len(part.val_rows):,} examples gives {_chance(part):.3f}."
    )
    if not val_acc >= needed:
        sentence += _why_not(found)
    curve = [(float(epoch.epoch), epoch.val_acc) for epoch in best.epochs]
    accuracy = [(float(epoch.epoch), epoch.train_acc) for epoch in best.epochs]
    return at_least("learns", "Learns", val_acc, needed, sentence, curve, accuracy)


def _why_not(found: Probed) -> str:
    if not found.workable:
        return " No rate taught it anything, so there is nothing to hold for other examples."
    train_acc = found.best.last.train_acc
    if train_acc < _needed(found.part):
        return (
            f" It is no better on the examples it trains on ({train_acc:.2f}): the cost only fell to that of "
            "guessing. Look at reg and the initial weights."
        )
    return (
        f" On the examples it trains on it came to {train_acc:.2f}, but that does not hold "
        "for others: are the labels right, and do they belong to these rows?"
    )


def _chance(part: Split) -> float:
    """The accuracy of always naming the most frequent class."""
    return float(np.bincount(part.y[part.val_rows]).max() / len(part.val_rows))


def _needed(part: Split) -> float:
    """The accuracy that is hardly ever reached by chance."""
    chance = _chance(part)
    return min(1.0, chance + STANDARD_ERRORS * math.sqrt(chance * (1 - chance) / len(part.val_rows)))
