"""JSON of sweeps and recipes: requests, responses and warnings."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, PrivateAttr, model_validator

from app.schemas.fields import (
    In,
    JsonForm,
    Name,
    Notes,
    Out,
    Points,
    Sampler,
    Seed,
    Settings,
    Space,
    Stopping,
    SweepStateName,
    Tags,
    Time,
    TrialCount,
)
from app.schemas.json_values import dump_json
from app.schemas.trials import TrialOut


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

    _sent: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        body = read(data)
        if isinstance(data, Mapping):
            body._sent = {name: data[name] for name in ("space", "stopping") if data.get(name) is not None}
        return body

    def to_text(self) -> str:
        """The body as JSON, its space and rule as they came: the same in every version for one request."""
        return dump_json(self.model_dump(mode="json") | self._sent)


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
    state: SweepStateName
    counts: dict[str, int] = Field(description="Trials by state.")
    trials: int
    best: TrialOut | None
    eta_seconds: float | None = Field(
        description="Left at the mean speed so far, were no trial to end early; null before the first epoch."
    )
    eta_range: tuple[float, float] | None = Field(
        description="From and to so many seconds left, most likely; null while it is too early to say."
    )
    space: JsonForm
    settings: JsonForm
    dataset: str
    parent_id: int | None
    seed: int
    recipe: str | None
    sampler: str
    stopping: JsonForm | None
    saved: SavedOut
    excluded: int
    tags: list[str]
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


class PreflightBodyOut(Out):
    dataset: str
    settings: JsonForm


class WarningOut(Out):
    """What to know before the sweep runs; nothing is forced."""

    code: Literal["no-preflight", "preflight-under-way", "preflight-failed"]
    sentence: str
    preflight_id: int | None = Field(description="The preflight that says more.")
    preflight: PreflightBodyOut = Field(description="The body for POST /api/preflights to run the checks.")


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

    draws: list[JsonForm]
    trials: int
    estimated_seconds: float | None
    warnings: list[WarningOut]


class RecipeOut(Out):
    name: str
    title: str
    note: str
    space: JsonForm
    settings: JsonForm
    trials: int
    sampler: str


class RecipesOut(Out):
    recipes: list[RecipeOut]
