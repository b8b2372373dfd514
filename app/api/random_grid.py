"""Routes of random against grid: start both searches of one problem, and set two side by side."""

import time
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from app.http.resources import Resources
from app.http.responses import StrictJSONResponse, created_response
from app.schemas.random_grid import RandomGridIn, RandomGridOut
from app.usecases import random_grid
from store.actions import sweep_actions

router = APIRouter(prefix="/api/random-grid", tags=["random against grid"])


@router.post("", status_code=201, response_model=RandomGridOut)
def start_comparison(parts: Resources, body: RandomGridIn | None = None) -> JSONResponse:
    """Start a grid and a random sweep of one space: same budget, same net, same seed."""
    planned = random_grid.plan_sweeps(body or RandomGridIn(), parts.config)
    with parts.database.write() as c:
        made = [sweep_actions.create(c, new, time.time(), workers=parts.config.workers).id for new in planned]
        found = random_grid.load_pair(c, made)
    address = f"/api/random-grid?sweeps={','.join(map(str, made))}"
    return created_response(address, random_grid.pair_json(found, parts.config))


@router.get("", response_model=RandomGridOut)
def read_comparison(
    parts: Resources,
    pair: Annotated[str, Query(alias="sweeps", max_length=50, description="Two sweeps of one space: `4,5`.")],
) -> JSONResponse:
    """Two sweeps of one space side by side: what each tried of every setting, and how far it came."""
    with parts.database.read() as c:
        found = random_grid.load_pair(c, random_grid.parse_pair(pair))
    return StrictJSONResponse(random_grid.pair_json(found, parts.config))
