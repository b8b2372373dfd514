"""Random against grid: plan a random and a grid sweep of one space, and compare such a pair."""

from dataclasses import dataclass

from app.schemas.random_grid import ExpectedOut, PointOut, RandomGridIn, RandomGridOut, SideOut
from app.schemas.sweeps import SweepIn, SweepOut
from app.text.numbers import split_numbers
from app.usecases import sweep_plan
from learning.data import catalog
from learning.diagnosis.curves import Result
from learning.errors import DatasetError, FieldError, Invalid, NotFound
from learning.refinement.random_vs_grid import (
    Side,
    count_distinct_values,
    describe_sides,
    expected_best,
    find_most_important,
    full_grid_size,
)
from learning.search.recipes import plan_recipe
from learning.search.space import LogUniform, Space
from store.actions.sweep_actions import NewSweep
from store.config import Config
from store.db.database import Connection
from store.read import related_sweeps, sweeps, trials
from store.read.sweeps import Sweep
from store.read.trials import Trial

SMALL_NET = {"hidden": [20], "epochs": 10}  # beside the coarse recipe's settings
IDLE_REG = (1e-8, 1e-4)  # too little to matter beside the data
LR_RANGE_FACTOR = 10.0  # widens the coarse recipe's range of lr at each end, as if nothing were known yet
MAX_COMPARED_TRIALS = 1_000  # of one side
MIN_RANGES = 2  # one that may matter, and one that may not
SAMPLERS = ("grid", "random")
MAX_LISTED_PAIRS = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sweeps of one space on one data set, with their trials."""

    space: Space
    sweeps: tuple[Sweep, Sweep]
    trials: tuple[tuple[Trial, ...], tuple[Trial, ...]]


def plan_sweeps(body: RandomGridIn, config: Config) -> list[NewSweep]:
    """A grid and a random sweep of one space, equal in all else. Raises Invalid."""
    summary = sweep_plan.require_dataset(body.dataset, config)
    recipe = plan_recipe(sweep_plan.DEFAULT_RECIPE, body.dataset, summary.n_train)
    space = _default_space(Space.parse(recipe.space)) if body.space is None else body.space
    _check(space, body.trials)
    settings = {n: v for n, v in {**recipe.settings, **SMALL_NET}.items() if n not in space.distributions}
    common = body.model_dump(include={"dataset", "trials", "seed"}) | {
        "space": space,
        "settings": settings | body.settings,
    }
    return [
        sweep_plan.plan_sweep(
            SweepIn.model_validate({**common, "sampler": sampler, "name": _name(sampler, body)}), config
        )
        for sampler in SAMPLERS
    ]


def list_pairs(c: Connection) -> list[tuple[Sweep, Sweep]]:
    """The latest pairs that can be compared, newest first."""
    return [
        pair
        for pair in related_sweeps.list_grid_random_pairs(c, MAX_LISTED_PAIRS)
        if len(pair[0].space.numeric_ranges()) >= MIN_RANGES
        and max(sweep.trials for sweep in pair) <= MAX_COMPARED_TRIALS
    ]


def load_pair(c: Connection, ids: list[int]) -> Pair:
    """The sweeps with these numbers. Raises NotFound, and Invalid where they cannot be compared."""
    known = sweeps.get_many(c, ids)
    for id in ids:
        if id not in known:
            raise NotFound("sweep", id)
    first, second = (known[id] for id in ids)
    asked = ",".join(map(str, ids))
    if (first.dataset, first.space) != (second.dataset, second.space):
        message = f"Sweeps {ids[0]} and {ids[1]} differ in their space or data set; two that differ in "
        raise _invalid("sweeps", asked, message + "nothing but the sampler can be compared.")
    space = first.space
    if len(space.numeric_ranges()) < MIN_RANGES:
        message = f"Sweeps {ids[0]} and {ids[1]} search fewer than two ranges, so there is no second axis."
        raise _invalid("sweeps", asked, message)
    if (largest := max(first.trials, second.trials)) > MAX_COMPARED_TRIALS:
        raise _invalid(
            "sweeps",
            asked,
            f"One of the sweeps has {largest:,} trials; at most {MAX_COMPARED_TRIALS:,} are compared.",
        )
    return Pair(space, (first, second), (trials.list_by_sweep(c, ids[0]), trials.list_by_sweep(c, ids[1])))


def parse_pair(text: str) -> list[int]:
    """`4,5` as two numbers. Raises Invalid for anything else."""
    found = split_numbers(text)
    ids = [number for number in found if number is not None]
    if len(found) != 2 or len(set(ids)) != 2:
        message = f"sweeps is {text[:50]!r}; give the numbers of two sweeps, such as 4,5."
        raise _invalid("sweeps", text, message)
    return ids


def compare_pair(found: Pair, config: Config) -> RandomGridOut:
    """What each side of a pair tried and found."""
    sides = [_side(sweep, rows) for sweep, rows in zip(found.sweeps, found.trials, strict=True)]
    chance = _chance(found.sweeps[0].dataset, config)
    compared = zip(found.sweeps, sides, found.trials, strict=True)
    return RandomGridOut(
        sides=[
            SideOut(
                sweep=SweepOut.of(sweep),
                distinct=count_distinct_values(found.space, side.trials),
                points=[_make_point(found.space, row) for row in rows],
                expected_best=[
                    ExpectedOut(trials=k, val_acc=value)
                    for k, value in expected_best(_accuracies(side, chance))
                ],
            )
            for sweep, side, rows in compared
        ],
        important=find_most_important(found.space, sides),
        words=describe_sides(found.space, sides),
    )


def _default_space(space: Space) -> Space:
    lr = space.distributions["lr"]
    assert isinstance(lr, LogUniform)  # in every coarse recipe
    wider = LogUniform(lr.low / LR_RANGE_FACTOR, lr.high * LR_RANGE_FACTOR)
    return Space({"lr": wider, "reg": LogUniform(*IDLE_REG)})


def _check(space: Space, trials: int) -> None:
    if len(space.numeric_ranges()) < MIN_RANGES:
        message = "space must have two ranges or more: one that may matter, and one that may not."
        raise _invalid("space", space.to_dict(), message)
    if (grid := full_grid_size(space, trials)) != trials:
        message = f"trials is {trials}, which is no full grid of this space; {grid} would be."
        raise _invalid("trials", trials, message)


def _name(sampler: str, body: RandomGridIn) -> str:
    return f"{body.trials} trials, {'on a grid' if sampler == 'grid' else 'at random'}"


def _side(sweep: Sweep, rows: tuple[Trial, ...]) -> Side:
    drawn = tuple(row.settings for row in rows)
    results = tuple(
        Result(settings, row.state, row.best_val_acc)
        for settings, row in zip(drawn, rows, strict=True)
        if row.state in ("finished", "diverged") and not row.excluded
    )
    return Side(sweep.sampler, drawn, results)


def _accuracies(side: Side, chance: float) -> list[float]:
    return [chance if result.state == "diverged" else result.best_val_acc or 0.0 for result in side.results]


def _chance(dataset: str, config: Config) -> float:
    """The accuracy of guessing; 0 for a data set that was deleted."""
    try:
        return 1 / len(catalog.find_summary(dataset, config.home, config.data).classes)
    except DatasetError:
        return 0.0


def _make_point(space: Space, row: Trial) -> PointOut:
    settings = row.settings.to_dict()
    return PointOut.of(row, values={name: settings[name] for name in space.distributions if name in settings})


def _invalid(field: str, value: object, message: str) -> Invalid:
    return Invalid(FieldError(field, value, message))
