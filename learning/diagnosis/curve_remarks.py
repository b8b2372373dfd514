"""Rules for remarks on one curve beside its shape, which curve_rules names.

Sources of the thresholds: as in curve_rules.
"""

from __future__ import annotations

import math

from learning.diagnosis.curve_facts import (
    AT_CHANCE,
    FITTED,
    LOW_FALL,
    MIN_EPOCHS,
    MIN_FOR_QUARTER,
    MUCH_LEFT,
    RATIO_BAND,
    CurveFacts,
    mean,
    wiggle,
)
from learning.diagnosis.curves import Finding
from learning.number_format import format_number

BIG_GAP = 0.10  # train - val accuracy: the "big gap" of the lecture (number ours: 4.5 standard errors)
NO_GAP = 0.02  # "no gap", about one standard error of the difference between two thousand images
DROP = 0.02  # val accuracy below its peak, and at least PEAK_ERRORS standard errors of it
PEAK_ERRORS = 2.0
MIN_FOR_PEAK = 6
SHAKEN = 0.01  # val accuracy, from epoch to epoch: a jump that costs (measured)
FAR = 10.0  # times outside the band: a warning
RISING = 0.01  # val accuracy gained in the last quarter: worth more epochs
CREEP = 0.01  # of the loss, lost in the last quarter: less is no improvement (measured)


def overfitting(f: CurveFacts) -> Finding | None:
    if f.validated_on_train or not f.gap >= BIG_GAP:
        return None
    began = f.n - 1
    while began > 0 and f.train_acc[began - 1] - f.val_acc[began - 1] >= BIG_GAP / 2:
        began -= 1
    sentence = f"Train accuracy is {mean(f.train_acc[-3:]):.2f} but val {mean(f.val_acc[-3:]):.2f}: a gap of "
    sentence += f"{f.gap:.2f} that began at epoch {f.epochs[began]}."
    advice = "Raise reg, add dropout, or use more training data."
    return Finding("overfitting", "warning", (f.epochs[began], f.epochs[-1]), sentence, advice)


def val_peaked(f: CurveFacts) -> Finding | None:
    """Val accuracy (mean of three epochs) was clearly higher before."""
    if f.validated_on_train or f.n < MIN_FOR_PEAK:
        return None
    triples = zip(f.val_acc, f.val_acc[1:], f.val_acc[2:], strict=False)
    smooth = [(a + b + c) / 3 for a, b, c in triples]
    peak = max(smooth)
    if not peak - smooth[-1] >= max(DROP, PEAK_ERRORS * _standard_error(f, peak)):
        return None
    at = f.epochs[smooth.index(peak) + 1]
    sentence = f"Val accuracy peaked near {peak:.3f} around epoch {at} and is {smooth[-1]:.3f} "
    sentence += f"{'at the end' if f.ended else 'now'}, means of three epochs."
    return Finding(
        "val-peaked", "warning", (at, f.epochs[-1]), sentence, f"Stop near epoch {at}, or decay lr faster."
    )


