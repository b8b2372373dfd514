"""A group in training: a stack of nets and the steps of one epoch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learning.data.dataset import Split
from learning.settings import Settings
from learning.training.dropout import Dropout
from learning.training.gradient import Gradient, SummedGradient
from learning.training.net import Array, Pass, Shape, Stack, sum_squares_by_row
from learning.training.updates import Updater

EVAL_ROWS = 200  # examples evaluated at a time, at least
JUDGED_EXAMPLES = (
    100  # as in the lecture's mini-batch: the cost of fewer jumps too much to judge explosions by
)
CHUNK_BYTES = (
    64 * 2**20
)  # of input floats held at a time; the gradient of a larger batch is summed up chunk by chunk


@dataclass(frozen=True, slots=True, eq=False)
class EpochCosts:
    """One row per mini-batch, one column per trial; of an exploded trial the first `ended` rows count."""

    cost: Array  # (S, K) cross-entropy + L2 penalty
    judged: Array  # (S, K) what is compared with the first cost: `cost` averaged over JUDGED_EXAMPLES
    data: Array  # (S, K) cross-entropy alone
    ended: Array  # (K,) how many rows count
    exploded: Array  # (K,) bool: the last row that counts broke the rule
    update_ratio: Mapping[str, Array]  # (K,) of each weight matrix: norm of the last update / norm before it


class Group:
    """K trials in training.

    `first_costs` (K,) are the costs before the first step, on as many mini-batches as have JUDGED_EXAMPLES
    (at least one); None until then.
    """

    def __init__(
        self,
        settings: Sequence[Settings],
        split: Split,
        params: Mapping[str, Array],
        kept: Mapping[str, Array],
        first_costs: Array | None,
    ) -> None:
        """params, kept: (K, ...) arrays as in TrainingState."""
        self.stack = Stack(net_shape(settings[0], split), params)
        self.updater = Updater(self.stack, settings, kept)
        self.first_costs = first_costs
        self._settings, self._split = settings, split
        self._explosion = np.array([each.explosion or np.inf for each in settings])
        self._batch = batch_rows(settings[0], len(split.train_rows))
        self._window = -(
            -min(JUDGED_EXAMPLES, len(split.train_rows)) // self._batch
        )  # mini-batches that are judged
        row_bytes = split.n_features * params["W1"].itemsize
        self._chunk = min(self._batch, max(1, CHUNK_BYTES // row_bytes))
        rows = max(self._chunk, EVAL_ROWS)
        self._X = np.empty((rows, split.n_features), params["W1"].dtype)
        self._pass = Pass(self.stack, rows)

    def train_epoch(self, epoch: int, seed: int) -> EpochCosts:
        """Train for epoch 1, 2, ... over mini-batches in the order of the sweep's seed."""
        with np.errstate(all="ignore"):  # a trial that explodes is an expected result
            return self._train_epoch(epoch, seed)

    def evaluate(self, rows: Array) -> tuple[Array, Array]:
        """(K,) mean cross-entropy and (K,) accuracy on these rows, without dropout."""
        loss, right = np.zeros(self.stack.count), np.zeros(self.stack.count)
        with np.errstate(all="ignore"):
            for start in range(0, len(rows), len(self._X)):
                part = rows[start : start + len(self._X)]
                scores = self._pass.forward(self._gather(part))
                right += (scores.argmax(axis=1) == self._split.y[part]).sum(axis=1)
                loss += self._pass.losses(self._split.y[part])
        return loss / len(rows), right / len(rows)

    def _train_epoch(self, epoch: int, seed: int) -> EpochCosts:
        batches = draw_mini_batches(self._split.train_rows, self._batch, seed, epoch)
        data, cost, judged = np.empty((3, len(batches), self.stack.count))
        ended, alive = np.full(self.stack.count, len(batches)), np.ones(self.stack.count, bool)
        before: dict[str, Array] = {}
        dropout = self._make_dropout(epoch)
        self.updater.begin(epoch)
        several = self._window > 1
        if several and self.first_costs is None:
            data_loss, _ = self.evaluate(batches[: self._window].ravel())
            self.first_costs = data_loss + self.updater.penalty()
        for i, rows in enumerate(batches):
            if i == len(batches) - 1:
                before = self._copy_matrices()
            penalty = self.updater.penalty()
            data[i] = self._step(rows, (epoch - 1) * len(batches) + i + 1, dropout)
            cost[i] = data[i] + penalty
            judged[i] = cost[max(0, i + 1 - self._window) : i + 1].mean(axis=0) if several else cost[i]
            limits = self._limits(judged[i]) if i + 1 >= self._window else np.finfo(float).max
            exploded = alive & ~(judged[i] <= limits)
            if exploded.any():
                ended[exploded] = i + 1
                alive &= ~exploded
                if not alive.any():
                    break
        return EpochCosts(cost, judged, data, ended, ~alive, self._update_ratios(before))

    def _limits(self, costs: Array) -> Array:
        """(K,) the highest cost allowed; finite, so that inf and nan exceed it."""
        if self.first_costs is None:
            self.first_costs = costs.copy()
        return np.asarray(np.fmin(self._explosion * self.first_costs, np.finfo(float).max))

    def _step(self, rows: Array, step: int, dropout: Dropout | None) -> Array:
        """Update by the mini-batch of these rows; returns its cross-entropy (K,) before the update."""
        scale = self.updater.scale(len(rows))
        if len(rows) <= self._chunk:
            loss, gradients = self._compute_gradients(rows, scale, dropout)
        else:
            loss, gradients = self._sum_gradients(rows, scale, dropout)
        for gradient in gradients:
            self.updater.apply(gradient, step)
        return loss / len(rows)

    def _compute_gradients(
        self, rows: Array, scale: Array, dropout: Dropout | None
    ) -> tuple[Array, Iterator[Gradient]]:
        X, y = self._gather(rows), self._split.y[rows]
        self._pass.forward(X, None if dropout is None else dropout.draw(len(rows)))
        return self._pass.losses(y), self._pass.backward(X, y, scale)

    def _sum_gradients(
        self, rows: Array, scale: Array, dropout: Dropout | None
    ) -> tuple[Array, Iterator[Gradient]]:
        """`_compute_gradients` for a batch too large for memory."""
        sums = {name: np.zeros_like(param) for name, param in self.stack.params.items()}
        total = np.zeros(self.stack.count)
        for start in range(0, len(rows), self._chunk):
            loss, gradients = self._compute_gradients(rows[start : start + self._chunk], scale, dropout)
            total += loss
            for gradient in gradients:
                gradient.add_to(sums[gradient.name])
        return total, (SummedGradient(name, array) for name, array in sums.items())

    def _gather(self, rows: Array) -> Array:
        return self._split.gather(rows, out=self._X[: len(rows)])

    def _make_dropout(self, epoch: int) -> Dropout | None:
        if self._settings[0].dropout == 0:
            return None
        return Dropout(self._settings, epoch, self._chunk, self._X.dtype)

    def _copy_matrices(self) -> dict[str, Array]:
        self.stack.fold()
        return {name: W.copy() for name, W in self.stack.params.items() if name[0] == "W"}

    def _update_ratios(self, before: Mapping[str, Array]) -> dict[str, Array]:
        """(K,) by matrix; empty if all trials exploded before the last mini-batch."""
        after = self._copy_matrices() if before else {}
        ratios = {}
        for name, W in before.items():
            change, size = self._norm(after[name] - W), self._norm(W)
            ratios[name] = np.where(change == 0, 0, change / size)
        return ratios

    def _norm(self, W: Array) -> Array:
        return np.asarray(np.sqrt(self.stack.sum_rows(sum_squares_by_row(W))))


def net_shape(settings: Settings, split: Split) -> Shape:
    return Shape(split.n_features, settings.hidden, split.n_classes, settings.activation)


def batch_rows(settings: Settings, n: int) -> int:
    """Rows in a mini-batch of n training rows."""
    return n if isinstance(settings.batch_size, str) else min(settings.batch_size, n)


def count_mini_batches(n: int, size: int) -> int:
    """Steps in an epoch of n training rows: the rows that do not fill a mini-batch are left out."""
    return n // size


def draw_mini_batches(rows: Array, size: int, seed: int, epoch: int) -> Array:
    """(S, size) rows of an epoch's mini-batches in a random order, without those that do not fill one."""
    if size == len(rows):
        return rows[None]
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, epoch))).permutation(len(rows))
    steps = count_mini_batches(len(rows), size)
    return np.asarray(rows[order[: steps * size]].reshape(steps, size))
