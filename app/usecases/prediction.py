"""Predict the classes of new examples with the kept weights of trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.text.formats import format_trial
from app.usecases.model_file import Model
from learning.errors import Failure
from learning.training.prediction import average_probabilities
from store.db.checkpoints_and_weights import Files
from store.read.trials import Trial


@dataclass(frozen=True, slots=True)
class Prediction:
    """The class of each of N examples, and the probabilities of the C classes, (N, C) float64."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]


def predict_classes(models: Sequence[Model], examples: NDArray[Any]) -> Prediction:
    """Classifies raw examples, (N, D) or (N, h, w, c), by the nets' mean probabilities. Raises Failure."""
    nets = [model.net() for model in models]
    kinds = {(net.n_features, *model.about["classes"]) for net, model in zip(nets, models, strict=True)}
    if len(kinds) > 1:
        raise Failure("These nets have no average: they were trained on other features or classes.")
    found = average_probabilities(nets, to_rows(examples, nets[0].n_features))
    names = tuple(map(str, models[0].about["classes"]))
    return Prediction(names, tuple(names[k] for k in found.argmax(axis=1)), found)


def load_kept_model(trial: Trial, files: Files) -> Model:
    """The kept net of a trial. Raises Failure if none is kept here, and Damaged."""
    found = files.load_model(trial.id)
    if found is None:
        raise Failure(no_weights_message(trial))
    return Model(*found)


def no_weights_message(trial: Trial) -> str:
    """That a trial has no kept weights, as a sentence."""
    return f"No weights are kept of {format_trial(trial)}; those of a sweep's best 20 trials are."


def to_rows(examples: NDArray[Any], features: int) -> NDArray[Any]:
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
