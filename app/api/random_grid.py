"""Routes for random against grid: search one space both ways, and compare the two sweeps."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.http.resources import Resources
from app.schemas.random_grid import RandomGridIn, RandomGridOut
from app.usecases import random_grid
from store.actions import sweep_actions

router = APIRouter(prefix="/api/random-grid", tags=["random against grid"])


@router.post("", status_code=201, response_model=RandomGridOut)
def start_comparison(
    resources: Resources, response: Response, body: RandomGridIn | None = None
) -> RandomGridOut:
    """Start a grid and a random sweep of one space: same budget, same net, same seed."""
    planned = random_grid.plan_sweeps(body or RandomGridIn(), resources.config)
    with resources.database.write() as c:
        ids = [
            sweep_actions.create(c, new, time.time(), workers=resources.config.workers).id for new in planned
        ]
        compared = random_grid.load_pair(c, ids)
    response.headers["location"] = f"/api/random-grid?sweeps={','.join(map(str, ids))}"
    return random_grid.compare_pair(compared, resources.config)


@router.get("", response_model=RandomGridOut)
def read_comparison(
    resources: Resources,
    pair: Annotated[str, Query(alias="sweeps", max_length=50, description="Two sweeps of one space: `4,5`.")],
) -> RandomGridOut:
    """Two sweeps of one space side by side: what each tried of every setting, and how far it came."""
    with resources.database.read() as c:
        compared = random_grid.load_pair(c, random_grid.parse_pair(pair))
    return random_grid.compare_pair(compared, resources.config)
