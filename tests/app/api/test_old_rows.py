"""Rows of an older version: what today's rules for input would refuse is shown all the same."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from app.schemas.sweeps import SweepIn
from learning.errors import Invalid
from learning.settings import Settings
from store.db.database import Database
from store.db.tables import preflight, sweep, trial
from tests.support.made_up_worker import Crew

TOO_LARGE = 1e15  # of lr: three decades above what a request may ask for
OLD = {"lr": TOO_LARGE, "update": "lion", "epochs": 4, "hidden": [9000], "warmup": 7, "seed": 0}
OLD_SPACE = {"lr": {"log_uniform": [1e-6, TOO_LARGE]}, "update": {"choice": ["lion", "sgd"]}}
OLD_RULE = {"patience": {"epochs": 99_999, "by": 7.0, "forgotten": 1}}

PATHS = (
    "/api/sweeps",
    "/api/sweeps/1",
    "/api/sweeps/1/trials",
    "/api/sweeps/1/trials?filter=lr > 1e14",
    "/api/sweeps/1/columns?of=lr,update,hidden",
    "/api/sweeps/1/findings",
    "/api/sweeps/1/refinement",
    "/api/sweeps/1/family",
    "/api/sweeps/1/export?format=csv",
    "/api/sweeps/1/export?format=jsonl",
    "/api/sweeps/1/export?format=html",
    "/api/sweeps/1/export?format=transcript",
    "/api/trials/1",
    "/api/trials/1/findings",
    "/api/trials/1/transcript",
    "/api/preflights",
    "/api/preflights/1",
    "/",
    "/sweeps/1",
    "/sweeps/new?from=1",
    "/trials/1",
    "/compare?trials=1,2",
    "/preflight?id=1",
)


@pytest.fixture
def old(client: TestClient, post_sweep: Callable[..., object], crew: Crew) -> TestClient:
    """A sweep of four trained trials whose rows, and a preflight's, were written under other rules."""
    post_sweep()
    crew.finish_all()
    client.post("/api/preflights", json={})
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    with database.write() as c:
        c.execute(update(trial).values(settings=OLD))
        c.execute(update(sweep).values(settings=OLD, space=OLD_SPACE, stopping=OLD_RULE))
        c.execute(update(preflight).values(settings=OLD))
    return client


@pytest.mark.parametrize("path", PATHS)
def test_an_old_row_is_shown(old: TestClient, path: str) -> None:
    answer = old.get(path)
    assert answer.status_code == 200, answer.text


def test_it_is_shown_as_it_is(old: TestClient) -> None:
    shown: dict[str, Any] = old.get("/api/trials/1").json()["settings"]
    assert (shown["lr"], shown["update"], shown["hidden"]) == (TOO_LARGE, "lion", [9000])
    assert shown["momentum"] == Settings().momentum  # which the row lacks
    made = old.get("/api/sweeps/1").json()
    assert made["space"] == OLD_SPACE
    assert made["stopping"] == {"patience": {"epochs": 99_999, "by": 7.0}}
    assert made["settings"] == OLD


def test_a_request_may_still_not_ask_for_it(old: TestClient) -> None:
    with pytest.raises(Invalid):
        Settings.parse({"lr": TOO_LARGE})
    with pytest.raises(ValueError, match="lr"):
        SweepIn.model_validate({"space": OLD_SPACE, "trials": 2})
    refused = old.post("/api/sweeps/1/trials", json={"trials": 2})
    assert refused.status_code == 422
    assert "lr" in refused.json()["detail"]
