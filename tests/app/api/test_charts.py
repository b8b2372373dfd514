"""What feeds charts over HTTP: columns of trials and thinned curves, and questions that are refused."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.made_up_worker import Crew

Post = Callable[..., dict[str, Any]]


def test_columns_come_with_the_cursor_of_the_stream(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    id = post_sweep()["id"]
    crew.finish_all()
    query = {"of": "number,state,lr", "sort": "-number", "filter": "number < 3"}
    body = client.get(f"/api/sweeps/{id}/columns", params=query).json()
    assert body["columns"]["number"] == [2, 1, 0]
    assert body["columns"]["state"] == ["finished"] * 3
    exact = [row["settings"]["lr"] for row in client.get(f"/api/sweeps/{id}/trials").json()["trials"]]
    assert body["columns"]["lr"] == pytest.approx([exact[2], exact[1], exact[0]], rel=1e-6)
    assert body["cursor"] >= client.get(f"/api/sweeps/{id}/epochs").json()["cursor"]


def test_curves_are_thinned_as_asked(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    id = post_sweep(settings={"epochs": 5, "val_count": 300, "hidden": [10]})["id"]
    crew.finish_all()
    query = {"numbers": "1,3,99", "of": "val_acc", "points": 2, "elapsed": True}
    curves = client.get(f"/api/sweeps/{id}/curves", params=query).json()["curves"]
    assert [(one["number"], one["stride"], one["epoch"]) for one in curves] == [
        (1, 4, [1, 5]),
        (3, 4, [1, 5]),
    ]
    assert curves[0]["metrics"] == {"val_acc": pytest.approx([1 - 0.95 / n for n in (1, 5)])}
    assert curves[0]["elapsed"] == pytest.approx([0.01, 0.05])


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("columns", {"of": "number,password"}, "of"),
        ("columns", {"of": ",".join(["lr"] * 41)}, "of"),
        ("columns", {"of": "lr", "filter": "lr >"}, "filter"),
        ("columns", {"of": "lr", "sort": "nothing"}, "sort"),
        ("columns", {}, "of"),
        ("curves", {"numbers": "1,x"}, "numbers"),
        ("curves", {"numbers": ""}, "numbers"),
        ("curves", {"numbers": ",".join(["1"] * 1_001)}, "numbers"),
        ("curves", {"numbers": ",".join(["1"] * 100), "points": 5_000}, "points"),
        ("curves", {"numbers": "1", "points": 0}, "points"),
        ("curves", {"numbers": "1", "of": "trace"}, "of"),
    ],
)
def test_a_bad_question_is_refused_by_field(
    client: TestClient, post_sweep: Post, path: str, query: Any, field: str
) -> None:
    answer = client.get(f"/api/sweeps/{post_sweep()['id']}/{path}", params=query)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_of_a_sweep_that_is_not_there(client: TestClient) -> None:
    assert client.get("/api/sweeps/9/columns", params={"of": "lr"}).status_code == 404
    assert client.get("/api/sweeps/9/curves", params={"numbers": "1"}).status_code == 404
