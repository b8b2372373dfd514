"""Plans of sweeps: turn the body of a request into a sweep with all its trials drawn, and check it.

The checks: whether the data set exists and is large enough, and whether the trials fit into this machine's
memory, so that nothing absurd is ever queued. Preflights and autopilots are planned here too.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.schemas.autopilots import AutopilotIn
from app.schemas.fields import MAX_TRIALS
from app.schemas.findings import RefinementIn
from app.schemas.preflights import PreflightIn
from app.schemas.repeats import RepeatsIn
from app.schemas.sweeps import SweepIn
from app.schemas.trials import MoreTrials
from app.usecases.repeats import SEED, next_seeds
from learning.data import catalog
from learning.data.catalog import DatasetError, DatasetSummary
from learning.errors import FieldError, Invalid
from learning.preflight.preflight import NETS_AT_ONCE
from learning.refinement.refinement import Refinement
from learning.search import early_stopping
from learning.search.early_stopping import StoppingRule
from learning.search.recipes import RECIPES, RecipePlan, plan_recipe
from learning.search.space import Space, build_trials, draw_trials
from learning.settings import Settings
from learning.training import time_estimate
from store.actions.sweep_actions import NewSweep
from store.config import Config
from store.jobs.autopilots import NewAutopilot
from store.queue import groups
from store.read.sweeps import Sweep
from store.read.trials import Trial

MAX_EPOCH_ROWS = 5_000_000  # of one sweep: trials times epochs
MAX_GROUP_BYTES = 2 * 2**30  # weights, gradients, update state, best weights and activations of one group
WEIGHT_COPIES = 5  # of the weights: themselves, gradient, two of the update rule, the best so far
FLOAT_BYTES = 4
NO_SPACE = Space({})  # of a sweep whose settings are given
DEFAULT_RECIPE = "coarse"  # its net is what a preflight checks when none is named
AUTOPILOT_UPDATE = {"update": "momentum", "momentum": 0.9}  # few epochs go further with it than without
FINEST_EPOCHS_FACTOR = 4  # epochs of the finest search, in those of the coarse one
DEFAULT_FLOPS_PER_SECOND = 1e10  # of one worker, until this machine has been measured


@dataclass(frozen=True, slots=True)
class _Request:
    """What a body asks for, together with its recipe."""

    title: str
    space: Space
    settings: Mapping[str, object]
    trials: int | None
    sampler: str


def plan_sweep(body: SweepIn, config: Config, parent_id: int | None = None) -> NewSweep:
    """The sweep that a body asks for. Raises Invalid naming every bad field."""
    try:
        summary = require_dataset(body.dataset, config)
    except Invalid as error:
        raise Invalid(
            *error.errors, *_collect_errors(lambda: _draw_trials(body, _apply_recipe(body, None)))
        ) from None
    choice = _apply_recipe(body, summary.n_train)
    trials = _draw_trials(body, choice)
    check_trials(trials, summary)
    early_stopping.check_rule(body.stopping, trials)
    return NewSweep(
        name=body.name or choice.title,
        dataset=body.dataset,
        recipe=body.recipe,
        space=choice.space if body.points is None else NO_SPACE,
        settings=dict(choice.settings),
        sampler=choice.sampler,
        seed=body.seed,
        trials=trials,
        parent_id=parent_id,
        stopping=body.stopping,
        features=summary.n_features,
    )


def plan_more_trials(body: MoreTrials, sweep: Sweep, planned: int, config: Config) -> tuple[Settings, ...]:
    """The trials to add to a sweep that has `planned` trials times epochs. Raises Invalid."""
    if (body.points is None) == (body.trials is None):
        raise _invalid(
            "points", None, "Give either points, a list of settings, or trials, a number of further draws."
        )
    count = len(body.points) if body.points is not None else body.trials or 0
    if sweep.trials + count > MAX_TRIALS:
        raise _invalid(
            "trials", count, f"The sweep would have more than {MAX_TRIALS:,} trials, the most it may have."
        )
    if body.points is not None:
        trials = build_trials(body.points, sweep.settings, sweep.seed, sweep.trials)
    else:
        trials = draw_trials(sweep.space, sweep.settings, count, sweep.sampler, sweep.seed, sweep.trials)
    check_trials(trials, require_dataset(sweep.dataset, config), planned)
    return trials


def refinement_body(body: RefinementIn, parent: Sweep, refinement: Refinement) -> SweepIn:
    """The body of the finer sweep: what the refinement proposes, with the changes of the request."""
    space = body.space if body.space is not None else refinement.space
    settings = {**parent.settings, **refinement.settings_changes, **body.settings}
    return SweepIn.model_validate(
        {
            "name": body.name or f"{parent.name[:180]}, finer",
            "dataset": parent.dataset,
            "space": space.without(body.settings),
            "settings": {
                name: value
                for name, value in settings.items()
                if name not in space.distributions or name in body.settings
            },
            "trials": body.trials or refinement.trials,
            "sampler": body.sampler or parent.sampler,
            "seed": body.seed if body.seed is not None else parent.seed,
            "stopping": parent.stopping,
        }
    )


def plan_repeats(
    body: RepeatsIn, trial: Trial, sweep: Sweep, tried: Collection[int], config: Config
) -> NewSweep:
    """The sweep that trains a trial from other seeds, with the same order of the mini-batches."""
    fixed = {name: value for name, value in trial.settings.to_dict().items() if name != SEED}
    seeds = next_seeds(trial.settings.seed or 0, body.seeds, tried)
    asked = SweepIn(
        name=body.name or f"{sweep.name[:160]} #{trial.number}, {body.seeds} seeds",
        dataset=sweep.dataset,
        settings=fixed,
        points=[{SEED: seed} for seed in seeds],
        seed=sweep.seed,
    )
    return plan_sweep(asked, config, parent_id=sweep.id)


def list_recipes(dataset_name: str, config: Config) -> list[RecipePlan]:
    """Every recipe, with its numbers for a data set."""
    examples = count_examples(dataset_name, config)
    return [plan_recipe(name, dataset_name, examples) for name in RECIPES]


def plan_preflight(body: PreflightIn, config: Config) -> Settings:
    """The net that a body asks to check. Raises Invalid naming every bad field."""
    summary = require_dataset(body.dataset, config)
    recipe = body.recipe or (None if body.settings else DEFAULT_RECIPE)
    given = plan_recipe(recipe, body.dataset, summary.n_train).settings if recipe else {}
    (settings,) = build_trials([{}], {**given, **body.settings}, body.seed)
    check_trials([settings] * NETS_AT_ONCE, summary)
    return settings


def plan_autopilot(body: AutopilotIn, config: Config) -> NewAutopilot:
    """The autopilot that a body asks for. Raises Invalid naming every bad field."""
    summary = require_dataset(body.dataset, config)
    recipe = plan_recipe(DEFAULT_RECIPE, body.dataset, summary.n_train)
    space = Space.parse(recipe.space).without(body.settings)
    if not space:
        names = " and ".join(recipe.space)
        raise _invalid("settings", body.settings, f"settings fixes {names}, so nothing is left to search.")
    settings = {**recipe.settings, **AUTOPILOT_UPDATE, **body.settings}
    trials = draw_trials(space, settings, body.trials, "random", body.seed)  # only for the check below
    check_trials([replace(trial, epochs=trial.epochs * FINEST_EPOCHS_FACTOR) for trial in trials], summary)
    name = body.name or f"Autopilot on {body.dataset}"
    return NewAutopilot(name, body.dataset, settings, space, body.trials, body.seed, body.preflight)


def require_dataset(name: str, config: Config) -> DatasetSummary:
    """The data set's summary. Raises Invalid when it is unknown or not on this machine."""
    try:
        return catalog.find_summary(name, config.home, config.data)
    except DatasetError as error:
        raise _invalid("dataset", name, str(error)) from error


