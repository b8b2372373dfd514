"""Series for charts: a sweep's trials column by column, and curves thinned by the query."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from learning.errors import FilterError
from store.db.tables import epoch, trial
from store.queue.epochs import METRICS
from store.read.columns import find_column, parse_sort
from store.read.filter import parse_filter

Value = float | str | None

HEAD_EPOCHS = 32  # first epochs that are never thinned out (at most): most curves fall there


@dataclass(frozen=True, slots=True)
class ThinnedCurve:
    """A trial's curve: its first epochs, then every `stride`-th, and its last."""

    number: int
    stride: int
    epoch: tuple[int, ...]
    metrics: dict[str, tuple[float | None, ...]]  # by name; None where not finite
    elapsed: tuple[float, ...] | None  # seconds of training up to each epoch, when asked for


def read_columns(
    c: Connection, sweep_id: int, names: Sequence[str], sort: str = "number", filter: str | None = None
) -> dict[str, tuple[Value, ...]]:
    """The values of a sweep's trials by column, all in the same order. Raises FilterError.

    Where a column has a number and a word, the word is preferred: `hidden` is its whole list.
    """
    where = [trial.c.sweep_id == sweep_id]
    if filter and filter.strip():
        where.append(parse_filter(filter))
    selected = [_select_parts(name) for name in names]
    query = select(*(part.label(None) for parts in selected for part in parts)).where(*where)
    read: list[Sequence[Value]] = list(zip(*c.execute(query.order_by(*parse_sort(sort))), strict=True))
    if not read:
        return {name: () for name in names}
    values: dict[str, tuple[Value, ...]] = {}
    for name, parts in zip(names, selected, strict=True):
        taken, read = read[: len(parts)], read[len(parts) :]
        values[name] = tuple(taken[0]) if len(taken) == 1 else tuple(map(_prefer_word, *taken))
    return values


def read_curves(
    c: Connection,
    sweep_id: int,
    numbers: Collection[int],
    metrics: Sequence[str],
    points: int,
    elapsed: bool = False,
) -> tuple[ThinnedCurve, ...]:
    """The curves of some trials by number, each of at most `points` + 1 epochs (`points` >= 1).

    Up to half of the points are the first epochs, the others are spread evenly over the rest.
    Only these epochs are read, unless `elapsed` asks for the training time up to each of them.
    Raises FilterError for an unknown metric.
    """
    if unknown := [name for name in metrics if name not in METRICS]:
        raise FilterError(f"{unknown[0][:60]!r} is not a metric; there are {', '.join(METRICS)}.", "of")
    head = min(points // 2, HEAD_EPOCHS)
    even = 1 + (trial.c.epochs_done - head - 1) // (points - head)
    stride = case((trial.c.epochs_done > points, even), else_=1)
    until = func.sum(epoch.c.seconds).over(partition_by=epoch.c.trial_id, order_by=epoch.c.epoch)
    rows = (
        select(
            trial.c.number,
            trial.c.epochs_done,
            stride.label("stride"),
            epoch.c.epoch,
            *(epoch.c[name] for name in metrics),
            *([until.label("elapsed")] if elapsed else []),
        )
        .join_from(trial, epoch, epoch.c.trial_id == trial.c.id)
        .where(trial.c.sweep_id == sweep_id, trial.c.number.in_(numbers))
    )
    if elapsed:
        all_rows = rows.subquery()
        at, last = all_rows.c.epoch, all_rows.c.epochs_done
        query = select(all_rows).where(_is_kept(at, head, all_rows.c.stride, last))
        query = query.order_by(all_rows.c.number, all_rows.c.epoch)
    else:
        query = rows.where(_is_kept(epoch.c.epoch, head, stride, trial.c.epochs_done))
        query = query.order_by(trial.c.number, epoch.c.epoch)
    by_number: dict[int, list[Sequence[Any]]] = {}
    for row in c.execute(query):
        by_number.setdefault(row[0], []).append(row)
    return tuple(
        _build_curve(number, metrics, list(zip(*rows, strict=True))) for number, rows in by_number.items()
    )


def _select_parts(name: str) -> tuple[ColumnElement[float] | ColumnElement[str], ...]:
    column = find_column(name, "of")
    parts = (column.word, column.number)
    return tuple(part for part in parts if part is not None)


def _prefer_word(word: Value, number: Value) -> Value:
    return number if word is None else word


def _is_kept(
    at: ColumnElement[int], head: int, stride: ColumnElement[int], last: ColumnElement[int]
) -> ColumnElement[bool]:
    return or_(at <= head, at == last, (at - 1) % stride == 0)


def _build_curve(number: int, names: Sequence[str], read: list[Sequence[Any]]) -> ThinnedCurve:
    _, _, stride, epochs, *rest = read
    metrics = dict(zip(names, map(tuple, rest), strict=False))
    elapsed = tuple(rest[-1]) if len(rest) > len(names) else None
    return ThinnedCurve(number, int(stride[0]), tuple(map(int, epochs)), metrics, elapsed)
