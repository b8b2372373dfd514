"""Checkpoints of a group in training: when its state is written, read back and removed."""

import logging
import time
from collections.abc import Callable, Sequence

from learning.errors import Damaged
from learning.training.checkpoint_state import TrainingState
from learning.training.trainer import GroupEpoch
from store.db.checkpoints_and_weights import CheckpointRef, Files
from store.queue.claims import Claim

log = logging.getLogger("lossdeck.worker")

MAX_TIME_SHARE = 0.01  # of the training time that writing checkpoints may take


class Checkpoints:
    """The checkpoints of one claimed group.

    A kill costs the work of one epoch, or a hundred times the time of writing a checkpoint, whichever is
    longer.
    """

    def __init__(self, files: Files, claim: Claim, clock: Callable[[], float] = time.monotonic) -> None:
        self._files, self._claim, self._clock = files, claim, clock
        self._due = clock()  # the first epoch is written at once

    def resume(self) -> TrainingState | None:
        """The state the group was left in; None to start from the beginning."""
        state = self._read() if self._claim.checkpoints else None
        done = max(trial.epochs_done for trial in self._claim.trials)
        epoch = state.epoch if state else 0
        if done:
            log.info("group %d goes on after epoch %d of %d stored", self._claim.group_id, epoch, done)
        else:
            log.info("group %d begins with %d trials", self._claim.group_id, len(self._claim.trials))
        return state

    def save(self, step: GroupEpoch, *, now: bool) -> CheckpointRef | None:
        """Writes the state if it is due, or `now`. None: not written, the last one stays valid.

        At a rung it is always due: from there the trials go on in other groups.
        """
        over = not step.state.keys or step.state.epoch >= self._claim.epochs_total
        now = now or step.state.epoch >= self._claim.until
        if over or not (now or self._clock() >= self._due):
            return None
        started = self._clock()
        try:
            return self._write(step.state)
        except OSError as error:  # a full disk costs the checkpoint, not the training
            log.warning(
                "group %d: no checkpoint after epoch %d: %s", self._claim.group_id, step.state.epoch, error
            )
            return None
        finally:
            ended = self._clock()
            self._due = ended + (ended - started) * (1 - MAX_TIME_SHARE) / MAX_TIME_SHARE

    def drop_all_but(self, ref: CheckpointRef) -> None:
        """Removes the group's other files, once the reference to this one is stored."""
        self._files.drop_checkpoints(self._claim.group_id, ref)

    def drop_unused(self, in_use: Callable[[], set[int]]) -> None:
        """Removes the files of groups that are not in use any more, such as those this group started from."""
        written = self._files.groups_with_checkpoints()  # listed first: a group made meanwhile is safe
        for group_id in written - in_use() if written else ():
            self._files.drop_checkpoints(group_id)

    def drop_all(self) -> None:
        """Removes all files of the group, once it has ended."""
        self._files.drop_checkpoints(self._claim.group_id)

    def _read(self) -> TrainingState | None:
        ids = [trial.id for trial in self._claim.trials]
        try:
            return TrainingState.join([self._part(ref, ids) for ref in self._claim.checkpoints]).select(ids)
        except (Damaged, KeyError, ValueError) as error:
            log.warning("group %d starts from the beginning: %s", self._claim.group_id, error)
            return None

    def _part(self, ref: CheckpointRef, ids: Sequence[int]) -> TrainingState:
        """What a file holds of these trials."""
        state = TrainingState.from_arrays(self._files.load_checkpoint(ref))
        return state.select([id for id in ids if id in state.keys])

    def _write(self, state: TrainingState) -> CheckpointRef:
        return self._files.save_checkpoint(
            self._claim.group_id, self._claim.attempt, state.epoch, state.to_arrays()
        )
