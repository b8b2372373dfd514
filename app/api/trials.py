"""Routes for trials: those of a sweep, and single ones with their epochs, findings and models."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from app.http.paging import Pages
from app.http.problems import Problem, invalid_field
from app.http.resources import Resources
from app.http.responses import attachment_response
from app.reports import transcript
from app.schemas.fields import Cursor, Id, Limit, Offset
from app.schemas.findings import FindingsOut
from app.schemas.trials import (
    BulkIn,
    BulkOut,
    EpochsOut,
    MoreTrials,
    TrialOut,
    TrialsOut,
)
from app.usecases import findings, model_file, sweep_plan
from app.usecases.model_file import Model
from app.usecases.prediction import no_weights_message
from learning.states import TRIAL_STATES
from store.actions import bulk_actions, sweep_actions, trial_actions
from store.queue import epochs
from store.read import sweeps, trials
from store.read.trials import Trial

FileFormat = Annotated[
    Literal["npz", "safetensors"], Query(description="safetensors: if that package is installed.")
]

router = APIRouter(prefix="/api", tags=["trials"])


@router.get("/sweeps/{id}/trials", response_model=TrialsOut)
def list_trials(
    id: Id,
    resources: Resources,
    pages: Pages,
    limit: Limit = 1_000,
    offset: Offset = 0,
    sort: Annotated[
        str,
        Query(max_length=60, description="A field or setting; a minus before it reverses: `-best_val_acc`."),
    ] = "number",
    filter: Annotated[
        str | None, Query(max_length=2_000, description="Such as `lr > 1e-4 and best_val_acc > 0.4`.")
    ] = None,
) -> dict[str, object]:
    """Trials of a sweep, sorted and filtered; `total` counts all that pass the filter."""
    with resources.database.read() as c:
        sweeps.must_get(c, id)
        rows, total = trials.list_page(c, id, limit, offset, sort, filter or None)
    pages.add(limit, offset, total)
    return {"trials": rows, "total": total}


@router.post("/sweeps/{id}/trials", status_code=201, response_model=TrialsOut)
def add_trials(id: Id, body: MoreTrials, resources: Resources, response: Response) -> dict[str, object]:
    """Add trials to a sweep: explicit points, or further draws. Those it has stay as they are."""
    with resources.database.write() as c:
        sweep = sweeps.must_get(c, id)
        rows = sweep_actions.add_trials(
            c,
            id,
            sweep_plan.plan_more_trials(body, sweep, trials.sum_epochs(c, id), resources.config),
            time.time(),
        )
    response.headers["location"] = f"/api/sweeps/{id}/trials"
    return {"trials": rows, "total": len(rows)}


@router.post("/sweeps/{id}/trials/bulk", response_model=BulkOut)
def act_on_trials(id: Id, body: BulkIn, resources: Resources) -> dict[str, object]:
    """Stop, retry, exclude or include many trials in one step; says to which it was not done, and why."""
    if (body.trials is None) == (body.filter is None):
        raise invalid_field(
            "trials", None, 'Give either trials, a list of numbers, or filter, such as "state = diverged".'
        )
    with resources.database.read() as c:
        sweeps.must_get(c, id)
    with resources.database.write() as c:
        outcome = bulk_actions.act(c, id, body.action, time.time(), body.trials, body.filter or "")
    refused = [{"trial": number, "message": why} for number, why in outcome.refused.items()]
    return {"done": outcome.done, "refused": refused}


@router.get("/trials/{id}", response_model=TrialOut)
def read_trial(id: Id, resources: Resources) -> Trial:
    """One trial."""
    with resources.database.read() as c:
        return trials.must_get(c, id)


@router.get("/trials/{id}/epochs", response_model=EpochsOut)
def read_trial_epochs(id: Id, resources: Resources, after: Cursor = 0) -> dict[str, object]:
    """The epochs of a trial, with the traces of the mini-batch cost; with `after` those that are new."""
    with resources.database.read() as c:
        trial = trials.must_get(c, id)
        rows = epochs.list_by_trial(c, id, after)
    done = TRIAL_STATES[trial.state].ended
    cursor = max((row.seq for row in rows), default=after)
    return {"epochs": rows, "cursor": cursor, "done": done}


@router.get(
    "/trials/{id}/transcript",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "A line an epoch"}},
)
def read_transcript(id: Id, resources: Resources) -> Response:
    """A trial as the lecture's trainer prints it."""
    with resources.database.read() as c:
        trial = trials.must_get(c, id)
        rows = epochs.list_by_trial(c, id)
    return Response(transcript.format_trial(trial, rows, 1), media_type="text/plain; charset=utf-8")


@router.get("/trials/{id}/findings", response_model=FindingsOut)
def read_trial_findings(
    id: Id, resources: Resources, pages: Pages, limit: Limit = 100, offset: Offset = 0
) -> dict[str, object]:
    """What the curves of a trial say, most important first."""
    with resources.database.read() as c:
        trial = trials.must_get(c, id)
    found = findings.diagnose_trial(trial, resources.database, resources.config)
    return {"findings": pages.cut(found, limit, offset)}


@router.get(
    "/trials/{id}/model",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "A file of arrays"}},
)
def download_model(
    id: Id,
    resources: Resources,
    format: FileFormat = "npz",
) -> Response:
    """The best weights of a trial (W1, b1, W2, ...) and its preprocessing's arrays, as a file.

    `about` is a JSON text: settings, class names, image shape, epoch and val accuracy; an array of the .npz,
    in the metadata of the .safetensors.
    """
    with resources.database.read() as c:
        trial = trials.must_get(c, id)
    kept = resources.files.load_model(id)
    if kept is None:
        raise Problem(404, no_weights_message(trial))
    content = model_file.to_bytes([Model(*kept)], format)
    return attachment_response(content, model_file.file_name(trial, format), "application/octet-stream")


@router.post("/trials/{id}/stop", response_model=TrialOut)
def stop_trial(id: Id, resources: Resources) -> Trial:
    """End a trial: a queued one now, a running one at its next epoch."""
    with resources.database.write() as c:
        return trial_actions.stop(c, id, time.time())


@router.post("/trials/{id}/retry", response_model=TrialOut)
def retry_trial(id: Id, resources: Resources) -> Trial:
    """Run a trial again that failed, was stopped or was cancelled."""
    with resources.database.write() as c:
        return trial_actions.retry(c, id, time.time())


@router.post("/trials/{id}/exclude", response_model=TrialOut)
def exclude_trial(id: Id, resources: Resources) -> Trial:
    """Leave a trial out of rankings and advice."""
    with resources.database.write() as c:
        return trial_actions.exclude(c, id, True)


@router.post("/trials/{id}/include", response_model=TrialOut)
def include_trial(id: Id, resources: Resources) -> Trial:
    """Take an excluded trial in again."""
    with resources.database.write() as c:
        return trial_actions.exclude(c, id, False)
