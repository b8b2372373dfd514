"""Which trained nets of a sweep are kept as files, and what such a file holds."""

import logging
from collections.abc import Collection, Mapping

from learning.data.dataset import Dataset, Split
from learning.settings import Settings
from learning.training.checkpoint_state import BestEpoch
from learning.training.prediction import to_model_arrays
from store.db.checkpoints_and_weights import Files
from store.db.database import Connection
from store.queue import trial_updates
from store.read import trials

log = logging.getLogger("lossdeck.worker")

MAX_MODELS = 20  # of a sweep, the best by validation accuracy


def choose_best(c: Connection, sweep_id: int, bests: Mapping[int, BestEpoch | None]) -> dict[int, BestEpoch]:
    """Those of these nets that would be among the sweep's best so far."""
    candidates = {id: best for id, best in bests.items() if best is not None}
    best_trials = trials.list_model_candidates(c, sweep_id, MAX_MODELS)
    rivals = [trial.best_val_acc or 0.0 for trial in best_trials if trial.id not in candidates]
    bar = rivals[MAX_MODELS - 1] if len(rivals) >= MAX_MODELS else 0.0
    best_first = sorted(candidates, key=lambda id: -candidates[id].val_acc)[:MAX_MODELS]
    return {id: candidates[id] for id in best_first if candidates[id].val_acc >= bar}


def save(files: Files, id: int, best: BestEpoch, settings: Settings, dataset: Dataset, split: Split) -> None:
    """Writes weights (W1, b1, W2, ...) and the preprocessing's arrays ("preprocess.mean", ...).

    `meta` has the settings, the classes' names, the images' shape, and where the weights come from.
    A full disk costs the file, not the trial.
    """
    arrays = to_model_arrays(best.weights, split.preprocessing)
    meta = {
        "trial_id": id,
        "dataset": dataset.name,
        "classes": list(dataset.classes),
        "image_shape": list(dataset.image_shape) if dataset.image_shape else None,
        "settings": settings.to_dict(),
        "epoch": best.epoch,
        "val_acc": best.val_acc,
    }
    try:
        files.save_model(id, arrays, meta)
    except OSError as error:
        log.warning("trial %d: its weights could not be kept: %s", id, error)


def prune(c: Connection, files: Files, sweep_id: int, saved: Collection[int]) -> None:
    """Keeps the files of the best among the trials saved now and before; marks exactly these."""
    marked = trials.find_ids_with_model(c, sweep_id)
    best_trials = trials.list_model_candidates(c, sweep_id, MAX_MODELS)
    keep = {trial.id for trial in best_trials if files.has_model(trial.id)}
    files.keep_models(keep, marked | set(saved))
    trial_updates.mark_models(c, sweep_id, keep)
