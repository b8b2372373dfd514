"""Owns the run of one claimed group: training, records, checkpoints and kept nets (claims nothing)."""

import logging
import time
from collections.abc import Callable, Mapping

from learning.data.dataset import Dataset, Split
from learning.diagnosis.curves import Point
from learning.search.early_stopping import Halving
from learning.training.checkpoint_state import Best, State
from learning.training.trainer import Member, Step, train
from store.config import Config
from store.db.database import Database
from store.db.states import LIVING
from store.db.weight_files import CheckpointRef, Files
from store.queue import epochs, fence
from store.queue.claims import Claim
from store.read import curves, files_in_use, trials
from worker import data, models
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
    """Trains a claimed group to its end, or until another owns it; releases it when `keep_going()` says no.

    Every write goes through the fence of the claim. With `worker` (its token) the heartbeat shows that one as
    alive, too. Raises LeaseLost when the database stays out of reach, and what loading and training raise.
    """
    with Heartbeat(database, claim, worker) as heartbeat:
        if not keep_going():
            heartbeat.ask(fence.release, claim, time.time())
            return
        dataset, split = data.split_for(claim.dataset, claim.trials[0].settings, config)
        _Run(claim, files, heartbeat, dataset, split).train(keep_going)


class _Run:
    """A claimed group while it trains."""

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
        self._settings = {one.id: one.settings for one in claim.trials}
        self._checkpoints = Checkpoints(files, claim)
        self._state: State | None = None  # after the last epoch that was stored

    def train(self, keep_going: Callable[[], bool]) -> None:
        """Goes on from the last checkpoint; the answer to each epoch's record names those that train on."""
        self._state = self._checkpoints.resume()
        self._verdicts = Verdicts(self._settings, self._split.n_classes, self._earlier())
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
                self._heartbeat.ask(fence.release, self._claim, time.time())
                return
        self._clear()

    def _earlier(self) -> dict[int, list[Point]]:
        """What is stored of the curves that training goes on with."""
        begun = [one.id for one in self._claim.trials if one.epochs_done]
        return {id: curves.points(self._heartbeat.ask(epochs.of_trial, id)) for id in begun}

    def _store(self, step: Step, last: bool) -> frozenset[int]:
        """Files first, then the transaction that names them, then away with what it made superfluous."""
        # When a trial leaves, the others' stack gets another shape: a resumed run must not start before that.
        someone_left = any(epoch.diverged for epoch in step.epochs)
        ref = self._checkpoints.save(step, now=last or someone_left)
        ending = self._ending(step)
        saved = self._save(ending)
        mine, ref = self._record(step, ref)
        if ref is not None:
            self._checkpoints.drop_all_but(ref)
        gone = {epoch.key for epoch in step.epochs} - mine - set(ending)
        saved |= self._save(self._stopped(gone, step))
        if saved:
            self._heartbeat.ask(models.prune, self._files, self._claim.sweep_id, saved)
        self._state = step.state
        return mine

    def _record(self, step: Step, ref: CheckpointRef | None) -> tuple[frozenset[int], CheckpointRef | None]:
        """The transaction; with a checkpoint made first where the stopping rule will take trials away."""
        about, verdicts = (self._claim, step.epochs), self._verdicts.after(step.epochs)
        try:
            mine = self._heartbeat.ask(fence.record, *about, ref, time.time(), verdicts, unless_leaving=True)
        except fence.Leaving:
            ref = self._checkpoints.save(step, now=True)
            mine = self._heartbeat.ask(fence.record, *about, ref, time.time(), verdicts)
        return mine, ref

    def _ending(self, step: Step) -> dict[int, Best | None]:
        """The best nets of the trials that this epoch ends, or may: a rung is decided later, by others."""
        final = step.state.epoch >= self._claim.until
        ending = {key: step.state.best(key) for key in step.state.keys if final}
        for epoch in step.epochs:
            if epoch.diverged:
                ending[epoch.key] = self._state.best(epoch.key) if self._state else None
        return ending

    def _stopped(self, gone: set[int], step: Step) -> dict[int, Best | None]:
        """The best nets of those that were stopped (the others were cancelled, or are no longer ours)."""
        if not gone:
            return {}
        found = self._heartbeat.ask(trials.by_ids, gone)
        stopped = [id for id, trial in found.items() if trial.state == "stopped"]
        return {id: step.state.best(id) for id in stopped if id in step.state.keys}

    def _save(self, bests: Mapping[int, Best | None]) -> set[int]:
        """Writes those of these nets that are among the sweep's best; whose they are."""
        if not bests:
            return set()
        chosen = self._heartbeat.ask(models.worth_keeping, self._claim.sweep_id, bests)
        for id, best in chosen.items():
            models.save(self._files, id, best, self._settings[id], self._dataset, self._split)
        return set(chosen)

    def _clear(self) -> None:
        """Removes the checkpoints, unless the group is only over for us because another worker has it."""
        found = self._heartbeat.ask(trials.by_ids, list(self._settings))
        if not any(one.state in LIVING for one in found.values()):
            self._checkpoints.drop_all()
        if isinstance(self._claim.stopping, Halving):
            self._checkpoints.drop_needless(lambda: self._heartbeat.ask(files_in_use.groups_in_use))
