"""JSON of preflights: requests, and the result of each check."""

from typing import Literal

from pydantic import Field

from app.schemas.fields import CheckCode, In, JsonForm, Name, Out, Seed, Settings, Time, TrialStateName
from learning.preflight.preflight import CHECK_CODES


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

    code: CheckCode
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
    state: TrialStateName
    passed: bool | None = Field(description="Whether all checks passed; null until it has finished.")
    verdict: str | None = Field(description="All answers in words; null until it has finished.")
    checks: list[CheckOut] = Field(description="Those that are done, in order.")
    checks_total: int = len(CHECK_CODES)
    reason: str | None = Field(description="Why it failed; a check that does not pass is no failure.")
    settings: JsonForm
    attempt: int
    worker: str | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


class PreflightsOut(Out):
    preflights: list[PreflightOut]
    total: int
