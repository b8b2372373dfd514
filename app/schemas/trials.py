"""JSON of trials and their epochs: requests and responses."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StrictInt

from app.schemas.fields import MAX_TRIALS, In, JsonForm, Out, Points, Time, TrialCount, TrialStateName


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


class TrialOut(Out):
    id: int
    number: int = Field(description="0.. in its sweep")
    sweep_id: int
    state: TrialStateName
    reason: str | None = Field(description="Why it ended as it did, if not by finishing.")
    attempt: int = Field(description="Rises with every claim by a worker.")
    failures: int = Field(description="Attempts in a row that died without storing an epoch.")
    settings: JsonForm
    best_val_acc: float | None = Field(description="Before divergence, if it diverged.")
    best_epoch: int | None
    epochs_done: int
    epochs_total: int
    last: dict[str, JsonValue] | None = Field(description="The latest epoch's numbers.")
    excluded: bool
    spared: int = Field(description="Epochs that the sweep's stopping rule kept it from.")
    worker: str | None
    started_at: Time | None
    finished_at: Time | None
    has_model: bool
    verdict: str | None = Field(
        description="Code of the first finding on its curve; null before there is one."
    )


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
    flags: dict[str, str]
    seconds: float | None


class TracedEpochOut(EpochOut):
    trace: list[tuple[float | None, float | None, float | None]] | None = Field(
        description="min, mean, max of the mini-batch cost; null where it was not asked for."
    )


class EpochEventOut(EpochOut):
    """An epoch as the stream brings it, without its trace."""

    sweep_id: int


class EpochsOut(Out):
    epochs: list[TracedEpochOut]
    cursor: int = Field(description="Ask with it as `after` for what comes next; the stream takes it too.")
    done: bool = Field(description="Nothing more will come.")


class TrialLineOut(TrialOut):
    """A trial as a line of an export: with its epochs."""

    epochs: list[EpochOut]
