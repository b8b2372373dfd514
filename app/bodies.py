"""Bodies: the shapes of what routes take and give, checked on the way in, and in the OpenAPI document."""

from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StrictInt

from learning.settings import MAX_SEED

MAX_TRIALS = 10_000  # of one sweep
MAX_NAME = 200  # characters
MAX_TAG = 40  # characters
MAX_TAGS = 20
MAX_NOTES = 20_000  # characters
MAX_ID = 2**31 - 1

Id = Annotated[int, Path(ge=1, le=MAX_ID)]
Limit = Annotated[int, Query(ge=1, le=10_000)]
Offset = Annotated[int, Query(ge=0, le=10**9)]
Cursor = Annotated[int, Query(ge=0, le=2**62)]


def _printable(name: str) -> str:
    if not name.isprintable() or not name.strip():
        raise ValueError("must be a line of printable characters")
    return name.strip()


Name = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_printable)]


def _tag(tag: str) -> str:
    tag = _printable(tag)
    if "," in tag:
        raise ValueError("must be without a comma")
    return tag


def _text(text: str) -> str:
    if any(not (character.isprintable() or character in "\n\t") for character in text.replace("\r\n", "\n")):
        raise ValueError("must be lines of printable characters")
    return text.replace("\r\n", "\n").strip()


Tag = Annotated[str, Field(max_length=MAX_TAG), AfterValidator(_tag)]
Tags = Annotated[
    list[Tag], Field(max_length=MAX_TAGS), AfterValidator(lambda tags: list(dict.fromkeys(tags)))
]
Notes = Annotated[str, Field(max_length=MAX_NOTES), AfterValidator(_text)]
Settings = dict[str, JsonValue]
Sampler = Literal["random", "grid", "sobol"]
TrialCount = Annotated[StrictInt, Field(ge=1, le=MAX_TRIALS)]
Seed = Annotated[StrictInt, Field(ge=0, le=MAX_SEED)]
Points = Annotated[list[Settings], Field(min_length=1, max_length=MAX_TRIALS)]


class In(BaseModel):
    """What a route takes: a field it does not know is an error."""

    model_config = ConfigDict(extra="forbid")


