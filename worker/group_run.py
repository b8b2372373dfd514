"""Runs a claimed group: training, epoch records, checkpoints and kept nets."""

import logging
import time
from collections.abc import Callable, Mapping

from learning.data.dataset import Dataset, Split
from learning.diagnosis.curves import CurvePoint
from learning.search.early_stopping import Halving
from learning.states import TRIAL_STATES
from learning.training.checkpoint_state import BestEpoch, TrainingState
from learning.training.trainer import GroupEpoch, Member, train
from store.config import Config
from store.db.checkpoints_and_weights import CheckpointRef, Files
from store.db.database import Database
from store.queue import claimed_groups, epochs
from store.queue.claims import Claim
from store.read import curves, files_in_use, trials
from worker import kept_models, split_cache
from worker.checkpoints import Checkpoints
from worker.heartbeat import Heartbeat
from worker.verdicts import Verdicts

log = logging.getLogger("lossdeck.worker")


def run_group(
    claim: Claim,
    database: Database,
    files: Files,
    config: Config,
    keep_going: Callable[[], bool],
    worker: str | None = None,
) -> None:
    """Trains a claimed group to its end or until it is lost; releases it when `keep_going()` is false.

    Every write goes through the fence of the claim. With `worker` (its token) the heartbeat also shows that
    worker as alive. Raises LeaseLost when the database stays out of reach, and loading or training errors.
    """
    with Heartbeat(database, claim, worker) as heartbeat:
        if not keep_going():
            heartbeat.transact(claimed_groups.release, claim, time.time())
            return
        dataset, split = split_cache.load_split(claim.dataset, claim.trials[0].settings, config)
        _GroupRun(claim, files, heartbeat, dataset, split).train(keep_going)


class _GroupRun:
    """A claimed group in training."""

    def __init__(
        self,
        claim: Claim,
        files: Files,
        heartbeat: Heartbeat,
        dataset: Dataset,
        split: Split,
    ) -> None:
        self._claim, self._files, self._heartbeat = claim, files, heartbeat
        self._dataset, self._split = dataset, split
        self._settings = {trial.id: trial.settings for trial in claim.trials}
        self._checkpoints = Checkpoints(files, claim)
        self._state: TrainingState | None = None  # after the last epoch that was stored

    def train(self, keep_going: Callable[[], bool]) -> None:
        """Trains on from the last checkpoint; after each epoch the store says which trials go on."""
        self._state = self._checkpoints.resume()
        self._verdicts = Verdicts(self._settings, self._split.n_classes, self._read_earlier())
        members = [Member(id, settings) for id, settings in self._settings.items()]
        training = train(members, self._split, seed=self._claim.seed, state=self._state)
        mine: frozenset[int] | None = None  # what a generator must be sent first
        while mine is None or mine:
            try:
                step = training.send(mine)
            except StopIteration:
                raise RuntimeError("Training ended, but in the store its trials run on.") from None
            going = keep_going()
            mine = self._store(step, last=not going)
            if mine and not going:
                self._heartbeat.transact(claimed_groups.release, self._claim, time.time())
                return
        self._clear()

    def _read_earlier(self) -> dict[int, list[CurvePoint]]:
        """The stored points of the curves that training continues."""
        begun = [trial.id for trial in self._claim.trials if trial.epochs_done]
        return {id: curves.build_points(self._heartbeat.transact(epochs.list_by_trial, id)) for id in begun}

    def _store(self, step: GroupEpoch, last: bool) -> frozenset[int]:
        """Writes files, then the transaction that refers to them; then removes what has become obsolete."""
        # When a trial leaves, the others' stack gets another shape: a resumed run must not start before that.
        trial_left = any(epoch.diverged for epoch in step.epochs)
        ref = self._checkpoints.save(step, now=last or trial_left)
        ending = self._find_ending(step)
        saved = self._save(ending)
        mine, ref = self._record(step, ref)
        if ref is not None:
            self._checkpoints.drop_all_but(ref)
        gone = {epoch.key for epoch in step.epochs} - mine - set(ending)
        saved |= self._save(self._find_stopped(gone, step))
        if saved:
            self._heartbeat.transact(kept_models.prune, self._files, self._claim.sweep_id, saved)
        self._state = step.state
        return mine

    def _record(
        self, step: GroupEpoch, ref: CheckpointRef | None
    ) -> tuple[frozenset[int], CheckpointRef | None]:
        """Records the step; writes a checkpoint first if the stopping rule will end trials."""
        arguments, verdicts = (self._claim, step.epochs), self._verdicts.update(step.epochs)
        try:
            mine = self._heartbeat.transact(
                claimed_groups.record, *arguments, ref, time.time(), verdicts, require_checkpoint=True
            )
        except claimed_groups.CheckpointNeeded:
            ref = self._checkpoints.save(step, now=True)
            mine = self._heartbeat.transact(claimed_groups.record, *arguments, ref, time.time(), verdicts)
        return mine, ref

    def _find_ending(self, step: GroupEpoch) -> dict[int, BestEpoch | None]:
        """The best nets of the trials that this epoch ends, or may end: rungs are decided later."""
        final = step.state.epoch >= self._claim.until
        ending = {key: step.state.best(key) for key in step.state.keys if final}
        for epoch in step.epochs:
            if epoch.diverged:
                ending[epoch.key] = self._state.best(epoch.key) if self._state else None
        return ending

    def _find_stopped(self, gone: set[int], step: GroupEpoch) -> dict[int, BestEpoch | None]:
        """The best nets of the stopped trials (the others were cancelled or are no longer ours)."""
        if not gone:
            return {}
        found = self._heartbeat.transact(trials.get_many, gone)
        stopped = [id for id, trial in found.items() if TRIAL_STATES[trial.state].result]
        return {id: step.state.best(id) for id in stopped if id in step.state.keys}

    def _save(self, bests: Mapping[int, BestEpoch | None]) -> set[int]:
        """Writes those of these nets that are among the sweep's best. Returns their trials' ids."""
        if not bests:
            return set()
        chosen = self._heartbeat.transact(kept_models.choose_best, self._claim.sweep_id, bests)
        for id, best in chosen.items():
            kept_models.save(self._files, id, best, self._settings[id], self._dataset, self._split)
        return set(chosen)

    def _clear(self) -> None:
        """Removes the checkpoints, unless another worker has the group."""
        found = self._heartbeat.transact(trials.get_many, list(self._settings))
        if not any(TRIAL_STATES[trial.state].living for trial in found.values()):
            self._checkpoints.drop_all()
        if isinstance(self._claim.stopping, Halving):
            self._checkpoints.drop_unused(lambda: self._heartbeat.transact(files_in_use.find_groups))
