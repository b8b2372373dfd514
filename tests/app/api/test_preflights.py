"""Preflights over HTTP: queued with the right net, read while they run, refused with a sentence."""

import math
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from learning.preflight.check_result import Check
from learning.preflight.preflight import CHECK_CODES
from learning.search.recipes import plan_recipe
from store.db.database import Database
from store.jobs import preflights
from store.jobs.preflights import Claim

GOOD = Check("data", "The data", True, 0.0, "<=", 0.0, "All is well.", ((0.0, 7.0), (1.0, 8.0)))
BAD = Check(
    "lr-probe",
    "Learning rate",
    False,
    math.nan,
    ">=",
    0.02,
    "No.",
    ((1e-3, 2.3), (1.0, math.inf)),
    ((1e-3, 0.4),),
    ("one", "two"),
    (1e-3, 1e-2),
)


@pytest.fixture
def database(client: TestClient) -> Database:
    found: Database = client.app.state.database  # type: ignore[attr-defined]
    return found


def post(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/preflights", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/preflights/{answer.json()['id']}"
    return dict(answer.json())


def claim(database: Database) -> Claim:
    with database.write() as c:
        found = preflights.claim(c, "tester", time.time())
    assert found is not None
    return found


def test_a_new_one_is_queued_with_the_coarse_searchs_net(client: TestClient) -> None:
    made = post(client)
    assert client.get(f"/api/preflights/{made['id']}").json() == made
    assert (made["dataset"], made["state"], made["passed"], made["checks"]) == ("digits", "queued", None, [])
    assert made["checks_total"] == len(CHECK_CODES)
    wanted = plan_recipe("coarse", "digits", 1500).settings
    assert {name: made["settings"][name] for name in wanted} == wanted
    assert made["settings"]["seed"] is not None


@pytest.mark.parametrize(
    ("body", "hidden", "init_scale", "val_count"),
    [
        ({"settings": {"hidden": [20]}}, [20], 1e-4, 1000),
        ({"recipe": "fine", "settings": {"hidden": [20]}}, [20], 1e-2, 300),
        ({"recipe": "fine"}, [50], 1e-2, 300),
    ],
)
def test_settings_and_recipe_choose_the_net(
    client: TestClient, body: dict[str, Any], hidden: list[int], init_scale: float, val_count: int
) -> None:
    settings = post(client, **body)["settings"]
    assert (settings["hidden"], settings["init_scale"], settings["val_count"]) == (
        hidden,
        init_scale,
        val_count,
    )


def test_the_seed_is_the_callers(client: TestClient) -> None:
    one, same, other = (post(client, seed=seed)["settings"]["seed"] for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"dataset": "nowhere"}, "dataset"),
        ({"recipe": "nothing"}, "recipe"),
        ({"settings": {"lr": -1}}, "settings.lr"),
        ({"settings": {"colour": "red"}}, "settings.colour"),
        ({"settings": {"val_count": 5000}}, "settings.val_count"),
        ({"settings": {"hidden": [4096, 4096, 4096], "val_count": 300}}, "settings.hidden"),
        ({"seed": -1}, "seed"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    client: TestClient, body: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/preflights", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert client.get("/api/preflights").json()["total"] == 0


def test_checks_show_as_they_come(client: TestClient, database: Database) -> None:
    address, claimed = f"/api/preflights/{post(client)['id']}", claim(database)
    with database.write() as c:
        preflights.record(c, claimed, GOOD)
        preflights.record(c, claimed, BAD)
    running = client.get(address).json()
    assert (running["state"], running["passed"], running["worker"]) == ("running", None, "tester")
    good, bad = running["checks"]
    assert good == {
        "code": "data",
        "title": "The data",
        "passed": True,
        "figure": 0.0,
        "relation": "<=",
        "threshold": 0.0,
        "sentence": "All is well.",
        "curve": [[0.0, 7.0], [1.0, 8.0]],
        "accuracy": [],
        "names": [],
        "span": None,
        "flags": {},
    }
    assert (bad["figure"], bad["flags"], bad["curve"][1]) == (None, {"figure": "nan"}, [1.0, None])
    assert (bad["accuracy"], bad["names"], bad["span"]) == ([[1e-3, 0.4]], ["one", "two"], [1e-3, 1e-2])
    with database.write() as c:
        preflights.finish(c, claimed, time.time())
    done = client.get(address).json()
    assert (done["state"], done["passed"]) == ("finished", False)
    assert (running["verdict"], done["verdict"]) == (None, "lr-probe did not pass")


def test_one_that_could_not_be_run_says_why(client: TestClient, database: Database) -> None:
    made, claimed = post(client), claim(database)
    with database.write() as c:
        preflights.fail(c, claimed, "no space left", time.time())
    failed = client.get(f"/api/preflights/{made['id']}").json()
    assert (failed["state"], failed["passed"], failed["reason"]) == ("failed", None, "no space left")


def test_the_list_has_the_newest_first_and_knows_data_sets(client: TestClient) -> None:
    ids = [post(client)["id"] for _ in range(3)]
    page = client.get("/api/preflights", params={"limit": 2, "offset": 1}).json()
    assert ([one["id"] for one in page["preflights"]], page["total"]) == ([ids[1], ids[0]], 3)
    assert client.get("/api/preflights", params={"dataset": "digits"}).json()["total"] == 3
    assert client.get("/api/preflights", params={"dataset": "cifar10"}).json() == {
        "preflights": [],
        "total": 0,
    }


def test_cancelling_is_allowed_until_the_end(client: TestClient) -> None:
    address = f"/api/preflights/{post(client)['id']}"
    assert client.post(f"{address}/cancel").json()["state"] == "cancelled"
    again = client.post(f"{address}/cancel")
    assert again.status_code == 409
    assert "is cancelled" in again.json()["detail"]


def test_an_unknown_one_is_not_found(client: TestClient) -> None:
    for answer in (client.get("/api/preflights/7"), client.post("/api/preflights/7/cancel")):
        assert answer.status_code == 404
        assert answer.json()["detail"] == "There is no preflight 7."


def test_openapi_knows_them(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths["/api/preflights"]) == {"get", "post"}
    assert set(paths["/api/preflights/{id}"]) == {"get"}
