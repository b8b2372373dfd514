"""Wire of autopilots: each with its preflight, its sweeps and how their ranges moved."""

from collections.abc import Mapping
from dataclasses import asdict

from app import wire_preflights, wire_sweeps, wire_trials
from app.wire import plain, when
from learning.refinement.autopilot import SEARCHES, STAGES
from learning.refinement.range_changes import Move, moves
from learning.search.space import Space
from store.jobs.autopilots import Autopilot
from store.jobs.preflights import Preflight
from store.jobs.test_accuracies import Look
from store.read.sweeps import Sweep
from store.read.trials import Trial


def autopilot(
    row: Autopilot,
    checks: Mapping[int, Preflight],
    searches: Mapping[int, Sweep],
    best: Trial | None,
    look: Look | None,
    test_note: str | None,
) -> dict[str, object]:
    """An autopilot with its preflight and sweeps, by their ids."""
    begun = [one.name for one in row.stages]
    moved = _moved(row, searches)
    possible = STAGES if row.preflight else SEARCHES
    return {
        "id": row.id,
        "name": row.name,
        "dataset": row.dataset,
        "state": row.state,
        "reason": row.reason,
        "stages": [
            {
                "number": one.number,
                "name": one.name,
                "why": one.why,
                "state": one.state,
                "preflight": wire_preflights.preflight(made)
                if (made := checks.get(one.preflight_id or 0))
                else None,
                "sweep": wire_sweeps.sweep(search) if (search := searches.get(one.sweep_id or 0)) else None,
                "moves": [asdict(end) for end in moved.get(one.number, ())],
            }
            for one in row.stages
        ],
        "to_come": [one for one in possible if one not in begun] if row.state == "running" else [],
        "best": wire_trials.trial(best) if best is not None else None,
        "test": test_look(look) if look is not None else None,
        "test_note": test_note,
        "settings": plain(row.settings),
        "space": plain(row.space),
        "trials": row.trials,
        "seed": row.seed,
        "preflight": row.preflight,
        "created_at": when(row.created_at),
        "finished_at": when(row.finished_at),
    }


def test_look(value: Look) -> dict[str, object]:
    return {
        "trial_id": value.trial_id,
        "dataset": value.dataset,
        "accuracy": value.accuracy,
        "examples": value.examples,
        "number": value.number,
        "taken_at": when(value.taken_at),
    }


def _moved(row: Autopilot, searches: Mapping[int, Sweep]) -> dict[int, tuple[Move, ...]]:
    """By stage: where the ends of its ranges went, from those of the search before or of the plan."""
    before, found = Space.parse(row.space), {}
    for one in row.stages:
        if (search := searches.get(one.sweep_id or 0)) is not None:
            now = Space.parse(search.space)
            found[one.number], before = moves(before, now), now
    return found
