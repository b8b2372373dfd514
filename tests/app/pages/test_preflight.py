"""The preflight page: which preflight it shows, and what it sends."""

import math
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from learning.preflight.check_result import Check
from store.db.database import Database
from store.jobs import preflights
from tests.support.html import BROWSER, parse_page, read_data

GOOD = Check("data", "The data", True, 0.0, "<=", 0.0, "All is well.", ((0.0, 7.0), (1.0, 8.0)))
BAD = Check("lr-probe", "Learning rate", False, math.nan, ">=", 0.02, "No.", ((1e-3, 2.3), (1.0, math.inf)))


@pytest.fixture
def done(client: TestClient) -> int:
    """The number of a preflight of the digits that has ended, before a newer one that waits."""
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    number: int = client.post("/api/preflights", json={}).json()["id"]
    with database.write() as c:
        claim = preflights.claim(c, "tester", time.time())
        assert claim is not None
        for check in (GOOD, BAD):
            preflights.record(c, claim, check)
        preflights.finish(c, claim, time.time())
    client.post("/api/preflights", json={"settings": {"hidden": [7]}})
    return number


def shown(client: TestClient, path: str) -> dict[str, Any]:
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == 200
    return read_data(answer.text)


def test_without_any_it_offers_to_run_one(client: TestClient) -> None:
    data = shown(client, "/preflight")
    assert data == {"preflight": None, "compared": [], "earlier": [], "dataset": "digits"}
    assert "lossdeck preflight --wait" in client.get("/preflight", headers=BROWSER).text


def test_it_shows_the_latest_or_the_one_that_is_named(client: TestClient, done: int) -> None:
    assert shown(client, "/preflight")["preflight"]["id"] == done + 1
    assert shown(client, "/preflight?dataset=digits")["preflight"]["id"] == done + 1
    named = shown(client, f"/preflight?id={done}")["preflight"]
    assert named == client.get(f"/api/preflights/{done}").json()
    assert named["checks"][1]["flags"] == {"figure": "nan"}


def test_a_data_set_without_one_shows_none(client: TestClient, done: int) -> None:
    assert shown(client, "/preflight?dataset=cifar10")["preflight"] is None


def test_the_list_has_all_oldest_first_without_curves(client: TestClient, done: int) -> None:
    earlier = shown(client, "/preflight")["earlier"]
    assert [(row["id"], row["state"], row["checks"], row["failed"]) for row in earlier] == [
        (done, "finished", [], ["lr-probe"]),
        (done + 1, "queued", [], []),
    ]


def test_a_number_that_is_not_there_is_404(client: TestClient) -> None:
    answer = client.get("/preflight?id=7", headers=BROWSER)
    assert answer.status_code == 404
    assert "There is no preflight 7." in answer.text


def test_every_page_links_to_it(client: TestClient) -> None:
    page = parse_page(client.get("/workers", headers=BROWSER).text)
    assert page.select('a[href="/preflight"]')


def test_some_are_shown_side_by_side(client: TestClient, done: int) -> None:
    data = shown(client, f"/preflight?compare={done},{done + 1},{done}")
    assert data["preflight"] is None
    assert data["compared"] == [client.get(f"/api/preflights/{id}").json() for id in (done, done + 1)]
    assert shown(client, f"/preflight?compare={done},x")["compared"] == []
    answer = client.get(f"/preflight?compare={done},99", headers=BROWSER)
    assert (answer.status_code, "There is no preflight 99." in answer.text) == (404, True)
