"""Rules that name the end and the shape of one curve; findings.py says which apply, and in what order.

Sources: "lecture" is CS231n, "Babysitting the learning process"; "notes" is its course notes on neural
networks, part 3; "measured" is our own runs on CIFAR-10 and digits with known causes.
"""

from __future__ import annotations

import math

from learning.diagnosis.curve_facts import (
    AT_CHANCE,
    FITTED,
    HIGH_LOSS,
    LOW_FALL,
    MIN_EPOCHS,
    MIN_FOR_QUARTER,
    MUCH_LEFT,
    RATIO_BAND,
    CurveFacts,
    end_slope,
)
from learning.diagnosis.curves import Finding
from learning.number_format import format_number

EXPLOSION_FACTOR = 3.0  # times the first cost; the lecture's rule for breaking out
FLAT_BAND = 0.01  # of ln(C), either side: the flat stretch of a bad initialisation
FLAT_EPOCHS, FLAT_SHARE = 3, 0.1  # a stretch is at least so many epochs and so much of the curve
SUDDEN = 0.05  # of ln(C) in one epoch: the fall after the stretch; slower means lr is low (measured)
DEEP = 3  # matrices: with two there is hardly a way down
SHRINKING = 0.2  # signal after a layer / before it, below which deep nets lose it (He: 1; measured: 0.1)
VANISHING = 10.0  # times smaller in W1 than in the matrix updated most (measured)
QUICK = 0.6  # of the whole fall in the first third: "quick fall, then a plateau" (lecture)
BUSY = 3e-3  # update:weight ratio at the end, below which a plateau is not the work of a high lr (measured)
SMALL_RATIO = (
    1e-3  # update:weight ratio that is "about right" by the notes: below it in every matrix, steps are small
)
FALLING = 0.1  # slope of the last quarter / mean slope: not settled
STRAIGHT = 0.4  # slope of the last quarter / mean slope: 1 is a straight line, 0 has flattened out (measured)
SHRUNK = 0.5  # of the first L2 penalty: less at the end means the weights collapse
RISEN = 0.1  # of ln(C): what a loss rises by, from its lowest, while reg takes the weights away
PENALTY_SEEN = 1e-6  # of the loss: smaller penalties are lost in float32


def divergence(f: CurveFacts) -> Finding | None:
    """nan-at-once, exploding, broke-out: the cost is not finite, or above three times the first."""
    cost, epoch, lr = f.loss[-1], f.epochs[-1], f.settings.lr
    if f.diverged is None and math.isfinite(cost) and not (f.n > 1 and cost > EXPLOSION_FACTOR * f.loss[0]):
        return None
    why = f.diverged or f"cost {format_number(cost, 3)}"
    if not math.isfinite(cost) and epoch == 1:
        sentence = f"The cost is not a number any more in epoch 1 at lr {format_number(lr)} ({why})."
        return Finding(
            "nan-at-once", "bad", (1, 1), sentence, _advise_lower_rate(f, "Divide lr by 10 or more")
        )
    low = min(f.loss)
    if math.isfinite(cost) and f.diverged is not None:
        sentence = f"Broke out in epoch {epoch} at lr {format_number(lr)}: {why}."
        return Finding(
            "broke-out", "bad", (epoch, epoch), sentence, _advise_lower_rate(f, "Divide lr by 3 to 10")
        )
    sentence = f"The cost was {format_number(low, 3)} at best and exploded by epoch {epoch} "
    sentence += f"at lr {format_number(lr)} ({why})."
    start = f.epochs[f.loss.index(low)] if math.isfinite(low) else f.epochs[0]
    return Finding(
        "exploding", "bad", (start, epoch), sentence, _advise_lower_rate(f, "Divide lr by 3 to 10")
    )


def too_early(f: CurveFacts) -> Finding | None:
    if f.n >= MIN_EPOCHS:
        return None
    reached = f"loss {f.data[-1]:.4f}, where chance is {f.chance:.4f}; val accuracy {f.val_acc[-1]:.3f}"
    if f.penalty[1] > PENALTY_SEEN * f.chance:
        reached = f"cost {f.loss[-1]:.4f} with the penalty, {reached}"
    sentence = f"Only {f.n} of {f.settings.epochs} epochs so far: {reached}."
    advice = f"A curve has a shape from epoch {MIN_EPOCHS} on."
    if f.ended:
        sentence = f"It ended after {f.n} epoch{'' if f.n == 1 else 's'} of {f.settings.epochs}: {reached}."
        advice += "" if f.done else " Retry it to see it train to its end."
    return Finding("too-early", "info", f.epoch_range, sentence, advice)


