"""JSON of trials and their epochs: requests and responses."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StrictInt

from app.schemas.fields import MAX_TRIALS, In, Out, Points, TrialCount
from app.schemas.json_values import iso_time, json_safe
from store.queue.epochs import EpochRow
from store.read.trials import Trial


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


def trial_json(row: Trial) -> dict[str, object]:
    return {
        "id": row.id,
        "number": row.number,
        "sweep_id": row.sweep_id,
        "state": row.state,
        "reason": row.reason,
        "attempt": row.attempt,
        "failures": row.failures,
        "settings": row.settings.to_dict(),
        "best_val_acc": json_safe(row.best_val_acc),
        "best_epoch": row.best_epoch,
        "epochs_done": row.epochs_done,
        "epochs_total": row.epochs_total,
        "last": json_safe(row.last),
        "excluded": row.excluded,
        "spared": row.spared,
        "worker": row.worker,
        "started_at": iso_time(row.started_at),
        "finished_at": iso_time(row.finished_at),
        "has_model": row.has_model,
        "verdict": row.verdict,
    }


def epoch_json(row: EpochRow, *, trace: bool = True) -> dict[str, object]:
    """An epoch row, with its mini-batch trace or without."""
    body: dict[str, object] = {
        "trial_id": row.trial_id,
        "number": row.number,
        "epoch": row.epoch,
        "loss": json_safe(row.loss),
        "data_loss": json_safe(row.data_loss),
        "train_acc": json_safe(row.train_acc),
        "val_loss": json_safe(row.val_loss),
        "val_acc": json_safe(row.val_acc),
        "lr": json_safe(row.lr),
        "update_ratio": json_safe(row.update_ratio),
        "flags": dict(row.flags),
        "seconds": json_safe(row.seconds),
    }
    return body | {"trace": json_safe(row.trace)} if trace else body
