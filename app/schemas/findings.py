"""JSON of findings on trials and sweeps, the importance of settings, and the finer sweep."""

from typing import Literal

from pydantic import AliasChoices, Field

from app.schemas.fields import In, JsonForm, Name, Out, Sampler, Seed, Settings, Space, TrialCount


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


class RefinementIn(In):
    """What to change about the proposed finer sweep; all may be left out."""

    name: Name | None = None
    trials: TrialCount | None = None
    seed: Seed | None = None
    sampler: Sampler | None = None
    space: Space | None = None
    settings: Settings = Field(default_factory=dict)


class BoundOut(Out):
    parameter: str
    low: float | None
    high: float | None
    sentence: str


class RefinementOut(Out):
    space: JsonForm
    settings: JsonForm = Field(
        validation_alias=AliasChoices("settings_changes", "settings"),
        description="What changes among the fixed settings.",
    )
    trials: int
    words: list[BoundOut] = Field(
        validation_alias=AliasChoices("reasons", "words"), description="Why each range is as it is."
    )
