"""Checks: what is asked of data and a net before a search (learning rates: probe; the order: preflight).

Each check is a pure function of a split and settings. The rules are the lecture's; thresholds stand below.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from learning import gradients
from learning.dataset import Rows, Split
from learning.net import Array
from learning.settings import Settings
from learning.train import Epoch, Member, train

BATCH = 100  # examples that a first cost is measured on
FROZEN = {"update": "sgd", "lr": 1e-9, "schedule": "constant", "batch_size": "full", "epochs": 1}

CONSTANT_SHARE = 0.5  # of the features; digits have 5 %, MNIST 9 %
REPEATED_SHARE = 0.05  # of the validation rows; the lecture's data has well below 1 %
LOOKED_AT = 5_000  # training rows, spread evenly, in which a feature must vary
COMPARED = 200_000  # training rows, spread evenly, that validation rows are looked for in

SMALL_SCORE = 0.01  # of small weights, about: cost and ln(C) then differ by its square
CHANCE_TOLERANCE = 0.01
DECADES = range(7)  # of the weights' scale above the small one, for the curve

REG = 1e3  # the lecture's
REG_SCALE = 1e-2  # of the weights it is tried on: 0.5 * REG * sum(W**2) is 0.05 for each of them
REG_RISE = 0.01
REGS = (0.0, *(10.0**power for power in range(-3, 4)))

GRADIENT_EXAMPLES = 3
GRADIENT_REG = 0.1  # so that the penalty's derivative is checked too
GRADIENT_ENTRIES = 100  # of each parameter, as many as fit the budget
GRADIENT_BUDGET = 40_000_000  # numbers touched in forward passes for one parameter: about a second
GRADIENT_ERROR = 1e-7  # "below 1e-7 you should be happy", CS231n notes, for double precision

TINY = 20  # examples, the first of the archive's order
TINY_COST = 0.01  # the lecture comes to 0.0026
TINY_FACTORS = (0.01, 0.1, 1.0, 10.0)  # times the recipe's rate: other nets than the recipe's need another


Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer: passed if `figure` is at most (<=) or at least (>=) `threshold`."""

    code: str
    title: str
    passed: bool
    figure: float  # may be inf or nan
    relation: Literal["<=", ">="]
    threshold: float
    sentence: str
    curve: tuple[tuple[float, float], ...]  # what the figure was read from; its axes depend on the code


def at_most(code: str, title: str, figure: float, threshold: float, sentence: str, curve: Curve) -> Check:
    return Check(code, title, figure <= threshold, figure, "<=", threshold, sentence, tuple(curve))


def at_least(code: str, title: str, figure: float, threshold: float, sentence: str, curve: Curve) -> Check:
    return Check(code, title, figure >= threshold, figure, ">=", threshold, sentence, tuple(curve))


def data(split: Split) -> Check:
    """Are the examples fit to learn from? The figure counts problems; the curve is the rows of each class."""
    counts = np.bincount(split.y[split.train_rows].clip(0, split.n_classes - 1), minlength=split.n_classes)
    found = (_outside(split), _absent(counts), _constant(split), _infinite(split), _repeated(split))
    problems = [words for words in found if words]
    fine = (
        f"{len(split.train_rows):,} examples train and {len(split.val_rows):,} validate; each of the "
        f"{split.n_classes} classes has {counts.min():,} to {counts.max():,}; all numbers are finite."
    )
    curve = [(float(label), float(count)) for label, count in enumerate(counts)]
    return at_most("data", "The data", float(len(problems)), 0.0, " ".join(problems) or fine, curve)


def labels_fit(split: Split) -> bool:
    """Whether every label is one of 0..C-1; without that no net can be trained."""
    return bool(split.y.min() >= 0 and split.y.max() < split.n_classes)


