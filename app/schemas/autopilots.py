"""JSON of autopilots: requests, responses and their stages."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from app.schemas.fields import AutopilotStateName, In, JsonForm, Name, Out, Seed, Settings, StageName, Time
from app.schemas.preflights import PreflightOut
from app.schemas.sweeps import SweepOut
from app.schemas.trials import TrialOut


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


class LookOut(Out):
    """A look at the test part of a data set."""

    trial_id: int | None = Field(description="null when the trial was deleted since.")
    dataset: str
    accuracy: float
    examples: int
    number: int = Field(description="The how many-th look at this data set's test part it was.")
    taken_at: Time


class MoveOut(Out):
    """One end of a setting's range: in the search before, in the recipe for the first, and in this one."""

    parameter: str
    end: Literal["low", "high"]
    was: float
    now: float
    kind: Literal["shrunk", "extended", "kept"]


class StageOut(Out):
    number: int
    name: StageName
    why: str = Field(description="A line for each setting whose range was chosen anew.")
    state: str | None = Field(description="Of its preflight or sweep; null when that was deleted.")
    preflight: PreflightOut | None
    sweep: SweepOut | None
    moves: list[MoveOut] = Field(description="Where the ends of its ranges went.")


class AutopilotOut(Out):
    id: int
    name: str
    dataset: str
    state: AutopilotStateName
    reason: str | None = Field(description="Why it ended.")
    stages: list[StageOut] = Field(description="Those that have begun, in order.")
    to_come: list[str] = Field(description="Names of the stages that may follow.")
    best: TrialOut | None = Field(description="The winner once it has ended, the best so far before that.")
    test: LookOut | None = Field(description="The winner on the test part, tried once at the end.")
    test_note: str | None = Field(
        description="Why there is no test accuracy, or that it is lower than chance explains."
    )
    settings: JsonForm
    space: JsonForm
    trials: int
    seed: int
    preflight: bool
    created_at: Time
    finished_at: Time | None


class AutopilotsOut(Out):
    autopilots: list[AutopilotOut]
    total: int
