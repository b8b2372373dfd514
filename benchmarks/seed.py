"""Seed: sweeps with made-up but plausible curves, stored as a worker would (trains nothing)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from learning.search.space import Space, draw_trials
from learning.settings import Settings
from learning.training.trainer import Epoch
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db.database import Database
from store.queue import claimed_groups, claims
from store.read import sweeps
from store.read.sweeps import Sweep

SPACE: dict[str, Any] = {"lr": {"log_uniform": [1e-6, 1e-1]}, "reg": {"log_uniform": [1e-5, 1e1]}}
FIXED = {"hidden": [50], "val_count": 300}
START = 1_790_000_000.0  # UTC seconds
CLASSES = 10
BEST_LR = 1e-3
WORKERS = 4
TRACE = ((1.0, 2.0, 3.0),) * 20


def sweep(
    database: Database,
    trials: int,
    epochs: int,
    *,
    name: str = "seeded",
    seed: int = 0,
    trained: float = 1.0,
    space: dict[str, Any] = SPACE,
) -> Sweep:
    """A sweep of which a share (`trained`, 0..1) of the groups has run to its end."""
    fixed = {name: value for name, value in FIXED.items() if name not in space} | {"epochs": epochs}
    parsed = Space.parse(space)
    drawn = draw_trials(parsed, fixed, trials, "random", seed)
    new = NewSweep(name, "digits", None, parsed, fixed, "random", seed, drawn)
    with database.write() as c:
        made = sweep_actions.create(c, new, START, workers=WORKERS)
    _train(database, made, epochs, trained)
    with database.read() as c:
        found = sweeps.get(c, made.id)
    assert found is not None
    return found


def _train(database: Database, made: Sweep, epochs: int, trained: float) -> None:
    random = np.random.default_rng(made.seed)
    now, left = START, round(trained * made.trials)
    while left > 0:
        with database.write() as c:
            claim = claims.claim(c, f"worker-{int(now) % WORKERS}", now)
            if claim is None:
                return
            now += 1.0
            left -= len(claim.trials)
            rows = [row for one in claim.trials for row in curve(one.id, one.settings, epochs, random)]
            claimed_groups.record(c, claim, rows, None, now + 3.0, {row.key: _verdict(row) for row in rows})


def _verdict(last: Epoch) -> str:
    if last.diverged is not None:
        return "exploding"
    return "lr-too-low" if last.train_acc < 0.3 else "overfitting" if last.val_acc > 0.8 else "healthy"


def curve(key: int, settings: Settings, epochs: int, random: np.random.Generator) -> Iterator[Epoch]:
    """A curve as the settings would give it: best about BEST_LR, exploding far above, still far below."""
    off = np.log10(settings.lr / BEST_LR)
    crushed = 1 / (1 + settings.reg)
    explodes = off > 1.2 + 0.4 * random.standard_normal()
    end = int(random.integers(1, max(2, epochs // 2 + 1))) if explodes else epochs
    speed = 3.0 * 10 ** min(0.0, off) / max(1, epochs) * 5
    reach = 0.9 * np.exp(-((off / 1.6) ** 2)) * crushed * random.uniform(0.85, 1.0)
    wobble = 0.01 * random.standard_normal((epochs, 3))
    for epoch in range(1, end + 1):
        learned = reach * (1 - np.exp(-speed * epoch))
        falls = np.log(CLASSES) * (1 - learned) + 0.01
        last = explodes and epoch == end
        loss = float("inf") if last else falls * (1 + wobble[epoch - 1, 0])
        train = 1 / CLASSES + (1 - 1 / CLASSES) * learned
        val = train - 0.12 * learned * epoch / epochs + wobble[epoch - 1, 1]
        yield Epoch(
            key=key,
            epoch=epoch,
            loss=float(loss),
            data_loss=float(loss),
            train_acc=float(np.clip(train + wobble[epoch - 1, 2], 0, 1)),
            val_loss=float(falls * 1.05),
            val_acc=float(np.clip(val, 0, 1)),
            lr=settings.lr,
            update_ratio={"W1": 1e-3, "W2": 2e-3},
            trace=TRACE,
            seconds=0.05,
            diverged="the loss is not finite" if last else None,
        )
