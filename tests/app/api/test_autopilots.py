"""Autopilots over HTTP: asked for, weighed, watched while a worker takes their steps, stopped."""

import io
import math
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.render import lr_probe_svg
from learning.search.recipes import plan_recipe
from store.jobs import test_accuracies
from tests.support.made_up_worker import Crew
from worker import autopilot_steps as steps  # the arrows bind the program, not its tests


def post(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/autopilots", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/autopilots/{answer.json()['id']}"
    return dict(answer.json())


def show(client: TestClient, id: int) -> dict[str, Any]:
    return dict(client.get(f"/api/autopilots/{id}").json())


def step(client: TestClient) -> None:
    """What an idle worker does before it claims."""
    steps.advance(client.app.state.database, client.app.state.config)  # type: ignore[attr-defined]


def test_a_new_one_has_the_coarse_recipes_ranges(client: TestClient) -> None:
    made = post(client)
    recipe = plan_recipe("coarse", "digits", 1500)
    assert made == show(client, made["id"])
    assert (made["state"], made["stages"], made["best"], made["test"]) == ("running", [], None, None)
    assert made["to_come"] == ["preflight", "coarse", "fine", "finer"]
    assert made["space"] == recipe.space
    assert made["settings"] == {**recipe.settings, "update": "momentum", "momentum": 0.9}


def test_what_is_given_is_kept(client: TestClient) -> None:
    made = post(client, name="mine", settings={"hidden": [20], "reg": 0.1}, trials=8, seed=4, preflight=False)
    assert (made["name"], made["trials"], made["seed"], made["preflight"]) == ("mine", 8, 4, False)
    assert (made["settings"]["hidden"], made["settings"]["reg"]) == ([20], 0.1)
    assert list(made["space"]) == ["lr"]
    assert made["to_come"] == ["coarse", "fine", "finer"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"dataset": "nowhere"}, "dataset"),
        ({"settings": {"momentum": -1}}, "settings.momentum"),
        ({"settings": {"colour": "red"}}, "settings.colour"),
        ({"settings": {"lr": 0.1, "reg": 0.1}}, "settings"),
        ({"settings": {"val_count": 5000}}, "settings.val_count"),
        ({"settings": {"hidden": [4096, 4096, 4096]}}, "settings.hidden"),
        ({"settings": {"epochs": 100_000}}, "settings.epochs"),
        ({"trials": 3}, "trials"),
        ({"seed": -1}, "seed"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    client: TestClient, body: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/autopilots", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert client.get("/api/autopilots").json() == {"autopilots": [], "total": 0}


def test_its_stages_show_with_what_they_are(client: TestClient, crew: Crew) -> None:
    id = post(client, preflight=False, trials=8)["id"]
    step(client)
    [coarse] = show(client, id)["stages"]
    assert (coarse["name"], coarse["state"], coarse["preflight"]) == ("coarse", "running", None)
    alone = client.get(f"/api/sweeps/{coarse['sweep']['id']}").json()
    assert coarse["sweep"].items() <= alone.items()  # which has notes and warnings, too
    assert coarse["sweep"]["trials"] == 8
    assert show(client, id)["to_come"] == ["fine", "finer"]
    crew.finish_all()
    step(client)
    shown = show(client, id)
    coarse, fine = shown["stages"]
    assert (coarse["state"], fine["state"], fine["name"]) == ("finished", "running", "fine")
    assert fine["sweep"]["parent_id"] == coarse["sweep"]["id"]
    assert shown["best"]["sweep_id"] == coarse["sweep"]["id"]


def test_it_begins_with_the_preflight(client: TestClient) -> None:
    id = post(client)["id"]
    step(client)
    [stage] = show(client, id)["stages"]
    assert (stage["name"], stage["state"], stage["sweep"]) == ("preflight", "queued", None)
    assert stage["preflight"] == client.get(f"/api/preflights/{stage['preflight']['id']}").json()
    step(client)
    assert len(show(client, id)["stages"]) == 1


def test_the_probe_is_placed_by_rate_and_cost() -> None:
    curve = [(1e-4, 2.0), (1e-3, 1.5), (1e-2, 0.0), (1e-1, math.nan), (1.0, math.inf)]
    shown = lr_probe_svg.draw_curve(curve, (1e-3, 1e-2))
    assert shown is not None
    left, top, right, bottom = shown.plot
    assert [one.over for one in shown.marks] == [False, False, False, True, True]
    assert (shown.marks[0].x, shown.marks[-1].x) == (left, right)
    assert shown.marks[2].y == bottom
    assert shown.marks[1].y == pytest.approx((top + bottom) / 2)  # 1.5 of 3.0, which is 1.5 times the first
    assert shown.marks[-1].y == top
    assert shown.band == (shown.marks[1].x, round(shown.marks[2].x - shown.marks[1].x, 1))
    assert [one.text for one in shown.decades] == ["1e-4", "0.001", "0.01", "0.1", "1"]
    assert lr_probe_svg.draw_curve(curve[:1], None) is None


def test_stopping_is_allowed_once(client: TestClient, crew: Crew) -> None:
    id = post(client, preflight=False)["id"]
    step(client)
    stopped = client.post(f"/api/autopilots/{id}/stop").json()
    assert (stopped["state"], stopped["to_come"]) == ("stopped", [])
    assert stopped["stages"][0]["sweep"]["counts"]["cancelled"] == 32
    again = client.post(f"/api/autopilots/{id}/stop")
    assert again.status_code == 409
    assert "is stopped" in again.json()["detail"]
    step(client)
    assert len(show(client, id)["stages"]) == 1


def test_weights_that_are_not_here_are_no_look(client: TestClient, crew: Crew) -> None:
    """The crew trains nothing, as a worker on another machine leaves nothing here."""
    id = post(client, preflight=False, trials=4)["id"]
    for _ in range(4):
        step(client)
        crew.finish_all()
    shown = show(client, id)
    assert (shown["state"], shown["test"]) == ("finished", None)
    assert shown["best"] is not None
    assert client.get(f"/api/autopilots/{id}").json()["test_note"] == "Its weights are on another machine."
    assert "Its weights are on another machine." in client.get(f"/autopilot/{id}").text


@pytest.fixture
def no_test_part(client: TestClient) -> str:
    """A data set of one part."""
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    np.savez(buffer, X=rng.normal(size=(60, 4)), y=np.arange(60) % 3)
    files = {"file": ("one.npz", buffer.getvalue())}
    assert client.post("/api/datasets", files=files, data={"name": "one-part"}).status_code == 201
    return "one-part"


def test_a_data_set_without_a_test_part_is_told_as_soon_as_it_is_chosen(
    client: TestClient, no_test_part: str
) -> None:
    id = post(client, preflight=False, dataset=no_test_part)["id"]
    assert client.get(f"/api/autopilots/{id}").json()["test_note"] == "There is no test part."
    assert "There is no test part." in client.get(f"/autopilot/{id}").text
    other = post(client, preflight=False)["id"]
    assert "Measured once, at the end." in client.get(f"/autopilot/{other}").text


@pytest.mark.parametrize(("accuracy", "told"), [(0.5, True), (1.0, False)])
def test_a_test_accuracy_far_below_the_val_accuracy_is_told(
    client: TestClient, crew: Crew, accuracy: float, told: bool
) -> None:
    id = post(client, preflight=False, trials=4)["id"]
    for _ in range(4):
        step(client)
        crew.finish_all()
    best = show(client, id)["best"]
    with client.app.state.database.write() as c:  # type: ignore[attr-defined]
        test_accuracies.record(c, "digits", best["id"], accuracy, 297, 1.0)
    for path in (f"/autopilot/{id}", f"/autopilot/{id}/report"):
        text = client.get(path).text
        assert ("The test accuracy lies" in text) == told
        assert "on another machine" not in text


def test_an_unknown_one_is_not_found(client: TestClient) -> None:
    for answer in (client.get("/api/autopilots/7"), client.post("/api/autopilots/7/stop")):
        assert answer.status_code == 404
        assert answer.json()["detail"] == "There is no autopilot 7."
