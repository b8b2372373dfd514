"""Ensembles: the average of a sweep's best kept nets, and its val accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.usecases.model_file import Model
from app.usecases.prediction import load_kept_model
from learning.data import catalog
from learning.data.dataset import make_split
from learning.errors import NoEnsemble
from learning.training.ensemble import describe_average, measure_average
from store.config import Config
from store.db.checkpoints_and_weights import Files
from store.db.database import Connection
from store.read import trials
from store.read.sweeps import Sweep
from store.read.trials import Trial

DEFAULT_NETS = 5  # in an average
MAX_NETS = 20  # that a sweep keeps
SPLIT_SETTINGS = ("train_count", "val_count", "stratify")  # settings that say which rows validate
ACCURACY_TOLERANCE = 0.01  # between a net's val accuracy and what training recorded, which rounding changes


@dataclass(frozen=True, slots=True)
class Member:
    """An averaged trial, and its own accuracy on the examples."""

    trial: Trial
    val_acc: float


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The averaged trials, best first, and what their average is worth; fields as in EnsembleOut."""

    sentence: str
    examples: int
    members: tuple[Member, ...]
    val_acc: float
    standard_error: float
    gain: float
    gain_standard_error: float


def find_members(c: Connection, sweep: Sweep, top: int, files: Files) -> tuple[Trial, ...]:
    """The `top` best trials whose nets are kept here, all validated on the same rows. Raises NoEnsemble."""
    rows = trials.list_ranked_with_model(c, sweep.id, MAX_NETS)
    kept = [row for row in rows if files.has_model(row.id)]
    alike = tuple(row for row in kept if _split_settings(row) == _split_settings(kept[0]))
    if len(alike) < 2:
        raise NoEnsemble(
            f"Sweep {sweep.id} has {len(alike)} trained nets that are kept here and share a validation part; "
            "an average takes two."
        )
    return alike[:top]


def load_models(rows: Sequence[Trial], files: Files) -> tuple[Model, ...]:
    """Their nets. Raises Failure and Damaged."""
    return tuple(load_kept_model(row, files) for row in rows)


def measure_ensemble(rows: Sequence[Trial], sweep: Sweep, config: Config, files: Files) -> Ensemble:
    """What the members' average is worth. Raises Failure, Damaged and DatasetError.

    NoEnsemble, too, where the data set's name has gone to other data since: the figures would mean nothing.
    """
    dataset = catalog.load(sweep.dataset, config.home, config.data)
    settings = replace(rows[0].settings, preprocess="none")  # each net brings its own
    val = make_split(dataset, settings).val_rows
    kept = load_models(rows, files)
    nets = [model.net() for model in kept]
    if any(net.n_features != dataset.X_train.shape[1] for net in nets):
        raise _other_data(sweep)
    found = measure_average(nets, dataset.X_train[val], dataset.y_train[val])
    if any(
        abs(accuracy - model.about["val_acc"]) > ACCURACY_TOLERANCE
        for accuracy, model in zip(found.each, kept, strict=True)
    ):
        raise _other_data(sweep)
    return Ensemble(
        describe_average(found, on_train=settings.val_count == 0),
        found.examples,
        tuple(Member(row, accuracy) for row, accuracy in zip(rows, found.each, strict=True)),
        found.accuracy,
        found.error,
        found.gain,
        found.gain_error,
    )


def _split_settings(row: Trial) -> list[object]:
    return [getattr(row.settings, name) for name in SPLIT_SETTINGS]


def _other_data(sweep: Sweep) -> NoEnsemble:
    return NoEnsemble(
        f"The data set {sweep.dataset} is no longer what sweep {sweep.id} was trained on: "
        "its nets do not get there what was recorded."
    )
