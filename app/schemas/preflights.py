"""JSON of preflights: requests, and the result of each check."""

import math
from typing import Literal

from pydantic import Field, JsonValue

from app.schemas.fields import In, Name, Out, Seed, Settings
from app.schemas.json_values import iso_time, json_safe
from learning.preflight.check_result import Check, summarise_checks
from learning.preflight.preflight import CHECK_CODES
from store.jobs.preflights import Preflight


class PreflightIn(In):
    """What to check. A recipe gives the net, and settings beside it override it one by one.

    Settings alone are checked as a sweep would train them; with neither, the coarse search's net is.
    """

    dataset: Name = Field("digits", description="One of GET /api/datasets.")
    recipe: str | None = Field(None, max_length=100, description="One of GET /api/recipes.")
    settings: Settings = Field(default_factory=dict, description="The net, as in a sweep.")
    seed: Seed = Field(0, description="Of the weights.")


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


def preflight_json(row: Preflight) -> dict[str, object]:
    return {
        "id": row.id,
        "dataset": row.dataset,
        "state": row.state,
        "passed": row.passed,
        "verdict": summarise_checks(row.checks) if row.state == "finished" else None,
        "checks": [check_json(check) for check in row.checks],
        "checks_total": len(CHECK_CODES),
        "reason": row.reason,
        "settings": row.settings.to_dict(),
        "attempt": row.attempt,
        "worker": row.worker,
        "created_at": iso_time(row.created_at),
        "started_at": iso_time(row.started_at),
        "finished_at": iso_time(row.finished_at),
    }


def check_json(value: Check) -> dict[str, object]:
    return {
        "code": value.code,
        "title": value.title,
        "passed": value.passed,
        "figure": json_safe(value.figure),
        "relation": value.relation,
        "threshold": value.threshold,
        "sentence": value.sentence,
        "curve": json_safe(value.curve),
        "accuracy": json_safe(value.accuracy),
        "names": list(value.names),
        "span": json_safe(value.span),
        "flags": {} if math.isfinite(value.figure) else {"figure": str(value.figure)},
    }
