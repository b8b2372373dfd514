"""JSON of random against grid: requests, and what each sweep tried and found."""

from typing import Annotated

from pydantic import Field, JsonValue, StrictInt

from app.schemas.fields import In, Name, Out, Seed, Settings, Space, TrialStateName
from app.schemas.sweeps import SweepOut


class RandomGridIn(In):
    """What to search both ways. All may be left out."""

    dataset: Name = Field("digits", description="One of GET /api/datasets.")
    space: Space | None = Field(
        None,
        description="Two ranges or more; left out: lr, which matters, and so little reg that it does not.",
    )
    settings: Settings = Field(default_factory=dict, description="Beside those of a small, fast net.")
    trials: Annotated[StrictInt, Field(ge=4, le=400)] = Field(25, description="Of each side: a full grid.")
    seed: Seed = Field(0, description="Same seed, same trials, same curves.")


class PointOut(Out):
    number: int
    state: TrialStateName
    values: dict[str, JsonValue] = Field(description="Of the searched settings.")
    best_val_acc: float | None


class ExpectedOut(Out):
    trials: int
    val_acc: float


class SideOut(Out):
    sweep: SweepOut
    distinct: dict[str, int] = Field(description="Different values that its trials try, by setting.")
    points: list[PointOut]
    expected_best: list[ExpectedOut] = Field(
        description="Best val accuracy of so many of its ended trials, averaged over all choices of them; "
        "one that diverged counts as chance."
    )


class RandomGridOut(Out):
    sides: list[SideOut] = Field(description="In the order in which the sweeps were named.")
    important: str | None = Field(
        description="The setting that surely matters; null: none, or not known yet."
    )
    words: str = Field(description="What is to be seen, in two or three sentences.")
