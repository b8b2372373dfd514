"""JSON of sweeps and recipes: requests, responses and warnings."""

from dataclasses import asdict
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from app.schemas.fields import (
    In,
    Name,
    Notes,
    Out,
    Points,
    Sampler,
    Seed,
    Settings,
    Space,
    Stopping,
    Tags,
    TrialCount,
)
from app.schemas.json_values import iso_time, json_safe
from app.schemas.trials import TrialOut, trial_json
from learning.search.recipes import RecipePlan
from store.read.sweeps import Sweep


class SweepIn(In):
    """A search to run. Fields beside a recipe override it: settings one by one, a space as a whole."""

    name: Name | None = Field(None, description="Shown everywhere; the recipe's title when left out.")
    dataset: Name = Field("digits", description="One of GET /api/datasets.")
    recipe: str | None = Field(None, max_length=100, description="One of GET /api/recipes.")
    space: Space | None = Field(
        None,
        description='What varies: `{"lr": {"log_uniform": [1e-6, 1e-3]}, "update": {"choice": ["sgd"]}}`.',
    )
    settings: Settings = Field(default_factory=dict, description="What is fixed; left out: the lecture's.")
    trials: TrialCount | None = Field(None, description="How many to draw from the space.")
    points: Points | None = Field(
        None, description="Explicit settings, a trial each, instead of draws, a recipe's too."
    )
    sampler: Sampler | None = Field(None, description="How to draw; random when left out.")
    seed: Seed = Field(0, description="Same seed, same trials, same curves.")
    stopping: Stopping | None = Field(
        None,
        description="A rule that ends trials early, numbers left out being these: "
        '`{"halving": {"factor": 3, "first": 1, "bracket": null}}`, '
        '`{"median": {"after": 2, "trials": 5}}` or '
        '`{"patience": {"epochs": 5, "by": 0.0}}`.',
    )
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "coarse",
                    "dataset": "cifar10",
                    "trials": 100,
                    "seed": 0,
                    "space": {"lr": {"log_uniform": [1e-6, 1e-3]}, "reg": {"log_uniform": [1e-5, 1e5]}},
                    "settings": {
                        "hidden": [50],
                        "epochs": 5,
                        "batch_size": 100,
                        "update": "momentum",
                        "momentum": 0.0,
                        "lr_decay": 0.9,
                    },
                }
            ]
        },
    )


class SweepChange(In):
    """What may change about a sweep later; what is left out stays."""

    name: Name | None = None
    tags: Tags | None = Field(None, description="All of them: those that are not named go.")
    notes: Notes | None = Field(None, description="Markdown; pictures and HTML are not drawn.")


class SavedOut(Out):
    """What the sweep's stopping rule has spared so far."""

    trials: int = Field(description="Stopped by the rule.")
    epochs: int = Field(description="That they did not train.")
    seconds: float | None = Field(
        description="That one worker would have taken for them, by the sweep's mean."
    )


class SweepOut(Out):
    id: int
    name: str
    state: Literal["running", "paused", "stopping", "finished", "cancelled"]
    counts: dict[str, int] = Field(description="Trials by state.")
    trials: int
    best: TrialOut | None
    eta_seconds: float | None = Field(
        description="Left at the mean speed so far, were no trial to end early; null before the first epoch."
    )
    eta_range: tuple[float, float] | None = Field(
        description="From and to so many seconds left, most likely; null while it is too early to say."
    )
    space: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    dataset: str
    parent_id: int | None
    seed: int
    recipe: str | None
    sampler: str
    stopping: dict[str, JsonValue] | None
    saved: SavedOut
    excluded: int
    tags: list[str]
    created_at: str | None
    started_at: str | None
    finished_at: str | None


class WarningOut(Out):
    """What to know before the sweep runs; nothing is forced."""

    code: Literal["no-preflight", "preflight-under-way", "preflight-failed"]
    sentence: str
    preflight_id: int | None = Field(description="The preflight that says more.")
    preflight: dict[str, JsonValue] = Field(
        description="The body for POST /api/preflights to run the checks."
    )


class SweepMadeOut(SweepOut):
    """A sweep that was just made, and what to know about it."""

    warnings: list[WarningOut]


class SweepNotesOut(SweepMadeOut):
    """A sweep asked for by itself has its notes too."""

    notes: str = Field(description="As they were written, in Markdown.")
    notes_html: str = Field(description="The same as HTML that runs and loads nothing.")


class FamilyOut(Out):
    sweeps: list[SweepOut] = Field(description="In the order they were made.")


class SweepsOut(Out):
    sweeps: list[SweepOut]
    total: int


class DraftOut(Out):
    """The answer to a dry run."""

    draws: list[dict[str, JsonValue]]
    trials: int
    estimated_seconds: float | None
    warnings: list[WarningOut]


class RecipeOut(Out):
    name: str
    title: str
    note: str
    space: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    trials: int
    sampler: str


class RecipesOut(Out):
    recipes: list[RecipeOut]


def sweep_json(row: Sweep) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "counts": dict(row.counts),
        "trials": row.trials,
        "best": trial_json(row.best) if row.best is not None else None,
        "eta_seconds": json_safe(row.eta_seconds),
        "eta_range": json_safe(row.eta_range),
        "space": row.space.to_dict(),
        "settings": json_safe(row.settings),
        "dataset": row.dataset,
        "parent_id": row.parent_id,
        "seed": row.seed,
        "recipe": row.recipe,
        "sampler": row.sampler,
        "stopping": None if row.stopping is None else row.stopping.to_dict(),
        "saved": json_safe(asdict(row.saved)),
        "excluded": row.excluded,
        "tags": list(row.tags),
        "created_at": iso_time(row.created_at),
        "started_at": iso_time(row.started_at),
        "finished_at": iso_time(row.finished_at),
    }


def recipe_json(value: RecipePlan) -> dict[str, object]:
    return {
        "name": value.name,
        "title": value.title,
        "note": value.note,
        "space": json_safe(value.space),
        "settings": json_safe(value.settings),
        "trials": value.trials,
        "sampler": value.sampler,
    }
