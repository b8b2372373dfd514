"""Sweeps put straight into a database."""

from collections.abc import Callable
from dataclasses import replace

from learning.search.space import Space
from learning.settings import Settings
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db.database import Database
from store.read.sweeps import Sweep

START = 1_700_000_000.0  # a time, in UTC seconds; tests pass their own clock

MakeSweep = Callable[..., Sweep]


def store_sweep(
    database: Database,
    trials: int = 4,
    *,
    name: str = "test",
    dataset: str = "digits",
    sweep_seed: int = 0,
    workers: int = 4,
    space: dict[str, object] | None = None,
    sampler: str = "random",
    **settings: object,
) -> Sweep:
    fixed = {"epochs": 5, **settings}
    base = Settings.parse(fixed)
    drawn = tuple(replace(base, seed=base.seed if base.seed is not None else n) for n in range(trials))
    new = NewSweep(name, dataset, None, Space.parse(space or {}), fixed, sampler, sweep_seed, drawn)
    with database.write() as connection:
        return sweep_actions.create(connection, new, START, workers=workers)
