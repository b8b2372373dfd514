"""The trainer: trains a group of trials, epoch by epoch, as a generator without files or database."""

import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from learning.data.dataset import Split
from learning.number_format import format_number
from learning.settings import Settings
from learning.training.checkpoint_state import BestEpoch, TrainingState
from learning.training.group import EpochCosts, Group, net_shape
from learning.training.net import Array, init_weights
from learning.training.schedules import learning_rate

__all__ = ["Epoch", "GroupEpoch", "Member", "train"]

TRAIN_SAMPLE_ROWS = 1000  # on which train accuracy is measured after each epoch, as in the lecture
TRACE_BUCKETS = 20


@dataclass(frozen=True, slots=True)
class Member:
    """One trial of a group; the caller chooses the key."""

    key: int
    settings: Settings


@dataclass(frozen=True, slots=True)
class Epoch:
    """The numbers of one epoch of one trial. They may be inf or nan if it ended the trial."""

    key: int
    epoch: int  # 1, 2, ...
    loss: float  # mean cost of the mini-batches: cross-entropy + L2 penalty
    data_loss: float  # the cross-entropy alone
    train_acc: float  # 0..1, on a fixed sample of the training rows
    val_loss: float  # cross-entropy
    val_acc: float
    lr: float
    update_ratio: Mapping[
        str, float
    ]  # "W1": norm of the last update / norm of W1; empty if all diverged early
    trace: tuple[
        tuple[float, float, float], ...
    ]  # min, mean, max of the cost in at most 20 parts of the epoch
    seconds: float  # this trial's share of the group's time
    diverged: str | None  # why this epoch ended the trial


@dataclass(frozen=True, slots=True, eq=False)
class GroupEpoch:
    """An epoch of every trial in the group, and the state of those that have not diverged."""

    epochs: tuple[Epoch, ...]
    state: TrainingState


def train(
    members: Sequence[Member],
    split: Split,
    *,
    seed: int,
    state: TrainingState | None = None,
    dtype: Any = np.float32,
    clock: Callable[[], float] = time.perf_counter,
) -> Generator[GroupEpoch, Collection[int] | None, None]:
    """Yield a GroupEpoch for each epoch up to the last; send the keys of those that go on, or None for all.

    The members must have equal group keys. `seed` gives the order of the mini-batches, each trial's own
    seed its weights and dropout. With a state, training resumes after it; it may hold more than the members.
    The same members with the same history give the same bits, in whatever order they are given. Trials that
    diverge drop out. Raises ValueError if the members form no group or are not in the state.
    """
    members = _check_members(members, state)
    state = (
        _init_state(members, split, dtype)
        if state is None
        else state.select([member.key for member in members])
    )
    sample = draw_train_sample(split, seed)
    group = _make_group(members, split, state)
    while members and state.epoch < members[0].settings.epochs:
        started = clock()
        costs = group.train_epoch(state.epoch + 1, seed)
        rows = _measure_epoch(members, group, costs, split, sample, state.epoch + 1)
        seconds = (clock() - started) / len(members)
        epochs = tuple(replace(row, seconds=seconds) for row in rows)
        state = _advance_state(state, group, epochs)
        kept = yield GroupEpoch(epochs, state)
        remaining = [m for m in members if m.key in state.keys and (kept is None or m.key in kept)]
        if remaining and len(remaining) < len(members):
            state = state.select([member.key for member in remaining])
            group = _make_group(remaining, split, state)
        members = remaining


def draw_train_sample(split: Split, seed: int) -> Array:
    """The training rows for the train accuracy, the same in every epoch of a sweep."""
    rows = split.train_rows
    if len(rows) <= TRAIN_SAMPLE_ROWS:
        return rows
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    return np.sort(rng.choice(rows, TRAIN_SAMPLE_ROWS, replace=False))


def explain_explosion(cost: float, first: float, factor: float) -> str:
    """Why a cost ended its trial."""
    if np.isnan(cost):
        return "cost is nan"
    if np.isinf(cost):
        return f"cost {cost} is not finite"
    return (
        f"cost {format_number(cost, 3)} > {format_number(factor, 6)} x the first cost "
        f"{format_number(first, 3)}"
    )


