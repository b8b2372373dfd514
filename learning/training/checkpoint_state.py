"""Owns State: all that a group needs to train on after an epoch, as arrays (does not train or save)."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The weights of one trial's epoch with the best validation accuracy, the first if several are equal."""

    epoch: int
    val_acc: float
    weights: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A group at the end of an epoch. Arrays have a row per trial, in the order of `keys`."""

    epoch: int
    keys: tuple[int, ...]
    first_costs: Array  # (K,) float64: the cost of each trial before its first step (learning.training.group)
    params: Mapping[str, Array]  # W1 (K, D, H), b1 (K, H), ...
    kept: Mapping[str, Array]  # what the update rule keeps: "v.W1" (K, D, H), ...
    bests: tuple[Best | None, ...]

    def weights(self, key: int) -> dict[str, Array]:
        """W1 (D, H), b1 (H,), W2, ... of one trial. Raises KeyError."""
        row = self._row(key)
        return {name: array[row] for name, array in self.params.items()}

    def best(self, key: int) -> Best | None:
        """The best epoch so far; None if there is none yet. Raises KeyError."""
        return self.bests[self._row(key)]

    def only(self, keys: Sequence[int]) -> "State":
        """The state of these trials alone, in the given order. Raises KeyError."""
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
    def join(cls, states: Sequence["State"]) -> "State":
        """Trials of several groups as one. Raises ValueError unless all are equally far and of one shape."""
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
        """Plain arrays by name, fit for one .npz; `from_arrays` gives an equal state.

        Best weights are there only where they are not those of this epoch, which are there anyway.
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
    def from_arrays(cls, arrays: Mapping[str, Array]) -> "State":
        """Raises KeyError if an array is missing."""
        now, params, earlier = int(arrays["epoch"]), _under("param.", arrays), _under("earlier.", arrays)
        bests: list[Best | None] = []
        rows = itertools.count()
        for row, (epoch, acc) in enumerate(zip(arrays["best.epoch"], arrays["best.val_acc"], strict=True)):
            stored, at = (params, row) if epoch in (0, now) else (earlier, next(rows))
            weights = {name: stored[name][at] for name in params}
            bests.append(Best(int(epoch), float(acc), weights) if epoch else None)
        keys = tuple(int(key) for key in arrays["keys"])
        kept = _under("kept.", arrays)
        return cls(now, keys, arrays["first_costs"], params, kept, tuple(bests))

    def _row(self, key: int) -> int:
        if key not in self.keys:
            raise KeyError(f"trial {key} is not in this state, which holds {self.keys}.")
        return self.keys.index(key)


def _under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
