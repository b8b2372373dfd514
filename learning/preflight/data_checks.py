"""Sanity: are the examples fit to learn from? Balance, scale, repeats, constants, numbers that are none."""

import numpy as np

from learning.data.dataset import Rows, Split
from learning.number_format import format_number
from learning.preflight.check_result import Check, at_most
from learning.training.net import Array

CONSTANT_SHARE = 0.5  # of the features; digits have 5 %, MNIST 9 %
REPEATED_SHARE = 0.05  # of the validation rows; the lecture's data has well below 1 %
SCALE_RATIO = 100  # of the widest feature to the middle one; digits have 2, CIFAR-10 1.2
IMBALANCE = 3  # of the largest class to the smallest: told, for it is no fault
LOOKED_AT = 5_000  # training rows, spread evenly, in which a feature must vary
COMPARED = 200_000  # training rows, spread evenly, that validation rows are looked for in
SCALED = 1_000  # training rows, spread evenly, whose scale is measured


def data(split: Split) -> Check:
    """Are the examples fit to learn from? The figure counts problems; the curve is the rows of each class."""
    counts = np.bincount(split.y[split.train_rows].clip(0, split.n_classes - 1), minlength=split.n_classes)
    constant = _constant(split)
    found = (_outside(split), _absent(counts), constant, _infinite(split), _wide(split))
    problems = [words for words in (*found, "" if constant else _repeated(split)) if words]
    sentence = " ".join(problems) if problems else f"{_fine(split, counts)}{_unequal(counts)}"
    curve = [(float(label), float(count)) for label, count in enumerate(counts)]
    return at_most("data", "The data", float(len(problems)), 0.0, sentence, curve)


def labels_fit(split: Split) -> bool:
    """Whether every label is one of 0..C-1; without that no net can be trained."""
    return bool(split.y.min() >= 0 and split.y.max() < split.n_classes)


def spread(rows: Rows, count: int) -> Rows:
    """At most `count` of the rows, evenly, so that data sorted by class gives every class."""
    if len(rows) <= count:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)])


def _fine(split: Split, counts: Array) -> str:
    X = split.gather(spread(split.train_rows, SCALED), dtype=np.float64)
    return (
        f"{len(split.train_rows):,} examples train and {len(split.val_rows):,} validate; each of the "
        f"{split.n_classes} classes has {counts.min():,} to {counts.max():,}; all numbers are finite, and "
        f"after preprocessing run from {format_number(X.min(), 3)} to {format_number(X.max(), 3)}."
    )


def _unequal(counts: Array) -> str:
    largest = int(counts.argmax())
    if counts[largest] <= IMBALANCE * counts.min():
        return ""
    return (
        f" The classes are unequal: always naming class {largest} is right in "
        f"{counts.max() / counts.sum():.0%} of the cases, so compare accuracies with that."
    )


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
    return (
        f"{constant:,} of {split.n_features:,} features have the same value in every training example, "
        "and tell nothing about its class."
    )


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


def _wide(split: Split) -> str:
    """Features of very different scale want different learning rates."""
    X = split.gather(spread(split.train_rows, SCALED), dtype=np.float64)
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


def _repeated(split: Split) -> str:
    if split.train_part_equals_val:
        return ""
    X = split.X
    known = {hash(X[row].tobytes()) for row in spread(split.train_rows, COMPARED)}
    share = sum(hash(X[row].tobytes()) in known for row in split.val_rows) / len(split.val_rows)
    if share <= REPEATED_SHARE:
        return ""
    return (
        f"{share:.0%} of the validation examples are training examples too, so they cannot judge: "
        "keep one of each."
    )