def summarise_costs(costs: Array) -> tuple[tuple[float, float, float], ...]:
    """Min, mean and max of the mini-batches' costs (S,) in at most 20 parts of about equal length."""
    parts = np.array_split(costs, min(len(costs), TRACE_BUCKETS))
    return tuple((float(part.min()), float(part.mean()), float(part.max())) for part in parts)


def _check_members(members: Sequence[Member], state: TrainingState | None) -> list[Member]:
    """The members sorted by key, so that not even the last bit depends on the order they come in."""
    by_key = {member.key: member for member in sorted(members, key=lambda member: member.key)}
    if len(by_key) < len(members) or not members:
        raise ValueError("a group needs at least one trial, and each only once.")
    if len({member.settings.group_key() for member in members}) > 1:
        raise ValueError("the trials of a group must have equal group keys.")
    missing = [key for key in by_key if state is not None and key not in state.keys]
    if missing:
        raise ValueError(f"trials {missing} are not in the state that training shall go on from.")
    return list(by_key.values())


def _init_state(members: Sequence[Member], split: Split, dtype: Any) -> TrainingState:
    shape = net_shape(members[0].settings, split)
    weights = [init_weights(shape, member.settings, dtype) for member in members]
    params = {name: np.stack([net[name] for net in weights]) for name in shape.names}
    keys = tuple(member.key for member in members)
    return TrainingState(0, keys, np.zeros(len(keys)), params, {}, (None,) * len(keys))


def _make_group(members: Sequence[Member], split: Split, state: TrainingState) -> Group:
    first_costs = state.first_costs if state.epoch else None
    return Group([member.settings for member in members], split, state.params, state.kept, first_costs)


def _measure_epoch(
    members: Sequence[Member], group: Group, costs: EpochCosts, split: Split, sample: Array, epoch: int
) -> list[Epoch]:
    """One Epoch per member; `seconds` is still to be filled in."""
    _, train_acc = group.evaluate(sample)
    val_loss, val_acc = group.evaluate(split.val_rows)
    assert group.first_costs is not None
    rows = []
    for i, member in enumerate(members):
        cost, data = costs.cost[: costs.ended[i], i], costs.data[: costs.ended[i], i]
        judged = costs.judged[costs.ended[i] - 1, i]
        reason = explain_explosion(judged, group.first_costs[i], member.settings.explosion)
        with np.errstate(all="ignore"):
            loss, data_loss, parts = float(cost.mean()), float(data.mean()), summarise_costs(cost)
        rows.append(
            Epoch(
                key=member.key,
                epoch=epoch,
                loss=loss,
                data_loss=data_loss,
                train_acc=float(train_acc[i]),
                val_loss=float(val_loss[i]),
                val_acc=float(val_acc[i]),
                lr=learning_rate(member.settings, epoch),
                update_ratio={name: float(ratio[i]) for name, ratio in costs.update_ratio.items()},
                trace=parts,
                seconds=0.0,
                diverged=reason if costs.exploded[i] else None,
            )
        )
    return rows


def _advance_state(state: TrainingState, group: Group, epochs: Sequence[Epoch]) -> TrainingState:
    """The state after an epoch, without the trials that diverged in it."""
    assert group.first_costs is not None
    params = group.stack.weights()
    bests = []
    for row, (epoch, best) in enumerate(zip(epochs, state.bests, strict=True)):
        if epoch.diverged is None and (best is None or epoch.val_acc > best.val_acc):
            weights = {name: array[row].copy() for name, array in params.items()}
            best = BestEpoch(epoch.epoch, epoch.val_acc, weights)
        bests.append(best)
    after = TrainingState(
        state.epoch + 1, state.keys, group.first_costs, params, group.updater.copy_state(), tuple(bests)
    )
    return after.select([epoch.key for epoch in epochs if epoch.diverged is None])
