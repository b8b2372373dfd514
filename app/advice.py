"""Advice: what learning's rules say about the stored curves of a trial or a sweep, by no rule of its own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.state import State
from learning import catalog
from learning.findings import Curve, Finding, Result, sweep_findings, trial_findings
from learning.importance import Importance, importance
from learning.refinement import Refinement, refine
from learning.settings import Settings
from learning.space import Space
from store import epochs, sweeps, trials
from store.epochs import EpochRow
from store.sweeps import Sweep
from store.trials import Trial


def of_trial(trial: Trial, parts: State) -> tuple[Finding, ...]:
    """Most important first."""
    with parts.database.read() as c:
        sweep = sweeps.get(c, trial.sweep_id)
        rows = epochs.of_trial(c, trial.id)
    assert sweep is not None  # a trial has a sweep by foreign key
    return trial_findings(
        curve(rows, trial), Settings.parse(trial.settings), _n_classes(sweep.dataset, parts)
    )


def of_sweep(sweep: Sweep, parts: State) -> tuple[tuple[Finding, ...], Importance]:
    """What the trials of a sweep say together, and how much each searched setting had to do with it."""
    summary = catalog.summary(sweep.dataset, parts.config.home, parts.config.data)
    held = Settings.parse(sweep.settings).val_count or summary.n_train
    space, trials = Space.parse(sweep.space), results(sweep.id, parts)
    return sweep_findings(space, trials, held), importance(space, trials)


def refinement(sweep: Sweep, parts: State) -> Refinement:
    """The finer search that a sweep's trials suggest."""
    return refine(Space.parse(sweep.space), results(sweep.id, parts))


def results(sweep_id: int, parts: State) -> tuple[Result, ...]:
    """Every trial that counts: excluded ones do not."""
    with parts.database.read() as c:
        rows = trials.of_sweep(c, sweep_id)
    return tuple(
        Result(Settings.parse(row.settings), row.state, row.best_val_acc) for row in rows if not row.excluded
    )


def curve(rows: Sequence[EpochRow], trial: Trial) -> Curve:
    """A trial's rows as arrays of one value an epoch; what a flag names is inf or nan again."""
    names = sorted({name for row in rows for name in row.update_ratio})
    return Curve(
        epoch=np.array([row.epoch for row in rows], dtype=np.int64),
        loss=_column(rows, "loss"),
        data_loss=_column(rows, "data_loss"),
        train_acc=_column(rows, "train_acc"),
        val_loss=_column(rows, "val_loss"),
        val_acc=_column(rows, "val_acc"),
        update_ratio={name: _floats([row.update_ratio.get(name) for row in rows]) for name in names},
        diverged=trial.reason if trial.state == "diverged" else None,
    )


def _column(rows: Sequence[EpochRow], name: str) -> NDArray[np.float64]:
    return _floats([float(row.flags[name]) if name in row.flags else getattr(row, name) for row in rows])


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _n_classes(dataset: str, parts: State) -> int:
    return len(catalog.summary(dataset, parts.config.home, parts.config.data).classes)
