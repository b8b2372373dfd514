"""JSON of findings on trials and sweeps, the importance of settings, and the finer sweep."""

from typing import Literal

from pydantic import Field, JsonValue

from app.schemas.fields import In, Name, Out, Sampler, Seed, Settings, Space, TrialCount
from app.schemas.json_values import json_safe
from learning.diagnosis.findings import Finding
from learning.diagnosis.importance import Importance
from learning.refinement.refinement import Refinement


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
    space: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    trials: int
    words: list[BoundOut]


def finding_json(value: Finding) -> dict[str, object]:
    return {
        "code": value.code,
        "severity": value.severity,
        "epochs": list(value.epochs) if value.epochs is not None else None,
        "sentence": value.sentence,
        "advice": value.advice,
    }


def importance_json(value: Importance) -> dict[str, object]:
    return {
        "shares": [
            {"parameter": share.parameter, "share": share.share, "matters": share.matters}
            for share in value.shares
        ],
        "trials": value.trials,
        "top": value.top,
    }


def refinement_json(value: Refinement) -> dict[str, object]:
    return {
        "space": json_safe(value.space.to_dict()),
        "settings": json_safe(value.settings_changes),
        "trials": value.trials,
        "words": [
            {
                "parameter": bound.parameter,
                "low": json_safe(bound.low),
                "high": json_safe(bound.high),
                "sentence": bound.sentence,
            }
            for bound in value.reasons
        ],
    }
