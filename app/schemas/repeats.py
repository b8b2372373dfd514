"""JSON of repeats: requests, and how the results of one trial vary over seeds."""

from typing import Annotated

from pydantic import Field, StrictInt

from app.schemas.fields import In, Name, Out
from app.schemas.trials import TrialOut

MAX_REPEATS = 50  # seeds of one trial


class RepeatsIn(In):
    """How often to train a trial again, each time from another seed."""

    seeds: Annotated[StrictInt, Field(ge=2, le=MAX_REPEATS)] = 5
    name: Name | None = None


class SpreadOut(Out):
    count: int
    mean: float
    deviation: float | None = Field(description="Sample standard deviation; null for a single value.")
    low: float
    high: float


class AtOut(SpreadOut):
    epoch: int


class RepeatsOut(Out):
    """What settings come to over several seeds; those that diverged are left out."""

    sentence: str
    spread: SpreadOut | None = Field(description="Of the best val accuracies of the trials that finished.")
    original: TrialOut | None = Field(description="The trial that is repeated.")
    deviations: float | None = Field(description="By how many the original lies above the mean.")
    val_acc: list[AtOut]
    val_loss: list[AtOut]
    original_curve: dict[str, list[int | float | None]] | None = Field(description="epoch, val_acc, val_loss")
