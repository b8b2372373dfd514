"""Routes for ensembles: measure the average of a sweep's best nets, or download them as one file."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.api.trials import FileFormat
from app.http.resources import Resources
from app.http.responses import attachment_response
from app.schemas.ensembles import EnsembleOut
from app.schemas.fields import Id
from app.usecases import ensemble, model_file
from app.usecases.ensemble import Ensemble
from store.read import sweeps

Top = Annotated[int, Query(ge=2, le=ensemble.MAX_NETS, description="How many of the best kept nets.")]

router = APIRouter(prefix="/api/sweeps", tags=["ensembles"])


@router.get("/{id}/ensemble", response_model=EnsembleOut)
def read_ensemble(id: Id, resources: Resources, top: Top = ensemble.DEFAULT_NETS) -> Ensemble:
    """What the mean of the best nets' probabilities is worth on the sweep's validation part."""
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
        rows = ensemble.find_members(c, sweep, top, resources.files)
    return ensemble.measure_ensemble(rows, sweep, resources.config, resources.files)


@router.get(
    "/{id}/ensemble/model",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "A file of arrays"}},
)
def download_ensemble(
    id: Id, resources: Resources, top: Top = ensemble.DEFAULT_NETS, format: FileFormat = "npz"
) -> Response:
    """The best nets in one file, as of one trial, each array behind its net's place (`0.W1`).

    `about` lists the nets; `lossdeck predict` takes the file and averages them.
    """
    with resources.database.read() as c:
        sweep = sweeps.must_get(c, id)
        rows = ensemble.find_members(c, sweep, top, resources.files)
    content = model_file.to_bytes(ensemble.load_models(rows, resources.files), format)
    return attachment_response(content, f"sweep-{id}-top-{len(rows)}.{format}", "application/octet-stream")
