"""JSON of autopilots: requests, responses and their stages."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StrictInt

from app.schemas.fields import In, Name, Out, Seed, Settings
from app.schemas.json_values import iso_time, json_safe
from app.schemas.preflights import PreflightOut, preflight_json
from app.schemas.sweeps import SweepOut, sweep_json
from app.schemas.trials import TrialOut, trial_json
from learning.refinement.autopilot import AUTOPILOT_STAGES, SEARCH_STAGES
from learning.refinement.refinement import RangeChange, list_range_changes
from store.jobs.autopilots import Autopilot
from store.jobs.preflights import Preflight
from store.jobs.test_accuracies import Evaluation
from store.read.sweeps import Sweep
from store.read.trials import Trial


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
    taken_at: str | None


class MoveOut(Out):
    """One end of a setting's range: in the search before, in the recipe for the first, and in this one."""

    parameter: str
    end: Literal["low", "high"]
    was: float
    now: float
    kind: Literal["shrunk", "extended", "kept"]


class StageOut(Out):
    number: int
    name: Literal["preflight", "coarse", "fine", "finer"]
    why: str = Field(description="A line for each setting whose range was chosen anew.")
    state: str | None = Field(description="Of its preflight or sweep; null when that was deleted.")
    preflight: PreflightOut | None
    sweep: SweepOut | None
    moves: list[MoveOut] = Field(description="Where the ends of its ranges went.")


class AutopilotOut(Out):
    id: int
    name: str
    dataset: str
    state: Literal["running", "finished", "stopped", "failed"]
    reason: str | None = Field(description="Why it ended.")
    stages: list[StageOut] = Field(description="Those that have begun, in order.")
    to_come: list[str] = Field(description="Names of the stages that may follow.")
    best: TrialOut | None = Field(description="The winner once it has ended, the best so far before that.")
    test: LookOut | None = Field(description="The winner on the test part, tried once at the end.")
    test_note: str | None = Field(
        description="Why there is no test accuracy, or that it is lower than chance explains."
    )
    settings: dict[str, JsonValue]
    space: dict[str, JsonValue]
    trials: int
    seed: int
    preflight: bool
    created_at: str | None
    finished_at: str | None


class AutopilotsOut(Out):
    autopilots: list[AutopilotOut]
    total: int


def autopilot_json(
    row: Autopilot,
    checks: Mapping[int, Preflight],
    searches: Mapping[int, Sweep],
    best: Trial | None,
    look: Evaluation | None,
    test_note: str | None,
) -> dict[str, object]:
    """An autopilot; `checks` and `searches` are its preflights and sweeps by their ids."""
    begun = [stage.name for stage in row.stages]
    moves_of = _moves_by_stage(row, searches)
    possible = AUTOPILOT_STAGES if row.preflight else SEARCH_STAGES
    return {
        "id": row.id,
        "name": row.name,
        "dataset": row.dataset,
        "state": row.state,
        "reason": row.reason,
        "stages": [
            {
                "number": stage.number,
                "name": stage.name,
                "why": stage.why,
                "state": stage.state,
                "preflight": preflight_json(found)
                if (found := checks.get(stage.preflight_id or 0))
                else None,
                "sweep": sweep_json(search) if (search := searches.get(stage.sweep_id or 0)) else None,
                "moves": [asdict(move) for move in moves_of.get(stage.number, ())],
            }
            for stage in row.stages
        ],
        "to_come": [name for name in possible if name not in begun] if row.state == "running" else [],
        "best": trial_json(best) if best is not None else None,
        "test": test_look_json(look) if look is not None else None,
        "test_note": test_note,
        "settings": json_safe(row.settings),
        "space": row.space.to_dict(),
        "trials": row.trials,
        "seed": row.seed,
        "preflight": row.preflight,
        "created_at": iso_time(row.created_at),
        "finished_at": iso_time(row.finished_at),
    }


def test_look_json(value: Evaluation) -> dict[str, object]:
    return {
        "trial_id": value.trial_id,
        "dataset": value.dataset,
        "accuracy": value.accuracy,
        "examples": value.examples,
        "number": value.number,
        "taken_at": iso_time(value.taken_at),
    }


def _moves_by_stage(row: Autopilot, searches: Mapping[int, Sweep]) -> dict[int, tuple[RangeChange, ...]]:
    """By the number of a stage: how its ranges differ from those of the search before it, or of the plan."""
    before, found = row.space, dict[int, tuple[RangeChange, ...]]()
    for stage in row.stages:
        if (search := searches.get(stage.sweep_id or 0)) is not None:
            now = search.space
            found[stage.number], before = list_range_changes(before, now), now
    return found