def count_examples(name: str, config: Config) -> int | None:
    """The number of training examples of a data set; None when it is not on this machine."""
    try:
        return catalog.find_summary(name, config.home, config.data).n_train
    except DatasetError:
        return None


def check_trials(trials: Sequence[Settings], summary: DatasetSummary, planned: int = 0) -> None:
    """Raises Invalid for trials that the data set is too small for, or that do not fit into memory.

    Or for too many epochs, `planned` of which the sweep has already.
    """
    rows = sum(settings.epochs for settings in trials)
    if planned + rows > MAX_EPOCH_ROWS:
        beside = f" beside {planned:,} that the sweep has" if planned else ""
        message = f"trials times epochs is {rows:,}{beside}; a sweep may have {MAX_EPOCH_ROWS:,} in all."
        raise _invalid("trials", len(trials), message)
    for settings in _distinct_groups(trials):
        _check_split(settings, summary)
        _check_memory(settings, summary, len(trials))


def estimate_seconds(
    trials: Sequence[Settings],
    summary: DatasetSummary,
    rate: float | None,
    workers: int,
    rule: StoppingRule | None = None,
) -> float:
    """About how many seconds the trials take; `rate` is that of one worker in flop/s, None if not measured.

    What successive halving saves is taken into account, what other rules save is not.
    """
    held = max(settings.val_count for settings in trials)
    train, val, features, classes = _sizes(summary, held)
    return time_estimate.estimate_sweep_seconds(
        trials,
        train,
        val,
        features,
        classes,
        rate or DEFAULT_FLOPS_PER_SECOND,
        max(workers, 1),
        (lambda epochs: rule.expected_epochs(0, epochs))
        if isinstance(rule, early_stopping.Halving)
        else float,
    )


