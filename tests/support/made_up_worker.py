"""A worker that trains nothing: it claims groups over a database and records made-up epochs."""

import time
from collections.abc import Sequence
from typing import Any

from learning.training.trainer import Epoch
from store.db.database import Database
from store.queue import claimed_groups, claims

ADDRESS = "http://127.0.0.1:8000"

BODY: dict[str, Any] = {
    "name": "small",
    "dataset": "digits",
    "trials": 4,
    "space": {"lr": {"log_uniform": [1e-3, 1e-1]}},
    "settings": {"epochs": 3, "val_count": 300, "hidden": [10]},
}


def made_epoch(key: int, epoch: int, **fields: Any) -> Epoch:
    """An epoch row with plausible numbers."""
    values: dict[str, Any] = {
        "key": key,
        "epoch": epoch,
        "loss": 2.3 / epoch,
        "data_loss": 2.2 / epoch,
        "train_acc": 1 - 0.9 / epoch,
        "val_loss": 2.25 / epoch,
        "val_acc": 1 - 0.95 / epoch,
        "lr": 1e-3,
        "update_ratio": {"W1": 1e-3, "W2": 2e-3},
        "trace": ((1.0, 2.0, 3.0),) * 3,
        "seconds": 0.01,
        "diverged": None,
    }
    return Epoch(**(values | fields))


class Crew:
    """Claims groups and records made-up epochs, as a worker does, one transaction a step."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def claim(self) -> claims.Claim:
        claim = self.claim_or_none()
        assert claim is not None
        return claim

    def claim_or_none(self) -> claims.Claim | None:
        with self.database.write() as c:
            return claims.claim(c, "tester", time.time())

    def record(self, claim: claims.Claim, epochs: Sequence[Epoch]) -> frozenset[int]:
        with self.database.write() as c:
            return claimed_groups.record(c, claim, epochs, None, time.time())

    def step(self, claim: claims.Claim, epoch: int) -> frozenset[int]:
        """One epoch of every trial of the group."""
        return self.record(claim, [made_epoch(trial.id, epoch) for trial in claim.trials])

    def finish_all(self) -> None:
        """Trains everything that is queued."""
        while (claim := self.claim_or_none()) is not None:
            for epoch in range(claim.trials[0].epochs_done + 1, claim.until + 1):
                self.step(claim, epoch)
