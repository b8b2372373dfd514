"""The answers of every route, streams and exports included, against the models that it declares."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel, TypeAdapter
from starlette.testclient import TestClient

from app.live.events import EVENTS
from app.reports.tables import ACCURACIES, COLUMNS, GAP, LOSSES
from app.schemas.trials import TrialLineOut
from learning.settings import SETTING_NAMES
from learning.states import SWEEP_STATES, TRIAL_STATES
from tests.support.made_up_worker import BODY, Crew, made_epoch

NO_MODEL = {  # routes that give text or files
    "/api/stream",
    "/api/sweeps/{id}/export",
    "/api/sweeps/{id}/ensemble/model",
    "/api/trials/{id}/transcript",
    "/api/trials/{id}/model",
    "/api/autopilots/{id}/report",
    "/metrics",
}
QUERIES = {
    "/api/sweeps/{id}/columns": "of=number,lr,hidden,state,verdict,best_val_acc,started_at,gap",
    "/api/sweeps/{id}/curves": "numbers=0,1,2&elapsed=true",
    "/api/random-grid": "sweeps=2,3",
}
IDS = {"/api/sweeps/{id}/repeats": 4, "/api/datasets/{name}": "digits"}
BODIES: dict[str, tuple[dict[str, Any] | None, ...]] = {
    "/api/sweeps": (BODY,),
    "/api/sweeps/{id}/trials": ({"trials": 2},),
    "/api/sweeps/{id}/trials/bulk": ({"action": "exclude", "trials": [0, 77]},),
    "/api/sweeps/{id}/refinement": (None, {"trials": 3}),
    "/api/sweeps/{id}/pause": (None,),
    "/api/sweeps/{id}/resume": (None,),
    "/api/sweeps/{id}/stop": (None,),
    "/api/sweeps/{id}/cancel": (None,),
    "/api/trials/{id}/repeats": (None,),
    "/api/trials/{id}/exclude": (None,),
    "/api/trials/{id}/include": (None,),
    "/api/preflights": ({},),
    "/api/preflights/{id}/cancel": (None,),
    "/api/random-grid": ({"trials": 4},),
    "/api/autopilots": (None,),
    "/api/autopilots/{id}/stop": (None,),
}
OTHERWISE = {  # asked for in tests of their own: they need other states, files, or nets that were trained
    ("POST", "/api/trials/{id}/stop"),
    ("POST", "/api/trials/{id}/retry"),
    ("POST", "/api/datasets"),
    ("PATCH", "/api/sweeps/{id}"),
    ("DELETE", "/api/sweeps/{id}"),
    ("DELETE", "/api/datasets/{name}"),
    ("GET", "/api/sweeps/{id}/ensemble"),
}


@pytest.fixture
def used(client: TestClient, post_sweep: Callable[..., dict[str, Any]], crew: Crew) -> TestClient:
    """A sweep whose first trial diverged to nan, a pair, repeats, a preflight and an autopilot."""
    post_sweep(stopping={"patience": {"epochs": 50}})
    claim = crew.claim()
    lost = made_epoch(
        claim.trials[0].id, 1, loss=float("nan"), data_loss=float("inf"), diverged="cost is nan"
    )
    crew.record(claim, [lost, *(made_epoch(trial.id, 1) for trial in claim.trials[1:])])
    crew.finish_all()
    assert client.post("/api/random-grid", json={"trials": 4}).status_code == 201
    post_sweep(points=[{"seed": 1}, {"seed": 2}], trials=None, space=None)
    crew.finish_all()
    assert client.post("/api/preflights", json={}).status_code == 201
    assert client.post("/api/autopilots").status_code == 201
    return client


def routes(client: TestClient) -> Iterator[tuple[str, APIRoute]]:
    """Every route of the document, for each of its methods."""
    app: FastAPI = client.app  # type: ignore[assignment]
    for context in iter_route_contexts(app.routes):
        route = context.original_route if isinstance(context, RouteContext) else context
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield from ((method, route) for method in route.methods)


def ask(client: TestClient, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON of a successful answer."""
    address = re.sub(r"{\w+}", lambda _: str(IDS.get(path, 1)), path)
    query = QUERIES.get(path, "") if method == "GET" else ""
    answer = client.request(method, f"{address}?{query}", json=body)
    assert answer.status_code in (200, 201), (method, path, answer.text)
    return answer.text


