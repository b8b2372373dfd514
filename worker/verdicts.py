"""Owns the verdicts of a group in training: its curves so far, and what they say (stores nothing)."""

import time
from collections.abc import Callable, Mapping, Sequence

from learning.diagnosis.curves import Curve, Point, noise
from learning.diagnosis.findings import verdict
from learning.settings import Settings
from learning.training.trainer import Epoch

EVERY = 1.0  # seconds between looks at a curve that grows: reading one takes a tenth of a millisecond or two


class Verdicts:
    """What is to be said of each trial of a group; read anew once a second, and when a trial ends."""

    def __init__(
        self,
        settings: Mapping[int, Settings],
        n_classes: int,
        earlier: Mapping[int, Sequence[Point]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`earlier`: the epochs that are stored already, by trial."""
        self._settings, self._n_classes, self._clock = settings, n_classes, clock
        self._points = {id: list(earlier.get(id, ())) for id in settings}
        self._known: dict[int, str] = {}
        self._read_at = -EVERY

    def after(self, epochs: Sequence[Epoch]) -> dict[int, str]:
        """The verdict on each of these trials now that this epoch has gone by."""
        now = self._clock()
        due = now >= self._read_at + EVERY
        self._read_at = now if due else self._read_at
        for one in epochs:
            points = self._points[one.key]
            del points[one.epoch - 1 :]  # trained a second time
            points.append(point(one))
            ends = one.diverged is not None or one.epoch >= self._settings[one.key].epochs
            if due or ends or one.key not in self._known:
                self._known[one.key] = self._read(one)
        return {one.key: self._known[one.key] for one in epochs}

    def _read(self, last: Epoch) -> str:
        curve = Curve.of(self._points[last.key], last.diverged)
        return verdict(curve, self._settings[last.key], self._n_classes)


def point(one: Epoch) -> Point:
    """What the rules read of an epoch."""
    return Point(
        one.epoch,
        one.loss,
        one.data_loss,
        one.train_acc,
        one.val_loss,
        one.val_acc,
        noise(one.trace),
        one.update_ratio,
    )
