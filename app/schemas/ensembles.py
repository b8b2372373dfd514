"""JSON of ensembles: the average of a sweep's best nets."""

from pydantic import Field

from app.schemas.fields import Out
from app.schemas.trials import TrialOut


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
