"""Bodies of what is done with trained trials: repeats over seeds, averages (sweeps and trials: bodies)."""

from typing import Annotated

from pydantic import Field, StrictInt

from app.bodies import In, Name, Out, TrialOut
from app.repeats import MOST


class RepeatsIn(In):
    """How often to train a trial again, each time from another seed."""

    seeds: Annotated[StrictInt, Field(ge=2, le=MOST)] = 5
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
    original_curve: dict[str, list[float | None]] | None = Field(description="epoch, val_acc, val_loss")


class MemberOut(Out):
    trial: TrialOut
    val_acc: float


class EnsembleOut(Out):
    """What the mean of some nets' probabilities is worth. The same examples chose them: a little too good."""

    sentence: str
    examples: int = Field(description="Of the validation part.")
    members: list[MemberOut] = Field(description="Best first.")
    val_acc: float = Field(description="Of the average.")
    standard_error: float = Field(description="Of that val accuracy.")
    gain: float = Field(description="Over the best single net.")
    gain_standard_error: float = Field(description="From the examples on which the two differ.")