def noisy_loss(f: CurveFacts) -> Finding | None:
    """The cost jumps from mini-batch to mini-batch, or its mean from epoch to epoch, by much of its level.

    A warning if accuracy jumps too or the updates are large; otherwise nothing is lost but a smooth curve.
    """
    if f.n < MIN_EPOCHS:
        return None
    level, inside = f.level, f.batch_jump
    if f.noisy:
        sentence = (
            f"The cost jumps by {format_number(inside)} from mini-batch to mini-batch of "
            f"{f.settings.batch_size}, "
        )
        sentence += f"{inside / level:.0%} of its level"
    elif f.rough:
        sentence = (
            f"The loss jumps from epoch to epoch by {format_number(f.wiggle)}, "
            f"{f.wiggle / level:.0%} of its level"
        )
    else:
        return None
    shaken, largest = wiggle(f.val_acc[f.n // 2 :]), max(f.last_ratios.values(), default=0.0)
    if shaken >= SHAKEN or largest > RATIO_BAND[1]:
        sentence += f", and val accuracy by {shaken:.3f} from epoch to epoch"
        sentence += (
            f"; the largest update:weight ratio is {format_number(largest)}."
            if largest > RATIO_BAND[1]
            else "."
        )
        return Finding("noisy-loss", "warning", f.epoch_range, sentence, "Use larger batches, or a lower lr.")
    sentence += f", but val accuracy by {shaken:.3f} only, from epoch to epoch."
    advice = "Nothing to mend while accuracy holds; larger batches would smooth the curve."
    return Finding("noisy-loss", "info", f.epoch_range, sentence, advice)


def update_ratio(f: CurveFacts) -> Finding | None:
    fitted = f.data[-1] < MUCH_LEFT * f.chance  # and so there is little left to update
    low = 0.0 if fitted else RATIO_BAND[0]
    outside = {name: r for name, r in f.last_ratios.items() if not low <= r <= RATIO_BAND[1]}
    if not outside:
        return None
    listed = ", ".join(f"{format_number(r)} in {name}" for name, r in outside.items())
    far = any(r > FAR * RATIO_BAND[1] or r < RATIO_BAND[0] / FAR for r in outside.values())
    third = f.epochs[-max(1, f.n // 3)]
    sentence = (
        f"The update:weight ratio is {listed} on average since epoch {third}; about 0.001 is right, "
        f"{format_number(RATIO_BAND[0], 1)} to {format_number(RATIO_BAND[1], 1)} will do."
    )
    high = max(outside.values()) > RATIO_BAND[1]
    advice = "Lower lr or reg." if high else "Raise lr, or start from smaller weights."
    if not far:  # more or less than usual is no fault by itself
        way = "a lower lr or reg" if high else "a higher lr, or smaller first weights,"
        advice = f"No fault by itself; if the curve is not what you hoped for, try {way} next."
    return Finding("update-ratio", "warning" if far else "info", (third, f.epochs[-1]), sentence, advice)


def no_gap(f: CurveFacts) -> Finding | None:
    """Training has settled and val is as good as train: the net could be larger."""
    least = AT_CHANCE if f.moves else LOW_FALL  # of ln(C); with weights that move it is not the rate
    learned = MUCH_LEFT * f.chance < f.data[-1] < (1 - least) * f.chance
    enough = f.done and (f.settled or _train_accuracy_settled(f)) and learned and still_improving(f) is None
    if f.validated_on_train or not enough or not f.gap <= NO_GAP or f.train_acc[-1] >= FITTED:
        return None
    train, val = mean(f.train_acc[-3:]), mean(f.val_acc[-3:])
    settled = "the loss has settled" if f.settled else "train accuracy has stopped rising"
    sentence = f"There is no gap between train ({train:.2f}) and val accuracy ({val:.2f}), and {settled}."
    return Finding("no-gap", "info", f.epoch_range, sentence, "Raise capacity: more units or a layer more.")


def still_improving(f: CurveFacts) -> Finding | None:
    if not f.done or f.n < MIN_FOR_QUARTER:
        return None
    quarter = max(2, f.n // 4)
    gained = mean(f.val_acc[-2:]) - mean(f.val_acc[-2 - quarter : -quarter])
    fell = f.data[-1 - quarter] - f.data[-1]
    rising = max(RISING, wiggle(f.val_acc[f.n // 2 :]), _standard_error(f, f.val_acc[-1]))
    if not (gained >= rising and fell >= CREEP * f.data[-1]):
        return None
    sentence = (
        f"Val accuracy still rose by {gained:.3f} in the last {quarter} epochs, to {f.val_acc[-1]:.3f}."
    )
    epochs = (f.epochs[-quarter], f.epochs[-1])
    return Finding(
        "still-improving", "info", epochs, sentence, f"Train longer: {2 * f.settings.epochs} epochs."
    )


def healthy(f: CurveFacts) -> Finding:
    sentence = (
        f"The loss fell from {format_number(f.data[0], 3)} to {format_number(f.data[-1], 3)}; "
        f"val accuracy {max(f.val_acc):.3f} at best"
    )
    sentence += "." if f.validated_on_train else f", a gap of {f.gap:.2f} to train."
    advice = "Let it run on."
    if f.ended:
        so_far = "" if f.done else ", as far as it went"
        advice = f"Nothing is wrong with it{so_far}; compare it with its neighbours."
    if f.validated_on_train and f.done:
        advice = "Nothing is wrong with it: it learned what it was shown."
    return Finding("healthy", "good", f.epoch_range, sentence, advice)


def _train_accuracy_settled(f: CurveFacts) -> bool:
    """Train accuracy gained nothing in the last quarter, even if the loss still falls."""
    quarter = max(2, f.n // 4)
    return (
        f.n >= 2 * quarter
        and mean(f.train_acc[-quarter:]) - mean(f.train_acc[-2 * quarter : -quarter]) < RISING
    )


def _standard_error(f: CurveFacts, accuracy: float) -> float:
    """The standard error of a val accuracy."""
    return math.sqrt(max(accuracy * (1 - accuracy), 0.0) / max(f.settings.val_count, 1))
