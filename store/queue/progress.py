"""Owns what an epoch does to its trial: counts, best, latest, and how it ends (executes nothing)."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, bindparam, update

from store.db.tables import trial
from store.queue.epochs import finite, metrics

if TYPE_CHECKING:
    from learning.training.trainer import Epoch


class Progress:
    """A running trial while a step's epochs are added to it."""

    def __init__(self, row: Row[*tuple[Any, ...]], until: int) -> None:
        """`until`: the epoch after which its group ends, or waits at a rung."""
        self.id: int = row.id
        self.attempt: int = row.attempt
        self.exempt: bool = row.exempt
        self.state = "running"
        self.moved = False
        self.done: int = row.epochs_done
        self._total: int = row.epochs_total
        self._until = until
        self._best: tuple[float | None, int | None] = (row.best_val_acc, row.best_epoch)
        self._last: dict[str, Any] = {}
        self._reason: str | None = None
        self._finished_at: float | None = None
        self._spared = 0

    @property
    def best(self) -> float | None:
        """The best validation accuracy so far."""
        return self._best[0]

    @property
    def left(self) -> int:
        """Epochs to its end."""
        return self._total - self.done

    def stop(self, reason: str, now: float) -> None:
        """A rule has ended it."""
        self.state, self._reason, self._finished_at, self._spared = "stopped", reason, now, self.left

    def advance(self, one: "Epoch", now: float) -> bool:
        """Whether the epoch is the next one, and so is to be written; one that is there already is not.

        Raises ValueError for an epoch that would leave a gap.
        """
        if self.state != "running" or one.epoch <= self.done:
            return False
        if one.epoch != self.done + 1:
            raise ValueError(f"Trial {self.id} has {self.done} epochs; {one.epoch} cannot be the next one.")
        numbers, flags = metrics(one)
        self.done = one.epoch
        ratio, _ = finite(one.update_ratio)
        self._last = {"epoch": one.epoch, **numbers, "update_ratio": ratio, "flags": flags}
        self._rank(one, numbers["val_acc"])
        self._end(one, now)
        self.moved = True
        return True

    def row(self, seq: int, verdict: str | None) -> dict[str, Any]:
        """The parameters of PROGRESS."""
        return {
            "_id": self.id,
            "_seq": seq,
            "_state": self.state,
            "_reason": self._reason,
            "_done": self.done,
            "_best": self._best[0],
            "_best_epoch": self._best[1],
            "_last": self._last,
            "_finished": self._finished_at,
            "_verdict": None if self._spared else verdict,  # one that a rule stopped is read to its end
            "_spared": self._spared,
        }

    def _rank(self, one: "Epoch", val_acc: float | None) -> None:
        # The epoch that diverged does not count: its accuracy is of a net that is already lost.
        if (
            one.diverged is None
            and val_acc is not None
            and (self._best[0] is None or val_acc > self._best[0])
        ):
            self._best = (val_acc, one.epoch)

    def _end(self, one: "Epoch", now: float) -> None:
        if one.diverged is not None:
            self.state, self._reason, self._finished_at = "diverged", one.diverged, now
        elif one.epoch >= self._total:
            self.state, self._finished_at = "finished", now
        elif one.epoch >= self._until:
            self.state = "queued"


PROGRESS = (
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
        spared=bindparam("_spared"),
        changed=bindparam("_seq"),
    )
)