def reg_crushing(f: CurveFacts) -> Finding | None:
    """The penalty pulls the weights to zero, or holds back much of what the net could learn.

    If the net has learned nothing at all, reg is not said to hold it back.
    """
    (first, last), reg = f.penalty, f.settings.reg
    if not (reg > 0 and max(first, last) > PENALTY_SEEN * f.chance):
        return None
    if last < SHRUNK * first and f.data[-1] >= (1 - AT_CHANCE) * f.chance:
        sentence = (
            f"Reg {format_number(reg)} crushes the weights: their penalty fell from "
            f"{format_number(first)} to "
        )
        sentence += f"{format_number(last)}, the loss stays at {f.data[-1]:.3f}, which is chance."
        return Finding("reg-crushing", "bad", f.epoch_range, sentence, "Lower reg by a factor of 100.")
    low = min(f.data)
    if last < SHRUNK * first and f.data[-1] - low > RISEN * f.chance:
        since = f.epochs[f.data.index(low)]
        sentence = (
            f"Reg {format_number(reg)} crushes the weights: their penalty fell from {format_number(first)} "
            f"to {format_number(last)}, and "
        )
        sentence += (
            f"since epoch {since} the loss rose from {format_number(low, 3)} to "
            f"{format_number(f.data[-1], 3)}."
        )
        advice = "Lower reg by a factor of 100."
        return Finding("reg-crushing", "warning", (since, f.epochs[-1]), sentence, advice)
    learned = f.chance - f.data[-1]
    if learned > AT_CHANCE * f.chance and f.held_by_reg and not f.penalty_falls and f.train_acc[-1] < FITTED:
        sentence = (
            f"Reg {format_number(reg)} holds the weights back: the penalty is "
            f"{format_number(last)} where learning "
        )
        sentence += f"has lowered the loss by {format_number(learned)} below chance; "
        sentence += f"train accuracy {f.train_acc[-1]:.2f}."
        return Finding("reg-crushing", "warning", f.epoch_range, sentence, "Lower reg by a factor of 10.")
    return None


def dead_units(f: CurveFacts) -> Finding | None:
    """The loss is at chance, and no weight matrix is updated any more: no unit passes a gradient on."""
    known = [series[-1] for series in f.ratios.values()]
    stopped = bool(known) and all(abs(r) <= f.negligible_ratio for r in known)
    if not stopped or not abs(f.data[-1] - f.chance) <= AT_CHANCE * f.chance:
        return None
    sentence = (
        f"No weight moves any more (update:weight ratio {format_number(max(known), 1)}) while the loss stays "
    )
    sentence += f"at {f.data[-1]:.3f}, which is chance: the units are dead."
    advice = f"Divide lr by 10, or start from other weights: init {_suggest_init(f)}; leaky_relu cannot die."
    return Finding("dead-units", "bad", (_find_stop(f), f.epochs[-1]), sentence, advice)


def lr_too_low(f: CurveFacts) -> Finding | None:
    """The loss barely changes from where it began."""
    first, last = f.data[0], f.data[-1]
    if first - last >= LOW_FALL * first or last < (1 - LOW_FALL) * f.chance or f.moves:
        return None
    sentence = (
        f"The loss barely changes: {first:.4f} to {last:.4f} in {f.n} epochs at lr "
        f"{format_number(f.settings.lr)}."
    )
    return Finding("lr-too-low", "warning", f.epoch_range, sentence, "Raise lr by a factor of 10 or more.")


def bad_init(f: CurveFacts) -> Finding | None:
    """The loss is flat at ln(C), then falls suddenly; or stays flat although the weights move."""
    flat = 0
    while flat < f.n and abs(f.data[flat] - f.chance) <= FLAT_BAND * f.chance:
        flat += 1
    if flat < max(FLAT_EPOCHS, FLAT_SHARE * f.n):
        return None
    drops = [a - b for a, b in zip(f.data, f.data[1:], strict=False)]
    if flat == f.n:
        sentence = (
            f"The loss stays at {f.data[-1]:.3f}, ln(C), for all {f.n} epochs although the weights move."
        )
        if _gradient_vanishes(f):
            sentence = (
                f"The loss stays at ln(C) = {f.chance:.3f}, and the gradient vanishes: the update:weight "
            )
            sentence += (
                f"ratio is {format_number(f.last_ratios['W1'], 1)} in W1 and "
                f"{format_number(max(f.last_ratios.values()), 1)} at the top."
            )
        elif _signal_shrinks(f):
            sentence = (
                f"The loss stays at ln(C) = {f.chance:.3f}: weights of scale "
                f"{format_number(f.settings.init_scale)} "
            )
            sentence += f"shrink the signal to {format_number(_signal_share(f))} of itself "
            sentence += f"in each of {len(f.ratios)} layers."
        fires = f.moves or _gradient_vanishes(f) or _signal_shrinks(f)
    else:
        sentence = (
            f"The loss lay flat at ln(C) = {f.chance:.3f} for {flat} epochs, then fell to {f.data[-1]:.3f}."
        )
        fires = max(drops) >= SUDDEN * f.chance or _gradient_vanishes(f) or _signal_shrinks(f)
    advice = f"Start from other weights: init {_suggest_init(f)}."
    severity = "info" if f.train_acc[-1] >= FITTED else "warning"  # it cost some epochs only
    return Finding("bad-init", severity, (1, f.epochs[flat - 1]), sentence, advice) if fires else None


