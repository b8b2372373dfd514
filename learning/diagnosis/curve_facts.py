"""The facts that the rules read off one curve; curve_rules and curve_remarks draw conclusions from them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from learning.diagnosis.curves import Curve
from learning.settings import Settings

LOW_FALL = 0.05  # of the first loss: less is "barely changing" (lecture: 0.007 %; measured: up to 4 %)
AT_CHANCE = 0.02  # of ln(C): within this below it, nothing has been learned
MUCH_LEFT = 0.08  # of ln(C): a loss above has something left to learn (measured)
FITTED = 0.95  # train accuracy at which there is nothing left to fit
RATIO_BAND = (1e-4, 1e-2)  # update:weight ratio, a factor of ten either side of the notes' 1e-3
CLOSE_RATIO_BAND = (3e-4, 3e-3)  # half a decade either side
MOVING_RATIO = (
    5e-3  # update:weight ratio; weights that move so much and learn nothing started badly (measured)
)
NOISY_SHARE = 0.4  # of the loss: standard deviation from mini-batch to mini-batch (measured)
MIN_EPOCHS = 3  # below this a curve has no shape (ours)
MIN_FOR_QUARTER = 4
HIGH_LOSS = 0.25  # of ln(C): a loss above has much left to learn
EASING = 0.1  # of the penalty, lost in the last quarter: it has not come to rest (measured)
ROUNDED_AWAY_RATIO = 1e-7  # update:weight ratio that float32 rounds away
WIGGLE = 0.05  # of the loss: standard deviation of an epoch's loss about the line through its neighbours
MIN_FOR_WIGGLE = 6
REG_SHARE = 0.4  # penalty / (ln(C) - loss); from 0.47 on it cost accuracy, at 0.35 none (measured)
PLATEAU = 0.03  # of the loss: what it falls in the last half of a plateau (measured)


@dataclass(frozen=True)
class CurveFacts:
    """One curve as lists of floats, since curves are short; `data` is the loss without the L2 penalty."""

    settings: Settings
    chance: float  # ln(C)
    epochs: list[int]
    loss: list[float]
    data: list[float]
    train_acc: list[float]
    val_acc: list[float]
    noise: list[float]
    ratios: Mapping[str, list[float]]
    diverged: str | None
    ended: bool  # no more epochs will follow

    @classmethod
    def from_curve(cls, curve: Curve, settings: Settings, n_classes: int, ended: bool = False) -> CurveFacts:
        """`ended`: the trial was stopped. One with all its epochs has ended anyway."""
        ratios = {name: series.tolist() for name, series in curve.update_ratio.items()}
        return cls(
            settings=settings,
            chance=math.log(n_classes),
            epochs=curve.epoch.tolist(),
            loss=curve.loss.tolist(),
            data=curve.data_loss.tolist(),
            train_acc=curve.train_acc.tolist(),
            val_acc=curve.val_acc.tolist(),
            noise=curve.noise.tolist(),
            ratios=ratios,
            diverged=curve.diverged,
            ended=ended or int(curve.epoch[-1]) >= settings.epochs,
        )

    @property
    def n(self) -> int:
        return len(self.epochs)

    @property
    def epoch_range(self) -> tuple[int, int]:
        return self.epochs[0], self.epochs[-1]

    @property
    def done(self) -> bool:
        return self.epochs[-1] >= self.settings.epochs

    @property
    def validated_on_train(self) -> bool:
        """Validation used the training rows themselves, so a gap means nothing."""
        return self.settings.val_count == 0

    @property
    def penalty(self) -> tuple[float, float]:
        """The first and the last L2 part of the cost."""
        return self.loss[0] - self.data[0], self.loss[-1] - self.data[-1]

    @property
    def penalty_falls(self) -> bool:
        """The penalty comes from large first weights and is still falling."""
        then = self.n - 1 - max(1, self.n // 4)
        return then >= 0 and self.penalty[1] < (1 - EASING) * (self.loss[then] - self.data[then])

    @cached_property
    def gap(self) -> float:
        """Train minus val accuracy over the last three epochs."""
        return mean(self.train_acc[-3:]) - mean(self.val_acc[-3:])

    @cached_property
    def last_ratios(self) -> dict[str, float]:
        """Mean update:weight ratio of each matrix over the last third, where known."""
        third = max(1, self.n // 3)
        means = {n: mean([r for r in s[-third:] if math.isfinite(r)]) for n, s in self.ratios.items()}
        return {n: known for n, known in means.items() if math.isfinite(known)}

    @property
    def negligible_ratio(self) -> float:
        """An update:weight ratio that is no learning: rounding, and the decay by reg."""
        return ROUNDED_AWAY_RATIO + 2 * self.settings.lr * self.settings.reg

    @cached_property
    def level(self) -> float:
        """Mean loss of the second half, at least HIGH_LOSS: the scale of noise."""
        return max(mean(self.data[self.n // 2 :]), HIGH_LOSS * self.chance)

    @cached_property
    def batch_jump(self) -> float:
        """Jump of the cost from mini-batch to mini-batch in the second half; nan if not known."""
        return mean([x for x in self.noise[self.n // 2 :] if math.isfinite(x)])

    @property
    def noisy(self) -> bool:
        """The mini-batches differ by much of the level."""
        return self.batch_jump >= NOISY_SHARE * self.level

    @cached_property
    def wiggle(self) -> float:
        """How far an epoch's loss lies off the line through its neighbours, in the second half."""
        return wiggle(self.data[self.n // 2 :])

    @property
    def rough(self) -> bool:
        """The loss jumps from epoch to epoch by much of its level, up as well as down."""
        later = self.data[self.n // 2 :]
        rises = sum(b > a for a, b in itertools.pairwise(later))
        jumps = self.n >= MIN_FOR_WIGGLE and self.wiggle >= WIGGLE * self.level
        return jumps and rises >= (len(later) - 1) / 3

    @property
    def held_by_reg(self) -> bool:
        """The penalty is large compared to what the net has learned from the data."""
        return self.penalty[1] > REG_SHARE * (self.chance - self.data[-1])

    @property
    def moves(self) -> bool:
        """The updates are large enough to learn, if the first weights are good."""
        return max(self.last_ratios.values(), default=0.0) >= MOVING_RATIO

    @cached_property
    def settled(self) -> bool:
        """The loss hardly falls in the last quarter."""
        quarter = max(1, self.n // 4)
        return (
            self.n >= MIN_EPOCHS
            and self.data[-1 - quarter] - self.data[-1] < PLATEAU * self.data[-1 - quarter]
        )

    @cached_property
    def plateau(self) -> bool:
        """The loss hardly falls in the last half, with much left to learn."""
        middle, last = self.data[self.n // 2], self.data[-1]
        return (
            self.n >= 2 * MIN_EPOCHS - 1
            and last > HIGH_LOSS * self.chance
            and middle - last < PLATEAU * middle
        )


def end_slope(data: Sequence[float]) -> float:
    """Slope of the last quarter over the mean slope; nan for a curve that does not fall."""
    fall, steps = data[0] - data[-1], len(data) - 1
    quarter = max(1, steps // 4)
    if steps < 1 or not fall > 0:
        return math.nan
    return (data[-1 - quarter] - data[-1]) / quarter / (fall / steps)


def wiggle(data: Sequence[float]) -> float:
    """Standard deviation of an epoch's value; a point has variance 1, the mean of its neighbours 1/2."""
    off = [b - (a + c) / 2 for a, b, c in zip(data, data[1:], data[2:], strict=False)]
    return math.sqrt(mean([x * x for x in off]) * 2 / 3) if off else 0.0


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
