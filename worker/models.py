"""Owns which trained nets of a sweep are kept as files, and what such a file holds (does not use them)."""

import logging
from collections.abc import Collection, Mapping

from learning.data.dataset import Dataset, Split
from learning.settings import Settings
from learning.training.checkpoint_state import Best
from learning.training.prediction import arrays_of
from store.db.database import Connection
from store.db.weight_files import Files
from store.queue import annotations
from store.read import trials

log = logging.getLogger("lossdeck.worker")

KEPT = 20  # nets of a sweep, the best by validation accuracy
RANKED = "excluded = false and state != failed and state != cancelled"


def worth_keeping(c: Connection, sweep_id: int, bests: Mapping[int, Best | None]) -> dict[int, Best]:
    """Those of these nets that would be among the sweep's best, by what the sweep has reached so far."""
    candidates = {id: best for id, best in bests.items() if best is not None}
    top = best_trials(c, sweep_id)
    rivals = [one.best_val_acc or 0.0 for one in top if one.id not in candidates]
    bar = rivals[KEPT - 1] if len(rivals) >= KEPT else 0.0
    ranked = sorted(candidates, key=lambda id: -candidates[id].val_acc)[:KEPT]
    return {id: candidates[id] for id in ranked if candidates[id].val_acc >= bar}


def save(files: Files, id: int, best: Best, settings: Settings, dataset: Dataset, split: Split) -> None:
    """Writes weights (W1, b1, W2, ...) and the preprocessing's arrays ("preprocess.mean", ...).

    `meta` has the settings, the classes' names, the images' shape, and where the weights come from.
    A full disk costs the file, not the trial.
    """
    arrays = arrays_of(best.weights, split.preprocessing)
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
    """Of the trials just saved and those marked before, keeps the best ones' files; marks exactly these."""
    marked, _ = trials.page(c, sweep_id, 10 * KEPT, 0, "number", "has_model = true")
    keep = {one.id for one in best_trials(c, sweep_id) if files.has_model(one.id)}
    files.keep_models(keep, {one.id for one in marked} | set(saved))
    annotations.mark_models(c, sweep_id, keep)


def best_trials(c: Connection, sweep_id: int) -> tuple[trials.Trial, ...]:
    """The trials whose nets are worth keeping, best first; a diverged one with its best before that."""
    return trials.page(c, sweep_id, KEPT, 0, "-best_val_acc", RANKED)[0]
