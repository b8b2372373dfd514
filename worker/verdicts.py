"""The verdicts on a group in training: reads its curves so far, about once a second."""

import time
from collections.abc import Callable, Mapping, Sequence

from learning.diagnosis.curves import Curve, CurvePoint, estimate_noise
from learning.diagnosis.findings import judge_curve
from learning.settings import Settings
from learning.training.trainer import Epoch

READ_SECONDS = 1.0  # between two readings of a growing curve, which take 0.1 to 0.2 ms each


class Verdicts:
    """The verdict on each trial of a group; read again once a second, and when a trial ends."""

    def __init__(
        self,
        settings: Mapping[int, Settings],
        n_classes: int,
        earlier: Mapping[int, Sequence[CurvePoint]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`earlier`: the epochs that are already stored, by trial."""
        self._settings, self._n_classes, self._clock = settings, n_classes, clock
        self._points = {id: list(earlier.get(id, ())) for id in settings}
        self._known: dict[int, str] = {}
        self._read_at = -READ_SECONDS

    def update(self, epochs: Sequence[Epoch]) -> dict[int, str]:
        """Adds the trials' new epochs; returns the verdict on each of these trials."""
        now = self._clock()
        due = now >= self._read_at + READ_SECONDS
        self._read_at = now if due else self._read_at
        for epoch in epochs:
            points = self._points[epoch.key]
            del points[epoch.epoch - 1 :]  # trained a second time
            points.append(build_point(epoch))
            ends = epoch.diverged is not None or epoch.epoch >= self._settings[epoch.key].epochs
            if due or ends or epoch.key not in self._known:
                self._known[epoch.key] = self._read(epoch)
        return {epoch.key: self._known[epoch.key] for epoch in epochs}

    def _read(self, last: Epoch) -> str:
        curve = Curve.from_points(self._points[last.key], last.diverged)
        return judge_curve(curve, self._settings[last.key], self._n_classes)


def build_point(epoch: Epoch) -> CurvePoint:
    """An epoch as the rules read it."""
    return CurvePoint(
        epoch.epoch,
        epoch.loss,
        epoch.data_loss,
        epoch.train_acc,
        epoch.val_loss,
        epoch.val_acc,
        estimate_noise(epoch.trace),
        epoch.update_ratio,
    )