def make_flops_counter(config: Config) -> Callable[[str, Settings], float | None]:
    """A function of a data set and settings: flop of one epoch; None for a data set that is not here."""
    summaries = {summary.name: summary for summary in catalog.list_summaries(config.home, config.data)}

    def flops(name: str, settings: Settings) -> float | None:
        summary = summaries.get(name)
        return time_estimate.epoch_work(settings, *_sizes(summary, settings.val_count)) if summary else None

    return flops


def _sizes(summary: DatasetSummary, held: int) -> tuple[int, int, int, int]:
    """Training examples, validation examples, features, classes."""
    train = summary.n_train - held
    return train, held or train, summary.n_features, len(summary.classes)


def _invalid(field: str, value: object, message: str) -> Invalid:
    return Invalid(FieldError(field, value, message))


def _apply_recipe(body: SweepIn, examples: int | None) -> _Request:
    if body.recipe is None:
        return _Request("sweep", body.space or NO_SPACE, body.settings, body.trials, body.sampler or "random")
    recipe = plan_recipe(body.recipe, body.dataset, examples)
    space = body.space if body.space is not None else Space.parse(recipe.space).without(body.settings)
    settings = {n: v for n, v in recipe.settings.items() if n not in space.distributions} | body.settings
    return _Request(
        recipe.title, space, settings, body.trials or recipe.trials, body.sampler or recipe.sampler
    )


def _draw_trials(body: SweepIn, choice: _Request) -> tuple[Settings, ...]:
    if body.points is not None:
        errors = []
        if body.trials not in (None, len(body.points)):
            message = "Give either trials, a number of draws, or points, not both."
            errors.append(FieldError("trials", body.trials, message))
        if body.space:  # a recipe's own is not meant where points are given
            message = "Give either space, what to draw from, or points, not both."
            errors.append(FieldError("space", body.space.to_dict(), message))
        if errors:
            raise Invalid(*errors)
        return build_trials(body.points, choice.settings, body.seed)

    def draw_from_space(count: int) -> tuple[Settings, ...]:
        return draw_trials(choice.space, choice.settings, count, choice.sampler, body.seed)

    if choice.trials is None:
        missing = FieldError("trials", None, "trials is missing: say how many to draw, or give points.")
        raise Invalid(missing, *_collect_errors(lambda: draw_from_space(1)))
    return draw_from_space(choice.trials)


def _collect_errors(check: Callable[[], object]) -> tuple[FieldError, ...]:
    try:
        check()
    except Invalid as error:
        return tuple(error.errors)
    return ()


def _distinct_groups(trials: Iterable[Settings]) -> Iterable[Settings]:
    """One trial of each group, as those of one group need the same memory and examples."""
    return {settings.group_key(): settings for settings in trials}.values()


def _check_split(settings: Settings, summary: DatasetSummary) -> None:
    held, total = settings.val_count, summary.n_train
    wanted = settings.train_count or 1
    if held + wanted > total:
        field = "train_count" if settings.train_count else "val_count"
        value = settings.train_count or held
        raise Invalid(
            FieldError(
                f"settings.{field}",
                value,
                f"{field} is {value}, but {summary.name} has {total:,} training examples, "
                f"of which validation takes {held:,}; ask for less.",
            )
        )


def _check_memory(settings: Settings, summary: DatasetSummary, trials: int) -> None:
    """By the bytes of one group: `COPIES` of the weights, and a mini-batch's activations and gradients."""
    sizes = [summary.n_features, *settings.hidden, len(summary.classes)]
    weights = sum(a * b + b for a, b in itertools.pairwise(sizes))
    available = settings.train_count or summary.n_train
    batch = available if settings.batch_size == "full" else min(int(settings.batch_size), available)
    stacked = min(trials, groups.choose_size(settings, summary.n_features))
    needed = (
        stacked * FLOAT_BYTES * (WEIGHT_COPIES * weights + 2 * batch * sum(sizes[1:]))
        + FLOAT_BYTES * batch * sizes[0]
    )
    if needed > MAX_GROUP_BYTES:
        raise Invalid(
            FieldError(
                "settings.hidden",
                list(settings.hidden),
                f"hidden {list(settings.hidden)} with batch_size {settings.batch_size} needs about "
                f"{needed / 2**30:.1f} GiB for one group of trials, and {MAX_GROUP_BYTES / 2**30:.0f} GiB is "
                "the most: take fewer units or a smaller batch.",
            )
        )