def check(model: Any, text: str, where: str) -> None:
    """Whether the JSON is what the model says, no field more and none less."""
    TypeAdapter(model).validate_json(text, strict=True, extra="forbid")
    written, declared = json.loads(text), TypeAdapter(model).json_schema(mode="serialization")
    assert set(declared.get("required", ())) <= set(written), where
    if isinstance(model, type) and issubclass(model, BaseModel):
        assert set(written) <= set(declared["properties"]), where


def test_every_route_that_gives_json_declares_its_model(client: TestClient) -> None:
    given = [route for _, route in routes(client) if route.status_code != 204]
    assert {route.path for route in given if route.response_model is None} == NO_MODEL


def test_every_get_gives_what_it_declares(used: TestClient) -> None:
    seen = 0
    for method, route in routes(used):
        if method == "GET" and route.path not in NO_MODEL and (method, route.path) not in OTHERWISE:
            check(route.response_model, ask(used, method, route.path), route.path)
            seen += 1
    assert seen > 20


def test_every_post_gives_what_it_declares(used: TestClient) -> None:
    declared = {route.path: route for method, route in routes(used) if method == "POST"}
    assert set(declared) == set(BODIES) | {path for method, path in OTHERWISE if method == "POST"}
    for path, bodies in BODIES.items():
        if path.endswith(("pause", "resume", "stop", "cancel")) and "sweeps" in path:
            continue
        for body in bodies:
            check(declared[path].response_model, ask(used, "POST", path, body), path)
    made = used.post("/api/sweeps", json=BODY).json()["id"]
    for action in ("pause", "resume", "stop"):
        path = f"/api/sweeps/{{id}}/{action}"
        check(declared[path].response_model, used.post(path.format(id=made)).text, path)
    made = used.post("/api/sweeps", json=BODY).json()["id"]
    path = "/api/sweeps/{id}/cancel"
    check(declared[path].response_model, used.post(path.format(id=made)).text, path)


def test_every_event_of_the_stream_is_what_it_declares(used: TestClient) -> None:
    text = used.get("/api/stream?sweeps=1&overview=true&once=true&after=0").text
    reset = used.get("/api/stream?overview=true&once=true&after=0&catch_up=1").text
    seen = set()
    for event in (text + reset).split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in event.splitlines() if not line.startswith((":", "retry"))
        )
        if "event" in fields:
            check(EVENTS[fields["event"]], fields["data"], fields["event"])
            seen.add(fields["event"])
    assert seen == {"epoch", "trial", "sweep", "reset"}


def test_every_line_of_an_export_is_what_it_declares(used: TestClient) -> None:
    lines = used.get("/api/sweeps/1/export?format=jsonl").text.splitlines()
    assert len(lines) > 1
    for line in lines:
        check(TrialLineOut, line, "export")
    head, *rows = csv.reader(io.StringIO(used.get("/api/sweeps/1/export?format=csv").text))
    assert head == [*COLUMNS, *LOSSES, *ACCURACIES, GAP, *SETTING_NAMES]
    assert {len(row) for row in rows} == {len(head)}


def test_numbers_that_are_not_finite_are_null_with_a_flag(used: TestClient) -> None:
    lost = next(t for t in used.get("/api/sweeps/1/trials").json()["trials"] if t["state"] == "diverged")
    (epoch,) = used.get(f"/api/trials/{lost['id']}/epochs").json()["epochs"]
    assert (epoch["loss"], epoch["data_loss"]) == (None, None)
    assert epoch["flags"] == {"loss": "nan", "data_loss": "inf"}
    assert lost["last"]["flags"] == epoch["flags"]


def test_the_document_lists_the_states_of_the_tables(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["TrialOut"]["properties"]["state"]["enum"] == list(TRIAL_STATES)
    assert schemas["SweepOut"]["properties"]["state"]["enum"] == list(SWEEP_STATES)