def lr_too_high(f: CurveFacts) -> Finding | None:
    """The loss falls quickly to a high plateau, or goes back to chance at once."""
    first, last, lr = f.data[0], f.data[-1], f.settings.lr
    advice = "Divide lr by 3, or let it decay faster."
    near = first > (1 + AT_CHANCE) * f.chance and abs(last - f.chance) <= AT_CHANCE * f.chance
    creeping = (
        f.negligible_ratio < max(f.last_ratios.values(), default=0.0) < SMALL_RATIO
    )  # on its way down, by small steps
    if near and f.settled and not creeping:
        sentence = (
            f"At lr {format_number(lr)} the loss began at {format_number(first, 3)} and settled at chance "
            f"({last:.3f}): units died."
        )
        return Finding("lr-too-high", "bad", f.epoch_range, sentence, advice)
    start = max(first, f.chance)  # the first epoch's mean may already lie far below
    quick = start - last > LOW_FALL * start and start - f.data[f.n // 3] >= QUICK * (start - last)
    decay = f.settings.lr * f.settings.reg  # the part of the ratio that only shrinks the weights
    calm = bool(f.last_ratios) and max(f.last_ratios.values()) - decay < BUSY
    if not f.plateau or not quick or calm or f.noisy or f.held_by_reg:  # what noise or reg holds up
        return None
    since = f.epochs[f.n // 2]
    sentence = f"The loss fell quickly, then stayed near {format_number(last, 3)} from epoch {since} on "
    sentence += f"at lr {format_number(lr)}."
    return Finding("lr-too-high", "warning", (since, f.epochs[-1]), sentence, advice)


def lr_bit_low(f: CurveFacts) -> Finding | None:
    """The loss still falls almost as steeply as ever, with much left to learn, and by small updates."""
    share = end_slope(f.data)
    large = bool(f.last_ratios) and max(f.last_ratios.values()) > RATIO_BAND[1]
    small = bool(f.last_ratios) and max(f.last_ratios.values()) < SMALL_RATIO
    slow = small and share >= FALLING and f.data[-1] > MUCH_LEFT * f.chance
    if (
        f.n < MIN_FOR_QUARTER
        or large
        or f.noisy
        or f.rough
        or not (slow or (f.data[-1] > HIGH_LOSS * f.chance and share >= STRAIGHT))
    ):
        return None
    if not share >= STRAIGHT:
        sentence = (
            f"The loss still falls, {f.data[0]:.3f} to {f.data[-1]:.3f}, by small steps: the update:weight "
        )
        sentence += (
            f"ratio is {format_number(max(f.last_ratios.values()))} at most, at lr "
            f"{format_number(f.settings.lr)}."
        )
        return Finding("lr-bit-low", "warning", f.epoch_range, sentence, "Raise lr by a factor of 3.")
    sentence = (
        f"The loss falls in an almost straight line, {f.data[0]:.3f} to {f.data[-1]:.3f}: its last slope is "
    )
    sentence += f"{share:.0%} of the mean slope at lr {format_number(f.settings.lr)}."
    return Finding("lr-bit-low", "warning", f.epoch_range, sentence, "Raise lr by a factor of 3.")


def _advise_lower_rate(f: CurveFacts, advice: str) -> str:
    """Blame reg if it explodes alone: it multiplies the weights by 1 - lr * reg, which must be above -1."""
    s = f.settings
    momentum = s.momentum if s.update in ("momentum", "nesterov") else 0.0
    if s.update in ("sgd", "momentum", "nesterov") and s.lr * s.reg > 2 * (1 + momentum):
        return (
            f"Lower reg or lr: lr x reg is {format_number(s.lr * s.reg)}, and above 2 the L2 term "
            f"alone explodes."
        )
    return f"{advice}; the highest rate that survives is the upper end of the range to search."


def _find_stop(f: CurveFacts) -> int:
    """The first epoch from which no matrix is updated."""
    at = f.n - 1
    while at > 0 and all(abs(series[at - 1]) <= f.negligible_ratio for series in f.ratios.values()):
        at -= 1
    return f.epochs[at]


def _gradient_vanishes(f: CurveFacts) -> bool:
    """The first matrix is updated far less than another: its gradient gets lost on the way down."""
    ratios = f.last_ratios
    if len(ratios) < DEEP:
        return False
    return 0 < ratios["W1"] * VANISHING < max(ratios.values())


def _signal_shrinks(f: CurveFacts) -> bool:
    """A deep net has such small first weights that hardly any signal gets through."""
    return len(f.ratios) >= DEEP and f.settings.init == "normal" and _signal_share(f) < SHRINKING


def _signal_share(f: CurveFacts) -> float:
    """How much of a signal the widest hidden layer passes on, relative to He weights."""
    return f.settings.init_scale * math.sqrt(max(f.settings.hidden, default=1) / 2)


def _suggest_init(f: CurveFacts) -> str:
    return "he" if f.settings.init == "normal" else "normal with a scale of 0.01"
