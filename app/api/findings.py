"""Routes for what a sweep shows: its findings, the finer sweep it suggests, its family and its export."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from app.http.paging import Pages
from app.http.resources import Resources
from app.http.responses import attachment_response
from app.reports import sweep_html, tables, transcript
from app.schemas.fields import Id, Limit, Offset
from app.schemas.findings import (
    RefinementIn,
    RefinementOut,
    SweepFindingsOut,
)
from app.schemas.sweeps import FamilyOut, SweepOut
from app.usecases import findings, sweep_plan
from learning.refinement.refinement import Refinement
from store.actions import sweep_actions
from store.queue import epochs
from store.read import related_sweeps, sweeps, trials
from store.read.sweeps import Sweep

router = APIRouter(prefix="/api/sweeps", tags=["advice"])

MAX_EXPORTED_ROWS = 1_000_000


@router.get("/{id}/findings", response_model=SweepFindingsOut)
def read_findings(
    id: Id, resources: Resources, pages: Pages, limit: Limit = 100, offset: Offset = 0
) -> dict[str, object]:
    """What the trials of a sweep say together, and how important each searched setting is."""
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
    found, importance = findings.diagnose_sweep(sweep, resources.database, resources.config)
    return {"findings": pages.cut(found, limit, offset), "importance": importance}


@router.get("/{id}/refinement", response_model=RefinementOut)
def read_refinement(id: Id, resources: Resources) -> Refinement:
    """The finer search that the trials suggest."""
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
    return findings.propose_refinement(sweep, resources.database, resources.config)


@router.post("/{id}/refinement", status_code=201, response_model=SweepOut)
def start_refinement(
    id: Id, resources: Resources, response: Response, body: RefinementIn | None = None
) -> Sweep:
    """Start the finer search, with changes of yours; its `parent_id` is this sweep."""
    with resources.database.read() as c:
        parent = sweeps.must_get(c, id)
    proposed = findings.propose_refinement(parent, resources.database, resources.config)
    child = sweep_plan.refinement_body(body or RefinementIn(), parent, proposed)
    new = sweep_plan.plan_sweep(child, resources.config, parent_id=id)
    with resources.database.write() as c:
        sweep = sweep_actions.create(c, new, time.time(), workers=resources.config.workers)
    response.headers["location"] = f"/api/sweeps/{sweep.id}"
    return sweep


@router.get("/{id}/family", response_model=FamilyOut)
def list_family(id: Id, resources: Resources) -> dict[str, object]:
    """The sweeps that this one came from and that came from it, itself among them, in the order made."""
    with resources.database.read() as c:
        sweeps.must_get(c, id)
        return {"sweeps": related_sweeps.list_family(c, id)}


@router.get(
    "/{id}/export",
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {}, "application/x-ndjson": {}, "text/html": {}, "text/plain": {}}}
    },
)
def export_sweep(
    id: Id,
    resources: Resources,
    format: Annotated[
        Literal["csv", "jsonl", "html", "transcript"],
        Query(
            description="csv: a row a trial. jsonl: a line a trial, with its epochs. html: a report. "
            "transcript: the lines that the lecture's programs print."
        ),
    ] = "csv",
    filter: Annotated[
        str | None, Query(max_length=2_000, description="Only these trials: `number in (1, 5, 7)`.")
    ] = None,
) -> Response:
    """A sweep as a file."""
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
        rows, _ = trials.list_page(c, id, MAX_EXPORTED_ROWS, filter=filter)
        curves = epochs.list_by_sweep(c, id, 0, MAX_EXPORTED_ROWS, False)[0] if format != "csv" else ()
    if filter:
        chosen = {row.id for row in rows}
        curves = tuple(row for row in curves if row.trial_id in chosen)
    if format == "csv":
        text, media_type = tables.format_csv(rows), "text/csv; charset=utf-8"
    elif format == "jsonl":
        text, media_type = tables.format_jsonl(rows, curves), "application/x-ndjson"
    elif format == "transcript":
        text, media_type = transcript.format_sweep(rows, curves, sweep.trials), "text/plain; charset=utf-8"
    else:
        found = findings.find_in_sweep(sweep, resources.database, resources.config)
        text, media_type = sweep_html.render_report(sweep, rows, curves, found), "text/html; charset=utf-8"
    return attachment_response(text, f"sweep-{id}.{'txt' if format == 'transcript' else format}", media_type)
