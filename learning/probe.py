"""Probe: which learning rates move the loss, over seven decades as one group (searches nothing finer)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from learning.checks import Check, at_least, spread
from learning.dataset import Split
from learning.settings import Settings
from learning.train import Epoch, Member, train

RATES = tuple(10.0 ** (half / 2) for half in range(-12, 3))  # 1e-6 .. 10 in half decades
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
    fall: float  # share of the first cost that went away; nan if it diverged


def probe(split: Split, settings: Settings) -> Iterator[Check | None]:
    """Yields None after each epoch of all rates, then the checks `lr-probe` and `learns`."""
    part = _part(split, settings)
    members = _members(part, settings)
    curves: dict[int, list[Epoch]] = {member.key: [] for member in members}
    for step in train(members, part, seed=0):
        for epoch in step.epochs:
            curves[epoch.key].append(epoch)
        yield None
    first = _first_cost(curves)
    tried = [_tried(member.settings.lr, curves[member.key], first) for member in members]
    best = max(tried, key=lambda one: one.fall if math.isfinite(one.fall) else -math.inf)
    yield _lr_probe(tried, best, first, part)
    yield _learns(best, part)


def _part(split: Split, settings: Settings) -> Split:
    """As many training rows as the steps need, and some to validate on."""
    train_rows = spread(split.train_rows, STEPS // LOOKS * _batch(settings))
    return replace(split, train_rows=train_rows, val_rows=spread(split.val_rows, VALIDATED))


def _batch(settings: Settings) -> int:
    wanted = settings.batch_size
    return LARGEST_BATCH if isinstance(wanted, str) else min(wanted, LARGEST_BATCH)


def _members(part: Split, settings: Settings) -> list[Member]:
    batch = min(_batch(settings), len(part.train_rows))
    epochs = math.ceil(STEPS / (len(part.train_rows) // batch))
    fixed = replace(settings, batch_size=batch, epochs=epochs, schedule="constant", lr_decay=1.0)
    return [Member(n, replace(fixed, lr=lr)) for n, lr in enumerate(RATES)]


def _first_cost(curves: Mapping[int, Sequence[Epoch]]) -> float:
    """Of the slowest rate, whose nets have hardly moved; all begin with the same weights."""
    return curves[0][0].trace[0][1]


def _tried(lr: float, epochs: Sequence[Epoch], first: float) -> Tried:
    last = epochs[-1]
    return Tried(lr, tuple(epochs), math.nan if last.diverged else 1 - last.loss / first)


def _lr_probe(tried: Sequence[Tried], best: Tried, first: float, part: Split) -> Check:
    """The figure is the largest fall as a share of the first cost; the curve is the last cost by rate."""
    curve = [(one.lr, one.epochs[-1].loss) for one in tried]
    sentence = _range_words(tried, best, first, part)
    return at_least("lr-probe", "Learning rate", best.fall, CLEAR_FALL, sentence, curve)


def _range_words(tried: Sequence[Tried], best: Tried, first: float, part: Split) -> str:
    if math.isnan(best.fall):
        return f"The cost of {first:.4g} exploded at every rate from {RATES[0]:.0e} to {RATES[-1]:.0e}."
    if best.fall < CLEAR_FALL:
        return (
            f"No rate from {RATES[0]:.0e} to {RATES[-1]:.0e} brought the cost clearly down from {first:.4g}: "
            f"the best came to {best.epochs[-1].loss:.4g}. Look at the initial weights and the preprocessing."
        )
    good = [one.lr for one in tried if one.fall >= max(CLEAR_FALL, GOOD_SHARE * best.fall)]
    words = (
        f"Workable: {min(good):.1e} to {max(good):.1e}; {best.lr:.1e} went furthest, "
        f"from {first:.4g} to {best.epochs[-1].loss:.4g}."
    )
    wild = [one.lr for one in tried if math.isnan(one.fall)]
    words += f" From {min(wild):.1e} on the cost explodes." if wild else ""
    slow = [one for one in tried if abs(one.fall) < BARELY and one.epochs[-1].val_acc >= _needed(part)]
    if slow:
        found = slow[-1].epochs[-1].val_acc
        words += (
            f" At {slow[-1].lr:.1e} the cost barely moves, yet val accuracy is {found:.2f}: "
            "the right score is the largest long before it is large."
        )
    return words


def _learns(best: Tried, part: Split) -> Check:
    """Is what was learnt true of other examples? The curve is val accuracy by epoch of the best rate.

    Labels that have nothing to do with the examples can be learnt by heart, but not guessed.
    """
    needed, found = _needed(part), best.epochs[-1].val_acc
    sentence = (
        f"After about {STEPS} steps at {best.lr:.1e} val accuracy is {found:.3f}; "
        f"guessing on {len(part.val_rows):,} examples gives {_chance(part):.3f}."
    )
    if not found >= needed:
        sentence += " What it learns does not hold for other examples: are the labels right?"
    curve = [(float(epoch.epoch), epoch.val_acc) for epoch in best.epochs]
    return at_least("learns", "Learns", found, needed, sentence, curve)


def _chance(part: Split) -> float:
    """The accuracy of always naming the most frequent class."""
    return float(np.bincount(part.y[part.val_rows]).max() / len(part.val_rows))


def _needed(part: Split) -> float:
    """The accuracy that is hardly ever reached by chance."""
    chance = _chance(part)
    return min(1.0, chance + STANDARD_ERRORS * math.sqrt(chance * (1 - chance) / len(part.val_rows)))
