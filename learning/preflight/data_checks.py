"""The preflight check of the data: labels, balance, scale, repeats, constants, infinite values."""

import numpy as np

from learning.data.dataset import Rows, Split
from learning.number_format import format_number
from learning.preflight.check_result import Check, check_at_most
from learning.training.net import Array

CONSTANT_SHARE = 0.5  # of the features; digits have 5 %, MNIST 9 %
REPEATED_SHARE = 0.05  # of the validation rows; the lecture's data has well below 1 %
SCALE_RATIO = 100  # of the widest feature to the middle one; digits have 2, CIFAR-10 1.2
IMBALANCE_RATIO = 3  # of the largest class to the smallest: mentioned, but no fault
EXAMINED_ROWS = 5_000  # training rows, spread evenly, in which a feature must vary
COMPARED_ROWS = 200_000  # training rows, spread evenly, that validation rows are looked for in
SCALE_ROWS = 1_000  # training rows, spread evenly, whose scale is measured


def check_data(split: Split) -> Check:
    """Are the examples fit to learn from? The figure counts problems, the curve rows of each class."""
    counts = np.bincount(split.y[split.train_rows].clip(0, split.n_classes - 1), minlength=split.n_classes)
    constant = _find_constant_features(split)
    found = (
        _find_bad_labels(split),
        _find_absent_classes(counts),
        constant,
        _find_infinite(split),
        _find_uneven_scales(split),
    )
    problems = [problem for problem in (*found, "" if constant else _find_repeats(split)) if problem]
    sentence = " ".join(problems) if problems else f"{_describe_data(split, counts)}{_note_imbalance(counts)}"
    curve = [(float(label), float(count)) for label, count in enumerate(counts)]
    return check_at_most("data", "The data", float(len(problems)), 0.0, sentence, curve)


def labels_are_valid(split: Split) -> bool:
    """Whether every label is in 0..C-1; otherwise no net can be trained."""
    return bool(split.y.min() >= 0 and split.y.max() < split.n_classes)


def pick_evenly(rows: Rows, count: int) -> Rows:
    """At most `count` of the rows, evenly spaced, so that data sorted by class gives every class."""
    if len(rows) <= count:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)])


def _describe_data(split: Split, counts: Array) -> str:
    X = split.gather(pick_evenly(split.train_rows, SCALE_ROWS), dtype=np.float64)
    return (
        f"{len(split.train_rows):,} examples train and {len(split.val_rows):,} validate; each of the "
        f"{split.n_classes} classes has {counts.min():,} to {counts.max():,}; all numbers are finite, and "
        f"after preprocessing run from {format_number(X.min(), 3)} to {format_number(X.max(), 3)}."
    )


def _note_imbalance(counts: Array) -> str:
    largest = int(counts.argmax())
    if counts[largest] <= IMBALANCE_RATIO * counts.min():
        return ""
    return (
        f" The classes are unequal: always naming class {largest} is right in "
        f"{counts.max() / counts.sum():.0%} of the cases, so compare accuracies with that."
    )


def _find_bad_labels(split: Split) -> str:
    if labels_are_valid(split):
        return ""
    return (
        f"Labels run from {split.y.min()} to {split.y.max()}, but those of {split.n_classes} classes "
        f"are 0 to {split.n_classes - 1}; nothing more can be checked."
    )


def _find_absent_classes(counts: Array) -> str:
    absent = np.flatnonzero(counts == 0)
    if not len(absent):
        return ""
    return f"No training example has label {', '.join(map(str, absent[:10]))} of {len(counts)} classes."


def _find_constant_features(split: Split) -> str:
    X = split.X[pick_evenly(split.train_rows, EXAMINED_ROWS)]
    constant = int(np.equal(X, X[0]).all(axis=0).sum())
    if constant <= CONSTANT_SHARE * split.n_features:
        return ""
    return (
        f"{constant:,} of {split.n_features:,} features have the same value in every training example, "
        "and tell nothing about its class."
    )


def _find_infinite(split: Split) -> str:
    if split.X.dtype.kind != "f":
        return ""
    rows = np.concatenate([split.train_rows, split.val_rows])
    bad = sum(
        int((~np.isfinite(split.X[rows[start : start + EXAMINED_ROWS]])).any(axis=1).sum())
        for start in range(0, len(rows), EXAMINED_ROWS)
    )
    if not bad:
        return ""
    some = "There is 1 example" if bad == 1 else f"There are {bad:,} examples"
    return f"{some} with a number that is not finite."


def _find_uneven_scales(split: Split) -> str:
    """Features of very different scale need different learning rates."""
    X = split.gather(pick_evenly(split.train_rows, SCALE_ROWS), dtype=np.float64)
    with np.errstate(all="ignore"):
        deviation = X.std(axis=0)
    known = np.sort(deviation[np.isfinite(deviation) & (deviation > 0)])
    if not len(known) or known[-1] <= SCALE_RATIO * known[(len(known) - 1) // 2]:
        return ""
    ratio = known[-1] / known[(len(known) - 1) // 2]
    return (
        f"Feature {int(np.nanargmax(deviation))} spreads {ratio:,.0f} times as wide as the middle one, and "
        "no learning rate suits both: preprocess with standardise."
    )


def _find_repeats(split: Split) -> str:
    if split.train_part_equals_val:
        return ""
    X = split.X
    known = {hash(X[row].tobytes()) for row in pick_evenly(split.train_rows, COMPARED_ROWS)}
    share = sum(hash(X[row].tobytes()) in known for row in split.val_rows) / len(split.val_rows)
    if share <= REPEATED_SHARE:
        return ""
    return (
        f"{share:.0%} of the validation examples are training examples too, so they cannot judge: "
        "keep one of each."
    )
