"""Wire of trials and their epochs, for REST, export, pages and the live stream."""

from app.wire import plain, when
from store.queue.epochs import EpochRow
from store.read.trials import Trial


def trial(row: Trial) -> dict[str, object]:
    return {
        "id": row.id,
        "number": row.number,
        "sweep_id": row.sweep_id,
        "state": row.state,
        "reason": row.reason,
        "attempt": row.attempt,
        "failures": row.failures,
        "settings": plain(row.settings),
        "best_val_acc": plain(row.best_val_acc),
        "best_epoch": row.best_epoch,
        "epochs_done": row.epochs_done,
        "epochs_total": row.epochs_total,
        "last": plain(row.last),
        "excluded": row.excluded,
        "spared": row.spared,
        "worker": row.worker,
        "started_at": when(row.started_at),
        "finished_at": when(row.finished_at),
        "has_model": row.has_model,
        "verdict": row.verdict,
    }


def epoch(row: EpochRow, *, trace: bool = True) -> dict[str, object]:
    """An epoch row; a number that is not finite is null, and `flags` says which it was."""
    body: dict[str, object] = {
        "trial_id": row.trial_id,
        "number": row.number,
        "epoch": row.epoch,
        "loss": plain(row.loss),
        "data_loss": plain(row.data_loss),
        "train_acc": plain(row.train_acc),
        "val_loss": plain(row.val_loss),
        "val_acc": plain(row.val_acc),
        "lr": plain(row.lr),
        "update_ratio": plain(row.update_ratio),
        "flags": dict(row.flags),
        "seconds": plain(row.seconds),
    }
    return body | {"trace": plain(row.trace)} if trace else body
