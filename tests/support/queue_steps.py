"""Epochs as the trainer returns them, and short ways through the queue."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from learning.training.trainer import Epoch
from store.db.checkpoints_and_weights import CheckpointRef
from store.db.database import Database
from store.queue import claimed_groups, claims
from store.queue.claims import Claim

NOW = 1_700_000_100.0


def make_epoch(key: int, number: int, **values: object) -> Epoch:
    """One epoch; by default val_acc rises with its number."""
    default: dict[str, object] = {
        "loss": 2.0 / number,
        "data_loss": 1.9 / number,
        "train_acc": 0.5,
        "val_loss": 2.1 / number,
        "val_acc": number / 100,
        "lr": 1e-3,
        "update_ratio": {"W1": 1e-3, "W2": 2e-3},
        "trace": ((1.0, 1.5, 2.0), (0.5, 1.0, 1.25)),
        "seconds": 0.5,
        "diverged": None,
    }
    return Epoch(key=key, epoch=number, **{**default, **values})  # type: ignore[arg-type]


def claim(database: Database, worker: str = "w", now: float = NOW) -> Claim:
    """The next group; there must be one."""
    with database.write() as c:
        found = claims.claim(c, worker, now)
    assert found is not None
    return found


def nothing_to_claim(database: Database) -> bool:
    with database.write() as c:
        return claims.claim(c, "w", NOW) is None


def record(
    database: Database,
    claimed: Claim,
    new: Sequence[Epoch] | int,
    checkpoint: CheckpointRef | None = None,
    now: float = NOW,
    verdicts: Mapping[int, str] = MappingProxyType({}),
) -> frozenset[int]:
    """Stores epochs; a number is that epoch of every claimed trial."""
    if isinstance(new, int):
        new = [make_epoch(trial.id, new) for trial in claimed.trials]
    with database.write() as c:
        return claimed_groups.record(c, claimed, new, checkpoint, now, verdicts)


def train(database: Database, claimed: Claim, epochs: int | None = None) -> frozenset[int]:
    """Stores epochs up to a number, all by default; returns the answer to the last."""
    mine: frozenset[int] = frozenset()
    for number in range(1, (epochs or claimed.epochs_total) + 1):
        mine = record(database, claimed, number)
    return mine


def train_all(database: Database) -> None:
    """Trains everything that is queued."""
    while True:
        with database.write() as c:
            claimed = claims.claim(c, "w", NOW)
        if claimed is None:
            return
        train(database, claimed)