def chance_loss(split: Split, settings: Settings) -> Check:
    """Is the first cost of small weights, reg 0, that of guessing? The curve is the cost by weight scale."""
    small = SMALL_SCORE / _row_norm(split)
    scales = [min(small * 10.0**power, 1e3) for power in DECADES]
    tried = [replace(settings, reg=0.0, init="normal", init_scale=scale) for scale in scales]
    *costs, own = first_costs(split, [*tried, replace(settings, reg=0.0)])
    guess = math.log(split.n_classes)
    sentence = (
        f"With small weights and no regularisation the cost is {costs[0]:.4f}; guessing among "
        f"{split.n_classes} classes costs ln({split.n_classes}) = {guess:.4f}."
    )
    if abs(costs[0] - guess) > CHANCE_TOLERANCE or not math.isfinite(costs[0]):
        sentence += " The loss or the labels are wrong."
    elif not abs(own - guess) <= CHANCE_TOLERANCE:
        sentence += f" The weights of these settings begin at {own:.4g}, for they are not small."
    distance = abs(costs[0] - guess)
    curve = list(zip(scales, costs, strict=True))
    return at_most("chance-loss", "First cost", distance, CHANCE_TOLERANCE, sentence, curve)


def reg_raises_loss(split: Split, settings: Settings) -> Check:
    """Does regularisation cost something? The figure is the rise at reg 1e3; the curve is the cost by reg."""
    fresh = replace(settings, init="normal", init_scale=REG_SCALE)
    costs = first_costs(split, [replace(fresh, reg=reg) for reg in REGS])
    rise = costs[-1] - costs[0]
    sentence = f"The cost goes from {costs[0]:.4g} with reg 0 to {costs[-1]:.4g} with reg {REG:g}."
    if not rise >= REG_RISE:
        sentence += " It must go up: the penalty is missing from the loss."
    curve = list(zip(REGS[1:], costs[1:], strict=True))
    return at_least("reg-raises-loss", "Regularisation", rise, REG_RISE, sentence, curve)


def gradient(split: Split, settings: Settings) -> Check:
    """Is backward the derivative of the loss? The curve is the error of each parameter in order."""
    rows = spread(split.train_rows, GRADIENT_EXAMPLES)
    X = split.gather(rows, dtype=np.float64)
    fresh = replace(settings, reg=GRADIENT_REG, dropout=0.0)
    size = X.shape[1] * (fresh.hidden[0] if fresh.hidden else split.n_classes)
    entries = max(1, min(GRADIENT_ENTRIES, GRADIENT_BUDGET // size))
    with np.errstate(all="ignore"):  # data that is not finite is the data check's to tell
        found = gradients.check([fresh], X, split.y[rows], classes=split.n_classes, entries=entries)
    errors = {name: float(error[0]) for name, error in found.items()}
    worst = max(errors, key=lambda name: errors[name] if math.isfinite(errors[name]) else math.inf)
    wrong = [name for name, error in errors.items() if not error <= GRADIENT_ERROR]
    sentence = f"{', '.join(errors)} agree with numeric derivatives; the largest error, of {worst}, is "
    if wrong:
        sentence = f"The gradient of {', '.join(wrong)} is not the derivative of the loss: {worst} is off by "
    sentence += f"{errors[worst]:.1e} of its size."
    curve = [(float(place), error) for place, error in enumerate(errors.values(), start=1)]
    return at_most("gradient", "Gradients", errors[worst], GRADIENT_ERROR, sentence, curve)


def overfit_tiny(split: Split, tiny: Settings) -> Iterator[Check | None]:
    """Can the net learn twenty examples by heart? `tiny`: the recipe's numbers. The curve is cost by epoch.

    Yields None after each epoch, and then the check. A few rates around the recipe's are tried together;
    the one that comes furthest counts.
    """
    rows: Rows = np.arange(min(TINY, len(split.y)))
    fixed = replace(tiny, reg=0.0, dropout=0.0, batch_size="full")
    members = [Member(n, replace(fixed, lr=fixed.lr * factor)) for n, factor in enumerate(TINY_FACTORS)]
    curves: dict[int, list[Epoch]] = {member.key: [] for member in members}
    for step in train(members, replace(split, train_rows=rows, val_rows=rows), seed=0):
        for epoch in step.epochs:
            curves[epoch.key].append(epoch)
        yield None
    best = min(curves.values(), key=_how_far)
    last = best[-1]
    passed = last.train_acc == 1.0 and last.loss < TINY_COST
    sentence = (
        f"The first {len(rows)} examples came to cost {last.loss:.4g} and train accuracy "
        f"{last.train_acc:.2f} in {last.epoch} epochs at learning rate {last.lr:g}."
    )
    if not passed:
        sentence += " A net that cannot learn a few examples by heart has a fault, or cannot tell them apart."
    curve = tuple((float(epoch.epoch), epoch.loss) for epoch in best)
    yield Check("overfit-tiny", "Twenty examples", passed, last.loss, "<=", TINY_COST, sentence, curve)


def first_costs(split: Split, settings: Sequence[Settings]) -> list[float]:
    """The cost, as training counts it, of fresh weights on one mini-batch; nets of one shape."""
    rows = spread(split.train_rows, BATCH)
    members = [
        Member(n, replace(each, **FROZEN, dropout=0.0, explosion=0.0))  # type: ignore[arg-type]
        for n, each in enumerate(settings)
    ]
    step = next(train(members, replace(split, train_rows=rows, val_rows=rows), seed=0, dtype=np.float64))
    return [epoch.loss for epoch in step.epochs]


def spread(rows: Rows, count: int) -> Rows:
    """At most `count` of the rows, evenly, so that data sorted by class gives every class."""
    if len(rows) <= count:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)])


