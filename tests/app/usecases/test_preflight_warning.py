"""A sweep whose net has not passed a preflight says so, offers to run it, and runs all the same."""

import io
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from learning.preflight.check_result import Check
from store.db.database import Database
from store.jobs import preflights
from tests.support.html import BROWSER
from tests.support.made_up_worker import BODY

Post = Callable[..., dict[str, Any]]
GOOD = Check("data", "The data", True, 0.0, "<=", 0.0, "All is well.", ((0.0, 7.0),))
BAD = Check("learns", "Learns", False, 0.1, ">=", 0.2, "No.", ((1.0, 0.1),))


@pytest.fixture
def database(client: TestClient) -> Database:
    found: Database = client.app.state.database  # type: ignore[attr-defined]
    return found


def end(database: Database, *checks: Check, now: float | None = None) -> None:
    """Runs the first queued preflight to its end."""
    with database.write() as c:
        claim = preflights.claim(c, "tester", time.time())
        assert claim is not None
        for check in checks:
            preflights.record(c, claim, check)
        preflights.finish(c, claim, now or time.time())


def dry(client: TestClient, **fields: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/sweeps", params={"dry_run": True}, json=BODY | fields)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["warnings"])


def test_from_no_preflight_to_a_passed_one(client: TestClient, post_sweep: Post, database: Database) -> None:
    made = post_sweep()
    (warned,) = made["warnings"]
    assert (warned["code"], warned["preflight_id"]) == ("no-preflight", None)
    assert warned["sentence"].startswith("The net of this sweep has not passed a preflight on digits: ")
    assert dry(client) == made["warnings"] == client.get("/api/sweeps/1").json()["warnings"]
    page = client.get("/sweeps/1", headers=BROWSER).text
    assert "not passed a preflight on digits" in page
    assert "Run the checks" in page

    begun = client.post("/api/preflights", json=warned["preflight"])
    assert begun.status_code == 201, begun.text
    (under_way,) = dry(client)
    assert (under_way["code"], under_way["preflight_id"]) == ("preflight-under-way", 1)
    end(database, GOOD, BAD)
    (failed,) = dry(client)
    assert (failed["code"], failed["preflight_id"]) == ("preflight-failed", 1)
    assert failed["sentence"].endswith("on digits: in preflight 1 learns did not pass.")

    client.post("/api/preflights", json=warned["preflight"])
    end(database, GOOD)
    assert dry(client) == []
    assert client.get("/api/sweeps/1").json()["warnings"] == []
    assert "Run the checks" not in client.get("/sweeps/1", headers=BROWSER).text


def test_another_net_is_another_but_another_search_is_not(client: TestClient, database: Database) -> None:
    client.post("/api/preflights", json={"settings": BODY["settings"]})
    end(database, GOOD)
    assert dry(client) == []
    assert dry(client, space={"reg": {"log_uniform": [1e-5, 1.0]}}, seed=9) == []
    (warned,) = dry(client, settings=BODY["settings"] | {"activation": "tanh"})
    assert warned["preflight"]["settings"]["activation"] == "tanh"
    (of_two,) = dry(client, space={"hidden": {"choice": [10, 20]}}, sampler="grid", settings={"val_count": 9})
    assert of_two["sentence"].startswith("1 of the 2 nets of this sweep has not passed")
    assert of_two["preflight"]["settings"]["hidden"] == [20]


def test_of_points_each_net_counts(client: TestClient, post_sweep: Post) -> None:
    nets = [{"hidden": [units], "val_count": 9, "epochs": 1} for units in (5, 6, 7)]
    post_sweep(points=nets, space=None, trials=None, settings={})
    (warned,) = client.get("/api/sweeps/1").json()["warnings"]
    assert warned["sentence"].startswith("3 of the 3 nets of this sweep have not passed")


def test_other_data_under_the_same_name_must_be_checked_again(client: TestClient, database: Database) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, X=np.random.default_rng(0).normal(size=(60, 4)), y=np.arange(60) % 3)
    files = {"file": ("mine.npz", buffer.getvalue())}
    assert client.post("/api/datasets", files=files, data={"name": "mine"}).status_code == 201
    net = BODY["settings"] | {"val_count": 12}
    client.post("/api/preflights", json={"dataset": "mine", "settings": net})
    end(database, GOOD)
    assert dry(client, dataset="mine", settings=net) == []
    client.delete("/api/datasets/mine")
    client.post("/api/datasets", files=files, data={"name": "mine"})
    meta = client.app.state.config.home / "data" / "mine" / "meta.json"  # type: ignore[attr-defined]
    os.utime(meta, (time.time() + 1, time.time() + 1))  # clocks of files may be coarse
    assert [one["code"] for one in dry(client, dataset="mine", settings=net)] == ["no-preflight"]


def test_a_recipes_note_is_on_its_sweeps_page(client: TestClient) -> None:
    assert client.post("/api/sweeps", json={"recipe": "lr-too-high"}).status_code == 201
    assert "A learning rate of a million" in client.get("/sweeps/1", headers=BROWSER).text
