"""Owns Prediction: what a trial's kept weights say about new examples (trains nothing)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.failure import Failure
from learning import predict
from learning.preprocess import Preprocessing
from learning.settings import Settings
from store.files import Damaged, Files

PREPROCESS = "preprocess."  # begins the names of the preprocessing's arrays in a model


@dataclass(frozen=True, slots=True)
class Prediction:
    """Of N examples: the class of each, and the probability of each of the C classes, (N, C) float64."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]


def predict_classes(trial_id: int, examples: NDArray[Any], home: Path) -> Prediction:
    """Classifies examples, raw as in training, (N, D) or (N, h, w, c). Raises Failure."""
    try:
        model = Files(home).load_model(trial_id)
    except Damaged as error:
        raise Failure(str(error)) from error
    if model is None:
        raise Failure(
            f"No weights of trial {trial_id} are kept: only the best finished trials of a sweep keep theirs."
        )
    arrays, meta = model
    prepared = preprocessing(arrays).apply(flat(examples, len(arrays["W1"])))
    scores = predict.scores(arrays, Settings.parse(dict(meta["settings"])), prepared)  # type: ignore[call-overload]
    probabilities = softmax(scores.astype(np.float64))
    names = tuple(map(str, meta["classes"]))  # type: ignore[call-overload]
    return Prediction(names, tuple(names[k] for k in probabilities.argmax(axis=1)), probabilities)


def preprocessing(arrays: Mapping[str, NDArray[Any]]) -> Preprocessing:
    """The preprocessing that was kept beside the weights."""
    kept = {
        name.removeprefix(PREPROCESS): array for name, array in arrays.items() if name.startswith(PREPROCESS)
    }
    return Preprocessing.from_arrays(kept)


def flat(examples: NDArray[Any], features: int) -> NDArray[Any]:
    """The examples as rows of `features` numbers. Raises Failure for anything else."""
    if examples.ndim < 2 or examples.dtype.kind not in "buif":
        raise Failure(
            f"X must hold numbers, an example a row; it is {examples.dtype} of shape {examples.shape}."
        )
    rows = examples.reshape(len(examples), int(np.prod(examples.shape[1:])))
    if rows.shape[1] != features:
        raise Failure(
            f"X has {rows.shape[1]:,} numbers an example, but this net was trained on {features:,}."
        )
    if not np.isfinite(rows).all():
        raise Failure("X holds numbers that are not finite.")
    return rows


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (N, C) of scores (N, C); shifted by each row's maximum, so that nothing overflows."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
