"""Routes for workers and recipes."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.http.resources import Resources
from app.schemas.fields import MAX_NAME
from app.schemas.sweeps import RecipesOut
from app.schemas.workers import WorkersOut
from app.usecases import sweep_plan
from learning.data import catalog
from store.queue import workers

router = APIRouter(prefix="/api", tags=["workers"])


@router.get("/workers", response_model=WorkersOut)
def list_workers(resources: Resources) -> dict[str, object]:
    """Every worker that registered, the living first."""
    with resources.database.read() as c:
        return {"workers": workers.list_all(c)}


@router.get("/recipes", response_model=RecipesOut, tags=["sweeps"])
def list_recipes(
    resources: Resources,
    dataset: Annotated[str, Query(max_length=MAX_NAME, description="Whose numbers to give.")] = "digits",
) -> dict[str, object]:
    """The lecture's checks and searches, with the numbers that fit a data set."""
    if not catalog.is_built_in(dataset):
        sweep_plan.require_dataset(dataset, resources.config)  # refuses one that nobody knows
    return {"recipes": sweep_plan.list_recipes(dataset, resources.config)}
