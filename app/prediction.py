"""Owns Prediction: what a trial's kept weights say about new examples (trains nothing)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.failure import Failure
from learning.predict import Net, probabilities
from learning.settings import Settings
from store.files import Damaged, Files


@dataclass(frozen=True, slots=True)
class Prediction:
    """Of N examples: the class of each, and the probability of each of the C classes, (N, C) float64."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]


def predict_classes(trial_id: int, examples: NDArray[Any], home: Path) -> Prediction:
    """Classifies examples, raw as in training, (N, D) or (N, h, w, c). Raises Failure."""
    try:
        model = kept_net(trial_id, Files(home))
    except Damaged as error:
        raise Failure(str(error)) from error
    if model is None:
        raise Failure(no_weights(trial_id))
    net, about = model
    found = probabilities(net, flat(examples, net.n_features))
    names = tuple(map(str, about["classes"]))
    return Prediction(names, tuple(names[k] for k in found.argmax(axis=1)), found)


def kept_net(trial_id: int, files: Files) -> tuple[Net, Mapping[str, Any]] | None:
    """A trial's kept net and what its file says about it; None if none is kept here. Raises Damaged."""
    model = files.load_model(trial_id)
    if model is None:
        return None
    arrays, about = model
    return Net.of(arrays, Settings.parse(dict(about["settings"]))), about  # type: ignore[call-overload]


def no_weights(trial_id: int) -> str:
    """Why there is nothing to predict with, in a sentence."""
    return f"No weights are kept of trial {trial_id}; those of the best 20 finished trials of a sweep are."


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
