"""Routes for repeats: train a trial again from other seeds, and read how the results vary."""

import time

from fastapi import APIRouter, Response

from app.http.problems import Problem
from app.http.resources import Resources
from app.schemas.fields import Id
from app.schemas.repeats import RepeatsIn, RepeatsOut
from app.schemas.sweeps import SweepOut
from app.usecases import repeats, sweep_plan
from app.usecases.repeats import Repeats
from store.actions import sweep_actions
from store.read import sweeps, trials
from store.read.sweeps import Sweep

router = APIRouter(prefix="/api", tags=["repeats"])


@router.post("/trials/{id}/repeats", status_code=201, response_model=SweepOut)
def repeat_trial(id: Id, resources: Resources, response: Response, body: RepeatsIn | None = None) -> Sweep:
    """Train a trial again from other seeds: a sweep with the same settings, whose parent is the trial's."""
    with resources.database.read() as c:
        trial = trials.must_get(c, id)
        sweep = sweeps.must_get(c, trial.sweep_id)
    with resources.database.write() as c:
        tried = repeats.find_tried_seeds(c, sweep, trial)
        new = sweep_plan.plan_repeats(body or RepeatsIn(), trial, sweep, tried, resources.config)
        created = sweep_actions.create(c, new, time.time(), workers=resources.config.workers)
    response.headers["location"] = f"/api/sweeps/{created.id}"
    return created


@router.get("/sweeps/{id}/repeats", response_model=RepeatsOut)
def read_repeats(id: Id, resources: Resources) -> Repeats:
    """What a trial's settings come to over the seeds of a sweep whose trials differ in nothing else."""
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
        found = repeats.summarize_repeats(c, sweep)
    if found is None:
        raise Problem(409, f"Sweep {id} repeats nothing: its trials must be alike in all but their seeds.")
    return found
