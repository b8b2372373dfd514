"""The state of a group after an epoch, as arrays: all it needs to resume training."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class BestEpoch:
    """The weights of a trial after its epoch with the best validation accuracy; the first of equal ones."""

    epoch: int
    val_acc: float
    weights: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingState:
    """A group at the end of an epoch. Arrays have one row per trial, in the order of `keys`."""

    epoch: int
    keys: tuple[int, ...]
    first_costs: Array  # (K,) float64: the cost of each trial before its first step (learning.training.group)
    params: Mapping[str, Array]  # W1 (K, D, H), b1 (K, H), ...
    kept: Mapping[str, Array]  # the arrays of the update rule: "v.W1" (K, D, H), ...
    bests: tuple[BestEpoch | None, ...]

    def weights(self, key: int) -> dict[str, Array]:
        """W1 (D, H), b1 (H,), W2, ... of one trial. Raises KeyError."""
        row = self._row(key)
        return {name: array[row] for name, array in self.params.items()}

    def best(self, key: int) -> BestEpoch | None:
        """The best epoch so far; None before the first. Raises KeyError."""
        return self.bests[self._row(key)]

    def select(self, keys: Sequence[int]) -> "TrainingState":
        """The state of these trials only, in the given order. Raises KeyError."""
        if tuple(keys) == self.keys:
            return self
        rows = [self._row(key) for key in keys]
        return replace(
            self,
            keys=tuple(keys),
            first_costs=self.first_costs[rows],
            params={name: array[rows] for name, array in self.params.items()},
            kept={name: array[rows] for name, array in self.kept.items()},
            bests=tuple(self.bests[row] for row in rows),
        )

    @classmethod
    def join(cls, states: Sequence["TrainingState"]) -> "TrainingState":
        """The trials of several groups as one. Raises ValueError if their epochs or rules differ."""
        first = states[0]
        if len(states) == 1:
            return first
        if len({(state.epoch, *state.kept) for state in states}) > 1:
            raise ValueError("states of different epochs or update rules cannot be joined.")
        return cls(
            first.epoch,
            tuple(key for state in states for key in state.keys),
            np.concatenate([state.first_costs for state in states]),
            {name: np.concatenate([state.params[name] for state in states]) for name in first.params},
            {name: np.concatenate([state.kept[name] for state in states]) for name in first.kept},
            tuple(best for state in states for best in state.bests),
        )

    def to_arrays(self) -> dict[str, Array]:
        """Arrays that fit one .npz; `from_arrays` gives an equal state.

        Best weights are included only if they are not those of this epoch, which are included anyway.
        """
        arrays = {
            "epoch": np.array(self.epoch),
            "keys": np.array(self.keys, np.int64),
            "first_costs": self.first_costs,
            "best.epoch": np.array([0 if best is None else best.epoch for best in self.bests], np.int64),
            "best.val_acc": np.array([0.0 if best is None else best.val_acc for best in self.bests]),
        }
        arrays |= {f"param.{name}": array for name, array in self.params.items()}
        arrays |= {f"kept.{name}": array for name, array in self.kept.items()}
        earlier = [best.weights for best in self.bests if best is not None and best.epoch < self.epoch]
        for name, array in self.params.items():
            rows = [weights[name] for weights in earlier]
            arrays[f"earlier.{name}"] = np.stack(rows) if rows else array[:0]
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> "TrainingState":
        """Raises KeyError if an array is missing."""
        now, params, earlier = (
            int(arrays["epoch"]),
            _strip_prefix("param.", arrays),
            _strip_prefix("earlier.", arrays),
        )
        bests: list[BestEpoch | None] = []
        rows = itertools.count()
        for row, (epoch, acc) in enumerate(zip(arrays["best.epoch"], arrays["best.val_acc"], strict=True)):
            stored, at = (params, row) if epoch in (0, now) else (earlier, next(rows))
            weights = {name: stored[name][at] for name in params}
            bests.append(BestEpoch(int(epoch), float(acc), weights) if epoch else None)
        keys = tuple(int(key) for key in arrays["keys"])
        kept = _strip_prefix("kept.", arrays)
        return cls(now, keys, arrays["first_costs"], params, kept, tuple(bests))

    def _row(self, key: int) -> int:
        if key not in self.keys:
            raise KeyError(f"trial {key} is not in this state, which holds {self.keys}.")
        return self.keys.index(key)


def _strip_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
