"""Routes of repeats: train a trial again over seeds, and what the seeds show."""

import time

from fastapi import APIRouter
from starlette.responses import JSONResponse

from app.api.sweeps import found as found_sweep
from app.api.trials import found as found_trial
from app.http.problems import Problem
from app.http.resources import Resources
from app.http.responses import StrictJSONResponse, created_response
from app.schemas.fields import Id
from app.schemas.repeats import RepeatsIn, RepeatsOut
from app.schemas.sweeps import SweepOut, sweep_json
from app.usecases import repeats, sweep_plan
from app.usecases.repeats import repeats_json
from store.actions import sweep_actions

router = APIRouter(prefix="/api", tags=["repeats"])


@router.post("/trials/{id}/repeats", status_code=201, response_model=SweepOut)
def repeat_trial(id: Id, parts: Resources, body: RepeatsIn | None = None) -> JSONResponse:
    """Train a trial again from other seeds: a sweep with the same settings, whose parent is the trial's."""
    trial = found_trial(parts, id)
    of = found_sweep(parts, trial.sweep_id)
    with parts.database.write() as c:
        tried = repeats.find_tried_seeds(c, of, trial)
        new = sweep_plan.plan_repeats(body or RepeatsIn(), trial, of, tried, parts.config)
        sweep = sweep_actions.create(c, new, time.time(), workers=parts.config.workers)
    return created_response(f"/api/sweeps/{sweep.id}", sweep_json(sweep))


@router.get("/sweeps/{id}/repeats", response_model=RepeatsOut)
def read_repeats(id: Id, parts: Resources) -> JSONResponse:
    """What a trial's settings come to over the seeds of a sweep whose trials differ in nothing else."""
    sweep = found_sweep(parts, id)
    with parts.database.read() as c:
        found = repeats.summarize_repeats(c, sweep)
    if found is None:
        raise Problem(409, f"Sweep {id} repeats nothing: its trials must be alike in all but their seeds.")
    return StrictJSONResponse(repeats_json(found))