class SweepIn(In):
    """A search to run. Fields beside a recipe override it: settings one by one, a space as a whole."""

    name: Name | None = Field(None, description="Shown everywhere; the recipe's title when left out.")
    dataset: Name = Field("digits", description="One of GET /api/datasets.")
    recipe: str | None = Field(None, max_length=100, description="One of GET /api/recipes.")
    space: dict[str, JsonValue] | None = Field(
        None,
        description='What varies: `{"lr": {"log_uniform": [1e-6, 1e-3]}, "update": {"choice": ["sgd"]}}`.',
    )
    settings: Settings = Field(default_factory=dict, description="What is fixed; left out: the lecture's.")
    trials: TrialCount | None = Field(None, description="How many to draw from the space.")
    points: Points | None = Field(None, description="Explicit settings, a trial each, instead of draws.")
    sampler: Sampler | None = Field(None, description="How to draw; random when left out.")
    seed: Seed = Field(0, description="Same seed, same trials, same curves.")
    stopping: dict[str, JsonValue] | None = Field(
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


class MoreTrials(In):
    """Trials to add: explicit points, or a number of further draws from the sweep's space."""

    points: Points | None = None
    trials: TrialCount | None = None


class BulkIn(In):
    """One thing to do to many trials of a sweep: to those of these numbers, or to all that fit a filter."""

    action: Literal["stop", "retry", "exclude", "include"]
    trials: Annotated[list[StrictInt], Field(min_length=1, max_length=MAX_TRIALS)] | None = Field(
        None, description="Their numbers in the sweep."
    )
    filter: str | None = Field(None, max_length=2_000, description="As for the list; empty: all trials.")


class RefinementIn(In):
    """What to change about the proposed finer sweep; all may be left out."""

    name: Name | None = None
    trials: TrialCount | None = None
    seed: Seed | None = None
    sampler: Sampler | None = None
    space: dict[str, JsonValue] | None = None
    settings: Settings = Field(default_factory=dict)


class PreflightIn(In):
    """What to check. A recipe gives the net, and settings beside it override it one by one.

    Settings alone are checked as a sweep would train them; with neither, the coarse search's net is.
    """

    dataset: Name = Field("digits", description="One of GET /api/datasets.")
    recipe: str | None = Field(None, max_length=100, description="One of GET /api/recipes.")
    settings: Settings = Field(default_factory=dict, description="The net, as in a sweep.")
    seed: Seed = Field(0, description="Of the weights.")


class AutopilotIn(In):
    """What to search, from the first check to the winner. All may be left out."""

    name: Name | None = None
    dataset: Name = Field("digits", description="One of GET /api/datasets.")
    settings: Settings = Field(
        default_factory=dict, description="What is fixed, beside the coarse recipe's; epochs: of its search."
    )
    trials: Annotated[StrictInt, Field(ge=4, le=1_000)] = Field(
        32, description="Of the coarse search; each that follows has half as many, twice as long."
    )
    seed: Seed = Field(0, description="Same seed, same trials, same curves.")
    preflight: bool = Field(True, description="Whether the lecture's checks come first, and must pass.")


class Out(BaseModel):
    """What a route gives; more fields may come later."""


class TrialOut(Out):
    id: int
    number: int = Field(description="0.. in its sweep")
    sweep_id: int
    state: Literal["queued", "running", "finished", "diverged", "stopped", "cancelled", "failed"]
    reason: str | None = Field(description="Why it ended as it did, if not by finishing.")
    attempt: int = Field(description="Rises with every claim by a worker.")
    failures: int = Field(description="Attempts in a row that died without storing an epoch.")
    settings: dict[str, JsonValue]
    best_val_acc: float | None = Field(description="Before divergence, if it diverged.")
    best_epoch: int | None
    epochs_done: int
    epochs_total: int
    last: dict[str, JsonValue] | None = Field(description="The latest epoch's numbers.")
    excluded: bool
    spared: int = Field(description="Epochs that the sweep's stopping rule kept it from.")
    worker: str | None
    started_at: str | None
    finished_at: str | None
    has_model: bool
    verdict: str | None = Field(
        description="Code of the first finding on its curve; null before there is one."
    )


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


class TrialsOut(Out):
    trials: list[TrialOut]
    total: int


class RefusalOut(Out):
    trial: int = Field(description="Its number in the sweep.")
    message: str


class BulkOut(Out):
    done: list[int] = Field(description="Numbers of the trials that it was done to.")
    refused: list[RefusalOut]


class EpochOut(Out):
    """A number that is not finite is null, and `flags` says which it was: inf, -inf or nan."""

    trial_id: int
    number: int
    epoch: int = Field(ge=1)
    loss: float | None
    data_loss: float | None
    train_acc: float | None
    val_loss: float | None
    val_acc: float | None
    lr: float | None
    update_ratio: dict[str, float | None]
    trace: list[list[float | None]] | None = Field(None, description="min, mean, max of the mini-batch cost")
    flags: dict[str, str]
    seconds: float | None


class EpochsOut(Out):
    epochs: list[EpochOut]
    cursor: int = Field(description="Ask with it as `after` for what comes next; the stream takes it too.")
    done: bool = Field(description="Nothing more will come.")


class ColumnsOut(Out):
    cursor: int = Field(description="Of the stream: what comes after it is newer than the columns.")
    columns: dict[str, list[float | str | None]] = Field(description="By name, all in one order.")


class CurveOut(Out):
    """A number that is not finite is null."""

    number: int
    stride: int = Field(description="Every stride-th epoch from the first on, and the last.")
    epoch: list[int]
    metrics: dict[str, list[float | None]]
    elapsed: list[float | None] | None = Field(None, description="Seconds of training up to the epoch.")


class CurvesOut(Out):
    curves: list[CurveOut]


class FindingOut(Out):
    code: str
    severity: Literal["good", "info", "warning", "bad"]
    epochs: tuple[int, int] | None
    sentence: str
    advice: str


class FindingsOut(Out):
    findings: list[FindingOut]


class ShareOut(Out):
    parameter: str
    share: float = Field(ge=0, le=1, description="They add up to 1, or are all 0: nothing beyond chance.")
    matters: bool = Field(description="Surely more than chance.")


class ImportanceOut(Out):
    shares: list[ShareOut] = Field(description="Most important first; none before there are enough trials.")
    trials: int = Field(description="What it rests on: those that finished or diverged.")
    top: int = Field(description="The best of them, whose places are compared with all.")


class SweepFindingsOut(FindingsOut):
    importance: ImportanceOut


class BoundOut(Out):
    parameter: str
    low: float | None
    high: float | None
    sentence: str


class RefinementOut(Out):
    space: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    trials: int
    words: list[BoundOut]


class DatasetOut(Out):
    name: str
    ready: bool
    n_train: int
    n_test: int
    n_features: int
    image_shape: list[int] | None
    classes: list[str]
    class_counts: list[int]
    source: str


class DatasetsOut(Out):
    datasets: list[DatasetOut]


class WorkerOut(Out):
    id: str = Field(description="As in a trial's `worker`.")
    host: str
    pid: int
    state: Literal["idle", "busy", "gone"]
    group_id: int | None = Field(description="The group of trials that it trains.")
    preflight_id: int | None = Field(description="The preflight that it runs.")
    facts: dict[str, JsonValue]
    started_at: str | None
    seen_at: str | None
    gone_at: str | None


class WorkersOut(Out):
    workers: list[WorkerOut]


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


class CheckOut(Out):
    """A figure that is not finite is null, and `flags` says which it was: inf, -inf or nan."""

    code: Literal["data", "chance-loss", "reg-raises-loss", "gradient", "overfit-tiny", "lr-probe", "learns"]
    title: str
    passed: bool
    figure: float | None
    relation: Literal["<=", ">="] = Field(description="How the figure must stand to the threshold.")
    threshold: float
    sentence: str
    curve: list[tuple[float | None, float | None]] = Field(description="What the figure was read from.")
    accuracy: list[tuple[float, float]] = Field(
        description="Accuracy over the same x: train of overfit-tiny and learns, val of lr-probe."
    )
    names: list[str] = Field(description="Of the curve's points, where they have names: W1, b1, ...")
    span: tuple[float, float] | None = Field(description="Of lr-probe: from where to where it is workable.")
    flags: dict[str, str]


class PreflightOut(Out):
    id: int
    dataset: str
    state: Literal["queued", "running", "finished", "failed", "cancelled"]
    passed: bool | None = Field(description="Whether all checks passed; null until it has finished.")
    verdict: str | None = Field(description="All answers in words; null until it has finished.")
    checks: list[CheckOut] = Field(description="Those that are done, in order.")
    checks_total: int
    reason: str | None = Field(description="Why it failed; a check that does not pass is no failure.")
    settings: dict[str, JsonValue]
    attempt: int
    worker: str | None
    created_at: str | None
    started_at: str | None
    finished_at: str | None


class PreflightsOut(Out):
    preflights: list[PreflightOut]
    total: int


class LookOut(Out):
    """A look at the test part of a data set."""

    trial_id: int | None = Field(description="null when the trial was deleted since.")
    dataset: str
    accuracy: float
    examples: int
    number: int = Field(description="The how many-th look at this data set's test part it was.")
    taken_at: str | None


class MoveOut(Out):
    """One end of a setting's range: in the search before, in the recipe for the first, and in this one."""

    parameter: str
    end: Literal["low", "high"]
    was: float
    now: float
    kind: Literal["shrunk", "extended", "kept"]


class StageOut(Out):
    number: int
    name: Literal["preflight", "coarse", "fine", "finer"]
    why: str = Field(description="A line for each setting whose range was chosen anew.")
    state: str | None = Field(description="Of its preflight or sweep; null when that was deleted.")
    preflight: PreflightOut | None
    sweep: SweepOut | None
    moves: list[MoveOut] = Field(description="Where the ends of its ranges went.")


class AutopilotOut(Out):
    id: int
    name: str
    dataset: str
    state: Literal["running", "finished", "stopped", "failed"]
    reason: str | None = Field(description="Why it ended.")
    stages: list[StageOut] = Field(description="Those that have begun, in order.")
    to_come: list[str] = Field(description="Names of the stages that may follow.")
    best: TrialOut | None = Field(description="The winner once it has ended, the best so far before that.")
    test: LookOut | None = Field(description="The winner on the test part, tried once at the end.")
    settings: dict[str, JsonValue]
    space: dict[str, JsonValue]
    trials: int
    seed: int
    preflight: bool
    created_at: str | None
    finished_at: str | None


class AutopilotsOut(Out):
    autopilots: list[AutopilotOut]
    total: int
