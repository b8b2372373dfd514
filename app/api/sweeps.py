"""Routes for sweeps: create, read, change, pause, stop and delete them, and read their new epochs."""

import hashlib
import time
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from app.http.paging import Pages
from app.http.problems import invalid_field
from app.http.resources import AppResources, Resources
from app.http.responses import model_response
from app.render import markdown
from app.schemas.fields import Cursor, Id, Limit, Offset
from app.schemas.sweeps import (
    DraftOut,
    SweepChange,
    SweepIn,
    SweepMadeOut,
    SweepNotesOut,
    SweepOut,
    SweepsOut,
)
from app.schemas.trials import EpochsOut
from app.usecases import preflight_warning, sweep_plan
from learning.states import SWEEP_STATES
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db.database import Connection
from store.queue import epochs
from store.read import sweeps, training_speed
from store.read.sweeps import Sweep

MAX_SHOWN_DRAWS = 1_000  # of a dry run

router = APIRouter(prefix="/api/sweeps", tags=["sweeps"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of yours: a request that is sent again with its key makes no second sweep.",
    ),
]


@router.post(
    "",
    status_code=201,
    response_model=SweepMadeOut,
    responses={200: {"model": DraftOut, "description": "The answer to a dry run"}},
)
def create_sweep(
    body: SweepIn,
    resources: Resources,
    response: Response,
    dry_run: Annotated[
        bool, Query(description="Only say what would be drawn and how long it would take.")
    ] = False,
    idempotency_key: IdempotencyKey = None,
) -> SweepMadeOut | Response:
    """Start a search."""
    new = sweep_plan.plan_sweep(body, resources.config)
    if dry_run:
        return model_response(_draft(new, resources), status=200)
    idempotency = None
    if idempotency_key is not None:
        idempotency = (idempotency_key, hashlib.sha256(body.to_text().encode()).hexdigest())
    with resources.database.write() as c:
        sweep = sweep_actions.create(c, new, time.time(), idempotency, resources.config.workers)
        warnings = preflight_warning.find_warnings(c, new, new.trials, resources.config.home)
    response.headers["location"] = f"/api/sweeps/{sweep.id}"
    return SweepMadeOut.of(sweep, warnings=warnings)


@router.get("", response_model=SweepsOut)
def list_sweeps(
    resources: Resources, pages: Pages, limit: Limit = 100, offset: Offset = 0
) -> dict[str, object]:
    """All sweeps, newest first."""
    with resources.database.read() as c:
        rows, total = sweeps.list_all(c, limit, offset)
    pages.add(limit, offset, total)
    return {"sweeps": rows, "total": total}


@router.get("/{id}", response_model=SweepNotesOut)
def read_sweep(id: Id, resources: Resources) -> SweepNotesOut:
    """One sweep, with its notes and warnings."""
    with resources.database.read() as c:
        return _add_notes(c, sweeps.must_get(c, id), resources)


@router.patch("/{id}", response_model=SweepNotesOut)
def update_sweep(id: Id, body: SweepChange, resources: Resources) -> SweepNotesOut:
    """Give a sweep another name, other tags or notes."""
    if body.name is None and body.tags is None and body.notes is None:
        raise invalid_field("name", None, "Give at least one of name, tags and notes.")
    with resources.database.write() as c:
        sweep = sweep_actions.describe(c, id, body.name, body.tags, body.notes)
        return _add_notes(c, sweep, resources)


@router.delete("/{id}", status_code=204)
def delete_sweep(id: Id, resources: Resources) -> Response:
    """Delete a sweep that has ended, with all its trials, curves and models."""
    with resources.database.write() as c:
        removed = sweep_actions.delete(c, id)
    for group_id in removed.group_ids:
        resources.files.drop_checkpoints(group_id)
    resources.files.keep_models((), removed.trial_ids)
    return Response(status_code=204)


@router.post("/{id}/pause", response_model=SweepOut)
def pause_sweep(id: Id, resources: Resources) -> Sweep:
    """Start nothing new; what runs, runs on."""
    return _act(resources, id, "pause")


@router.post("/{id}/resume", response_model=SweepOut)
def resume_sweep(id: Id, resources: Resources) -> Sweep:
    """Take a paused sweep up again."""
    return _act(resources, id, "resume")


@router.post("/{id}/stop", response_model=SweepOut)
def stop_sweep(id: Id, resources: Resources) -> Sweep:
    """Let running trials end and cancel the queued ones."""
    return _act(resources, id, "stop")


@router.post("/{id}/cancel", response_model=SweepOut)
def cancel_sweep(id: Id, resources: Resources) -> Sweep:
    """End it now; running trials stop at their next epoch."""
    return _act(resources, id, "cancel")


@router.get("/{id}/epochs", response_model=EpochsOut)
def read_sweep_epochs(
    id: Id,
    resources: Resources,
    after: Cursor = 0,
    limit: Limit = 10_000,
    trace: Annotated[bool, Query(description="Send the mini-batch traces too.")] = True,
) -> dict[str, object]:
    """What is new since a cursor; ask again with the cursor of the answer."""
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
        rows, cursor = epochs.list_by_sweep(c, id, after, limit, trace)
    done = SWEEP_STATES[sweep.state].ended and len(rows) < limit
    return {"epochs": rows, "cursor": cursor, "done": done}


def _add_notes(c: Connection, sweep: Sweep, resources: AppResources) -> SweepNotesOut:
    notes = sweeps.get_notes(c, sweep.id)
    warnings = preflight_warning.find_sweep_warnings(c, sweep, resources.config.home)
    return SweepNotesOut.of(sweep, notes=notes, notes_html=markdown.render_html(notes), warnings=warnings)


def _act(resources: AppResources, id: int, action: str) -> Sweep:
    with resources.database.write() as c:
        return sweep_actions.act(c, id, action, time.time())


def _draft(new: NewSweep, resources: AppResources) -> DraftOut:
    summary = sweep_plan.require_dataset(new.dataset, resources.config)
    with resources.database.read() as c:
        rate = training_speed.measure_flops_per_second(c, sweep_plan.make_flops_counter(resources.config))
        warnings = preflight_warning.find_warnings(c, new, new.trials, resources.config.home)
    seconds = sweep_plan.estimate_seconds(new.trials, summary, rate, resources.config.workers, new.stopping)
    draft = {
        "draws": new.trials[:MAX_SHOWN_DRAWS],
        "trials": len(new.trials),
        "estimated_seconds": seconds,
        "warnings": warnings,
    }
    return DraftOut.model_validate(draft)
