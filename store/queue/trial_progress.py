"""What an epoch changes in its trial: epochs done, best and latest values, and how the trial ends."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, bindparam, update

from learning.diagnosis.findings import rules_version
from learning.number_format import replace_non_finite
from store.db.tables import trial
from store.queue.epochs import read_metrics

if TYPE_CHECKING:
    from learning.training.trainer import Epoch


class TrialProgress:
    """The changes to a running trial while an epoch is added to it."""

    def __init__(self, row: Row[*tuple[Any, ...]], until: int) -> None:
        """`until`: the epoch after which its group ends, or waits at a rung."""
        self.id: int = row.id
        self.attempt: int = row.attempt
        self.exempt: bool = row.exempt
        self.state = "running"
        self.changed = False
        self.epochs_done: int = row.epochs_done
        self._total: int = row.epochs_total
        self._until = until
        self._best: tuple[float | None, int | None] = (row.best_val_acc, row.best_epoch)
        self._last: dict[str, Any] = {}
        self._reason: str | None = None
        self._finished_at: float | None = None
        self._spared = 0
        self._stopped = False

    @property
    def best(self) -> float | None:
        """The best validation accuracy so far."""
        return self._best[0]

    @property
    def epochs_left(self) -> int:
        return self._total - self.epochs_done

    def stop(self, reason: str, now: float) -> None:
        """Ends the trial by a stopping rule."""
        self.state, self._reason, self._finished_at, self._spared = "stopped", reason, now, self.epochs_left
        self._stopped = True

    def advance(self, epoch: "Epoch", now: float) -> bool:
        """Adds the next epoch. False if the trial has it already, so that it must not be written.

        Raises ValueError for an epoch that would leave a gap.
        """
        if self.state != "running" or epoch.epoch <= self.epochs_done:
            return False
        if epoch.epoch != self.epochs_done + 1:
            raise ValueError(
                f"Trial {self.id} has {self.epochs_done} epochs; {epoch.epoch} cannot be the next one."
            )
        numbers, flags = read_metrics(epoch)
        self.epochs_done = epoch.epoch
        ratio, _ = replace_non_finite(epoch.update_ratio)
        self._last = {"epoch": epoch.epoch, **numbers, "update_ratio": ratio, "flags": flags}
        self._update_best(epoch, numbers["val_acc"])
        self._end(epoch, now)
        self.changed = True
        return True

    def to_row(self, seq: int, verdict: str | None) -> dict[str, Any]:
        """The parameters of UPDATE_PROGRESS."""
        return {
            "_id": self.id,
            "_seq": seq,
            "_state": self.state,
            "_reason": self._reason,
            "_done": self.epochs_done,
            "_best": self._best[0],
            "_best_epoch": self._best[1],
            "_last": self._last,
            "_finished": self._finished_at,
            "_verdict": verdict,
            # Who trains it sees the ends of its own epochs alone coming; after any other it is judged again.
            "_rules": rules_version() if verdict is not None and not self._stopped else None,
            "_spared": self._spared,
        }

    def _update_best(self, epoch: "Epoch", val_acc: float | None) -> None:
        # The epoch that diverged does not count: its net is already lost.
        if (
            epoch.diverged is None
            and val_acc is not None
            and (self._best[0] is None or val_acc > self._best[0])
        ):
            self._best = (val_acc, epoch.epoch)

    def _end(self, epoch: "Epoch", now: float) -> None:
        if epoch.diverged is not None:
            self.state, self._reason, self._finished_at = "diverged", epoch.diverged, now
        elif epoch.epoch >= self._total:
            self.state, self._finished_at = "finished", now
        elif epoch.epoch >= self._until:
            self.state = "queued"


UPDATE_PROGRESS = (
    update(trial)
    .where(trial.c.id == bindparam("_id"))
    .values(
        state=bindparam("_state"),
        reason=bindparam("_reason"),
        failures=0,
        epochs_done=bindparam("_done"),
        best_val_acc=bindparam("_best"),
        best_epoch=bindparam("_best_epoch"),
        last=bindparam("_last"),
        finished_at=bindparam("_finished"),
        verdict=bindparam("_verdict"),
        verdict_rules=bindparam("_rules"),
        spared=bindparam("_spared"),
        changed=bindparam("_seq"),
    )
)
