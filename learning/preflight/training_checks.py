"""The preflight checks of a net: first cost, regularisation, gradients, twenty examples.

Each check is a pure function of a split and settings. The rules are the lecture's.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from learning.data.dataset import Rows, Split
from learning.number_format import format_number
from learning.preflight.check_result import Check, check_at_least, check_at_most
from learning.preflight.data_checks import pick_evenly
from learning.settings import Settings
from learning.training import gradient_check
from learning.training.trainer import Epoch, Member, train

FIRST_COST_ROWS = 100  # on which a first cost is measured
FROZEN_SETTINGS = {"update": "sgd", "lr": 1e-9, "schedule": "constant", "batch_size": "full", "epochs": 1}

SMALL_SCORE = 0.01  # of small weights, roughly: cost and ln(C) then differ by its square
CHANCE_TOLERANCE = 0.01
SCALE_DECADES = range(7)  # of the weights' scale above the small one, for the curve

LARGE_REG = 1e3  # the lecture's
REG_SCALE = 1e-2  # of the weights it is tried on: 0.5 * REG * sum(W**2) is 0.05 for each of them
REG_RISE = 0.01
REGS = (0.0, *(10.0**power for power in range(-3, 4)))

GRADIENT_EXAMPLES = 3
GRADIENT_REG = 0.1  # so that the penalty's derivative is checked too
GRADIENT_ENTRIES = 100  # of each parameter, as many as fit the budget
GRADIENT_BUDGET = 40_000_000  # numbers read in the forward passes for one parameter: about a second
GRADIENT_ERROR = 1e-7  # "below 1e-7 you should be happy", CS231n notes, for double precision

TINY_EXAMPLES = 20  # examples, the first of the archive's order
TINY_COST = 0.01  # the lecture comes to 0.0026
TINY_LR_FACTORS = (0.01, 0.1, 1.0, 10.0)  # times the recipe's rate: other nets than the recipe's need another


def check_chance_loss(split: Split, settings: Settings) -> Check:
    """Is the first cost of small weights, without reg, that of guessing? The curve: cost by weight scale."""
    small = SMALL_SCORE / _measure_row_norm(split)
    scales = [min(small * 10.0**power, 1e3) for power in SCALE_DECADES]
    tried = [replace(settings, reg=0.0, init="normal", init_scale=scale) for scale in scales]
    *costs, own = compute_first_costs(split, [*tried, replace(settings, reg=0.0)])
    guess = math.log(split.n_classes)
    sentence = (
        f"With small weights and no regularisation the cost is {costs[0]:.4f}; guessing among "
        f"{split.n_classes} classes costs ln({split.n_classes}) = {guess:.4f}."
    )
    if abs(costs[0] - guess) > CHANCE_TOLERANCE or not math.isfinite(costs[0]):
        sentence += " The loss or the labels are wrong."
    elif not abs(own - guess) <= CHANCE_TOLERANCE:
        sentence += (
            f" The weights of these settings begin at {format_number(own, 4)}, for they are not small."
        )
    distance = abs(costs[0] - guess)
    curve = list(zip(scales, costs, strict=True))
    return check_at_most("chance-loss", "First cost", distance, CHANCE_TOLERANCE, sentence, curve)


def check_reg_raises_loss(split: Split, settings: Settings) -> Check:
    """Does regularisation raise the cost? The figure is the rise at reg 1e3; the curve is the cost by reg."""
    fresh = replace(settings, init="normal", init_scale=REG_SCALE)
    costs = compute_first_costs(split, [replace(fresh, reg=reg) for reg in REGS])
    rise = costs[-1] - costs[0]
    sentence = (
        f"The cost goes from {format_number(costs[0], 4)} with reg 0 to "
        f"{format_number(costs[-1], 4)} with reg {LARGE_REG:g}."
    )
    if not rise >= REG_RISE:
        sentence += " It must go up: the penalty is missing from the loss."
    curve = list(zip(REGS[1:], costs[1:], strict=True))
    return check_at_least("reg-raises-loss", "Regularisation", rise, REG_RISE, sentence, curve)


def check_gradient(split: Split, settings: Settings) -> Check:
    """Is backward the derivative of the loss? The curve is the error of each parameter, in order."""
    rows = pick_evenly(split.train_rows, GRADIENT_EXAMPLES)
    X = split.gather(rows, dtype=np.float64)
    fresh = replace(settings, reg=GRADIENT_REG, dropout=0.0)
    size = X.shape[1] * (fresh.hidden[0] if fresh.hidden else split.n_classes)
    entries = max(1, min(GRADIENT_ENTRIES, GRADIENT_BUDGET // size))
    with np.errstate(all="ignore"):  # the data check reports data that is not finite
        found = gradient_check.check_gradients(
            [fresh], X, split.y[rows], classes=split.n_classes, entries=entries
        )
    errors = {name: float(error[0]) for name, error in found.items()}
    worst = max(errors, key=lambda name: errors[name] if math.isfinite(errors[name]) else math.inf)
    wrong = [name for name, error in errors.items() if not error <= GRADIENT_ERROR]
    sentence = f"{', '.join(errors)} agree with numeric derivatives; the largest error, of {worst}, is "
    if wrong:
        sentence = f"The gradient of {', '.join(wrong)} is not the derivative of the loss: {worst} is off by "
    sentence += f"{format_number(errors[worst])} of its size."
    curve = [(float(place), error) for place, error in enumerate(errors.values(), start=1)]
    return check_at_most(
        "gradient", "Gradients", errors[worst], GRADIENT_ERROR, sentence, curve, list(errors)
    )


def check_overfit_tiny(split: Split, tiny: Settings) -> Iterator[Check | None]:
    """Can the net learn twenty examples by heart? The curve is cost by epoch; `tiny` is the recipe.

    Yields None after each epoch, then the check. A few rates around the recipe's are tried together; the one
    that gets furthest counts.
    """
    rows: Rows = np.arange(min(TINY_EXAMPLES, len(split.y)))
    fixed = replace(tiny, reg=0.0, dropout=0.0, batch_size="full")
    members = [Member(n, replace(fixed, lr=fixed.lr * factor)) for n, factor in enumerate(TINY_LR_FACTORS)]
    curves: dict[int, list[Epoch]] = {member.key: [] for member in members}
    for step in train(members, replace(split, train_rows=rows, val_rows=rows), seed=0):
        for epoch in step.epochs:
            curves[epoch.key].append(epoch)
        yield None
    best = min(curves.values(), key=_rank_progress)
    last = best[-1]
    passed = last.train_acc == 1.0 and last.loss < TINY_COST
    sentence = (
        f"The first {len(rows)} examples came to cost {format_number(last.loss, 4)} and train accuracy "
        f"{last.train_acc:.2f} in {last.epoch} epochs at learning rate {format_number(last.lr, 6)}."
    )
    if not passed:
        sentence += _explain_failure(split, rows)
    curve = tuple((float(epoch.epoch), epoch.loss) for epoch in best)
    accuracy = tuple((float(epoch.epoch), epoch.train_acc) for epoch in best)
    yield Check(
        "overfit-tiny", "Twenty examples", passed, last.loss, "<=", TINY_COST, sentence, curve, accuracy
    )


def compute_first_costs(split: Split, settings: Sequence[Settings]) -> list[float]:
    """The cost in training of fresh weights on one mini-batch, for nets of one shape."""
    rows = pick_evenly(split.train_rows, FIRST_COST_ROWS)
    members = [
        Member(n, replace(each, **FROZEN_SETTINGS, dropout=0.0, explosion=0.0))  # type: ignore[arg-type]
        for n, each in enumerate(settings)
    ]
    step = next(train(members, replace(split, train_rows=rows, val_rows=rows), seed=0, dtype=np.float64))
    return [epoch.loss for epoch in step.epochs]


def _rank_progress(curve: Sequence[Epoch]) -> tuple[bool, float]:
    """A sort key, the best first: curves that did not diverge, then by their last cost."""
    last = curve[-1]
    return last.diverged is not None, last.loss if math.isfinite(last.loss) else math.inf


def _measure_row_norm(split: Split) -> float:
    """The root mean square of the rows' lengths."""
    X = split.gather(pick_evenly(split.train_rows, FIRST_COST_ROWS), dtype=np.float64)
    with np.errstate(all="ignore"):
        norm = float(np.sqrt((X * X).sum(axis=1).mean()))
    return norm if norm > 0 and math.isfinite(norm) else 1.0


def _explain_failure(split: Split, rows: Rows) -> str:
    """Why a few examples were not learnt by heart, as far as we can tell."""
    labels: dict[bytes, set[int]] = {}
    for row in rows:
        labels.setdefault(split.X[row].tobytes(), set()).add(int(split.y[row]))
    twins = sum(len(labels[split.X[row].tobytes()]) > 1 for row in rows)
    if twins:
        return f" {twins} of them are the same as one with another label, which no net can tell apart."
    return " A net that cannot learn a few examples by heart has a fault: look at its gradients."
