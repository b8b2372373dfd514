"""Epoch rows: how a trained epoch is written and read back."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, Row, Select, insert, select

from learning.number_format import replace_non_finite
from store.db.tables import epoch, trial

if TYPE_CHECKING:
    from learning.training.trainer import Epoch

METRICS = ("loss", "data_loss", "train_acc", "val_loss", "val_acc", "lr")
Bucket = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch of one trial. A number that is not finite is None; `flags` says which: inf, -inf or nan."""

    seq: int  # the change number: rises in commit order over everything
    sweep_id: int
    trial_id: int
    number: int  # of the trial, in its sweep
    epoch: int
    loss: float | None
    data_loss: float | None
    train_acc: float | None
    val_loss: float | None
    val_acc: float | None
    lr: float | None
    update_ratio: dict[str, float | None]
    trace: tuple[Bucket, ...] | None  # min, mean, max of the mini-batch cost; None when not asked for
    flags: dict[str, str]  # by metric, "update_ratio.W1", or "trace" (its first number that is not finite)
    seconds: float | None


def list_by_trial(c: Connection, trial_id: int, after: int = 0) -> tuple[EpochRow, ...]:
    """The epochs of a trial after a cursor (by default all), in order, with traces."""
    query = _select(True).where(epoch.c.trial_id == trial_id, epoch.c.seq > after)
    return tuple(map(_build_row, c.execute(query.order_by(epoch.c.epoch))))


def list_by_sweep(
    c: Connection, sweep_id: int, after: int = 0, limit: int = 1000, trace: bool = False
) -> tuple[tuple[EpochRow, ...], int]:
    """The sweep's epochs after a cursor in commit order, and the cursor to come back with."""
    query = _select(trace).where(epoch.c.sweep_id == sweep_id, epoch.c.seq > after)
    rows = tuple(map(_build_row, c.execute(query.order_by(epoch.c.seq).limit(limit))))
    return rows, rows[-1].seq if rows else after


def list_since(
    c: Connection, cursor: int, sweeps: Sequence[int] | None, limit: int, trace: bool = True
) -> tuple[EpochRow, ...]:
    """Epochs after a cursor in commit order, of some sweeps or (None) of all."""
    query = _select(trace).where(epoch.c.seq > cursor)
    if sweeps is not None:
        query = query.where(epoch.c.sweep_id.in_(sweeps))
    return tuple(map(_build_row, c.execute(query.order_by(epoch.c.seq).limit(limit))))


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """An epoch as the trainer returned it, with its change number and the trial's attempt."""

    seq: int
    attempt: int
    epoch: "Epoch"


_INSERT = insert(epoch)


def insert_epochs(c: Connection, sweep_id: int, new: Iterable[NewEpoch]) -> None:
    """Inserts epochs; the caller has checked the fence and that they are new."""
    rows = [_make_row(sweep_id, new_epoch) for new_epoch in new]
    if rows:
        c.execute(_INSERT, rows)


def read_metrics(trained: "Epoch") -> tuple[dict[str, float | None], dict[str, str]]:
    """An epoch's values of METRICS, and their flags."""
    return replace_non_finite({name: getattr(trained, name) for name in METRICS})


def _make_row(sweep_id: int, new: NewEpoch) -> dict[str, Any]:
    trained = new.epoch
    numbers, flags = read_metrics(trained)
    ratio, ratio_flags = replace_non_finite(trained.update_ratio)
    trace = _pack(trained.trace)
    flags |= {f"update_ratio.{name}": flag for name, flag in ratio_flags.items()}
    flags |= _flag_trace(trace)
    return {
        "seq": new.seq,
        "sweep_id": sweep_id,
        "trial_id": trained.key,
        "epoch": trained.epoch,
        "attempt": new.attempt,
        **numbers,
        "update_ratio": ratio,
        "trace": trace.tobytes(),
        "flags": flags or None,
        "seconds": float(trained.seconds),
    }


def _pack(trace: Sequence[tuple[float, float, float]]) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    with np.errstate(over="ignore"):  # a cost beyond float32 may be drawn as infinite
        return np.asarray(trace, dtype="<f4").reshape(-1)


def _flag_trace(trace: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> dict[str, str]:
    wild = trace[~np.isfinite(trace)]
    return {"trace": str(float(wild[0]))} if wild.size else {}


_COLUMNS = [column for column in epoch.c if column.name not in ("trace", "attempt")]


def _select(trace: bool) -> Select[*tuple[Any, ...]]:
    columns = [*_COLUMNS, epoch.c.trace] if trace else _COLUMNS
    return select(*columns, trial.c.number).join(trial, trial.c.id == epoch.c.trial_id)


def _build_row(row: Row[*tuple[Any, ...]]) -> EpochRow:
    values = dict(row._mapping)
    packed = values.get("trace")
    values["trace"] = None if packed is None else _unpack(packed)
    values["flags"] = values["flags"] or {}
    return EpochRow(**values)


def _unpack(packed: bytes) -> tuple[Bucket, ...]:
    numbers = [n if math.isfinite(n) else None for n in np.frombuffer(packed, dtype="<f4").tolist()]
    return tuple(zip(numbers[0::3], numbers[1::3], numbers[2::3], strict=True))