def _how_far(curve: Sequence[Epoch]) -> tuple[bool, float]:
    """Smaller is further: the cost of those that went through, then of those that diverged."""
    last = curve[-1]
    return last.diverged is not None, last.loss if math.isfinite(last.loss) else math.inf


def _row_norm(split: Split) -> float:
    """Root mean square of the length of a row."""
    X = split.gather(spread(split.train_rows, BATCH), dtype=np.float64)
    with np.errstate(all="ignore"):
        norm = float(np.sqrt((X * X).sum(axis=1).mean()))
    return norm if norm > 0 and math.isfinite(norm) else 1.0


def _outside(split: Split) -> str:
    if labels_fit(split):
        return ""
    return (
        f"Labels run from {split.y.min()} to {split.y.max()}, but those of {split.n_classes} classes "
        f"are 0 to {split.n_classes - 1}; nothing more can be checked."
    )


def _absent(counts: Array) -> str:
    absent = np.flatnonzero(counts == 0)
    if not len(absent):
        return ""
    return f"No training example has label {', '.join(map(str, absent[:10]))} of {len(counts)} classes."


def _constant(split: Split) -> str:
    X = split.X[spread(split.train_rows, LOOKED_AT)]
    constant = int(np.equal(X, X[0]).all(axis=0).sum())
    if constant <= CONSTANT_SHARE * split.n_features:
        return ""
    return f"{constant:,} of {split.n_features:,} features have the same value in every training example."


def _infinite(split: Split) -> str:
    if split.X.dtype.kind != "f":
        return ""
    rows = np.concatenate([split.train_rows, split.val_rows])
    bad = sum(
        int((~np.isfinite(split.X[rows[start : start + LOOKED_AT]])).any(axis=1).sum())
        for start in range(0, len(rows), LOOKED_AT)
    )
    if not bad:
        return ""
    some = "There is 1 example" if bad == 1 else f"There are {bad:,} examples"
    return f"{some} with a number that is not finite."


def _repeated(split: Split) -> str:
    if split.train_part_equals_val:
        return ""
    X = split.X
    known = {hash(X[row].tobytes()) for row in spread(split.train_rows, COMPARED)}
    share = sum(hash(X[row].tobytes()) in known for row in split.val_rows) / len(split.val_rows)
    if share <= REPEATED_SHARE:
        return ""
    return f"{share:.0%} of the validation examples are training examples too, so they cannot judge."
