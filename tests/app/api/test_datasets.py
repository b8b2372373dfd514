"""Data sets, recipes, workers, health and docs over HTTP."""

import io
import time
from typing import Any

import numpy as np
import pytest
from markupsafe import escape
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.api import datasets
from app.http import guard
from learning.search.recipes import RECIPES
from store.queue import workers
from tests.support.html import parse_page
from tests.support.made_up_worker import BODY, Crew


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **arrays)
    return buffer.getvalue()


def blobs(n: int = 60) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    return {"X": (rng.normal(size=(n, 4)) + y[:, None]).astype(np.float32), "y": y}


def send(client: TestClient, content: bytes, name: str = "blobs", filename: str = "blobs.npz") -> Any:
    return client.post("/api/datasets", data={"name": name}, files={"file": (filename, content)})


def leftovers(client: TestClient) -> list[str]:
    home = client.app.state.config.home  # type: ignore[attr-defined]
    return [path.name for path in home.iterdir() if path.name.startswith("upload")]


def test_the_digits_are_always_there(client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/api/datasets").json()["datasets"]}
    digits = found["digits"]
    assert digits["ready"] is True
    assert sum(digits["class_counts"]) == digits["n_train"] == 1500
    assert digits["image_shape"] == [8, 8, 1]
    assert client.get("/api/datasets/digits").json() == digits
    assert client.get("/api/datasets/nothing").status_code == 404


@pytest.mark.parametrize(
    ("filename", "called"),
    [
        ("mine.npz", "mine.npz"),
        (r"C:\data\żubry 2.npz", "żubry 2.npz"),
        ("<b>&x.npz", "<b>&x.npz"),
        ("x" * 300, "x" * 200),
        ("folder/", "blobs.npz"),
        ("no\u200bwidth.npz", "blobs.npz"),
    ],
)
def test_an_upload_keeps_its_file_s_own_name_for_people(
    client: TestClient, filename: str, called: str
) -> None:
    bad = send(client, b"no archive", filename=filename).json()
    assert bad["detail"].startswith(f"{called} is no readable .npz file")
    assert send(client, npz(**blobs()), filename=filename).json()["source"] == f"added from {called}"
    assert f"added from {escape(called)}" in client.get("/datasets").text


def test_an_uploaded_data_set_can_be_searched_on(client: TestClient) -> None:
    answer = send(client, npz(**blobs()), filename="../../etc/passwd")
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == "/api/datasets/blobs"
    assert (answer.json()["n_train"], answer.json()["n_features"]) == (60, 4)
    assert answer.json()["source"] == "added from passwd"
    assert leftovers(client) == []
    body = BODY | {"dataset": "blobs", "settings": {"epochs": 1, "val_count": 12}}
    assert client.post("/api/sweeps", json=body).status_code == 201
    again = send(client, npz(**blobs()))
    assert again.status_code == 422
    assert "blobs" in again.json()["detail"]


@pytest.mark.parametrize(
    ("content", "name", "word"),
    [
        (b"not an archive", "mine", "npz"),
        (b"", "mine", ""),
        (npz(X=np.array([{}, []], dtype=object), y=np.zeros(2)), "mine", ""),
        (npz(X=np.full((4, 2), np.nan), y=np.arange(4) % 2), "mine", "finite"),
        (npz(X=np.zeros((4, 2)), y=np.zeros(3, dtype=int)), "mine", ""),
        (npz(X=np.zeros((4, 2)), y=np.zeros(4, dtype=int)), "mine", "class"),
        (npz(**blobs()), "../escape", "name"),
        (npz(**blobs()), "digits", "digits"),
    ],
)
def test_a_file_that_does_not_fit_leaves_nothing(
    client: TestClient, content: bytes, name: str, word: str
) -> None:
    answer = send(client, content, name)
    assert answer.status_code == 422
    assert word in answer.json()["detail"]
    (error,) = answer.json()["errors"]
    about = ("file", "blobs.npz") if name == "mine" else ("name", name)
    assert (error["field"], error["value"]) == about
    assert leftovers(client) == []
    assert {one["name"] for one in client.get("/api/datasets").json()["datasets"] if one["ready"]} >= {
        "digits"
    }
    assert client.get("/api/datasets/mine").status_code == 404


def test_a_data_set_of_ones_own_is_deleted_once_no_sweep_needs_it(client: TestClient) -> None:
    send(client, npz(**blobs()))
    body = BODY | {"dataset": "blobs", "settings": {"epochs": 1, "val_count": 12}}
    address = client.post("/api/sweeps", json=body).headers["location"]
    refused = client.delete("/api/datasets/blobs")
    assert (refused.status_code, "Sweep 1 still needs" in refused.json()["detail"]) == (409, True)
    client.post(f"{address}/cancel")
    assert client.delete("/api/datasets/blobs").status_code == 204
    assert client.get("/api/datasets/blobs").status_code == 404
    assert client.delete("/api/datasets/blobs").status_code == 404
    assert client.delete("/api/datasets/digits").status_code == 409
    assert send(client, npz(**blobs())).status_code == 201


def test_an_upload_above_the_limit_is_refused_before_it_is_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert guard.MAX_UPLOAD_BYTES > guard.MAX_BODY_BYTES
    announced = {
        "content-length": str(guard.MAX_UPLOAD_BYTES + 1),
        "content-type": "multipart/form-data; boundary=x",
    }
    assert client.post("/api/datasets", content=iter([b"--x\r\n"]), headers=announced).status_code == 413
    monkeypatch.setattr(guard, "MAX_UPLOAD_BYTES", 1_000)
    assert send(client, npz(**blobs(600))).status_code == 413
    assert leftovers(client) == []
    assert datasets.router.prefix == guard.UPLOAD_PATH


def test_recipes_carry_the_numbers_of_a_data_set(client: TestClient) -> None:
    digits = {one["name"]: one for one in client.get("/api/recipes").json()["recipes"]}
    cifar = {one["name"]: one for one in client.get("/api/recipes?dataset=cifar10").json()["recipes"]}
    assert list(digits) == list(cifar) == list(RECIPES)
    assert cifar["coarse"]["space"]["lr"] == {"log_uniform": [1e-6, 1e-3]}
    assert digits["coarse"]["space"]["lr"] != cifar["coarse"]["space"]["lr"]
    unknown = client.get("/api/recipes?dataset=nowhere")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "dataset")


def test_workers_are_listed_with_what_they_do(client: TestClient) -> None:
    assert client.get("/api/workers").json() == {"workers": []}
    with client.app.state.database.write() as c:  # type: ignore[attr-defined]
        workers.register(c, "a", "here", 11, {"numpy": "2"}, time.time())
        workers.register(c, "b", "here", 12, {}, time.time())
        workers.touch(c, "a", 7, time.time())
        workers.register(c, "c", "here", 13, {}, time.time())
        workers.touch(c, "c", None, time.time(), preflight_id=3)
        workers.mark_gone(c, "b", time.time())
    states = {one["id"]: one["state"] for one in client.get("/api/workers").json()["workers"]}
    assert states == {"a": "busy", "b": "gone", "c": "busy"}


def test_health_tells_the_living_from_the_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ready"
    home = client.app.state.config.home  # type: ignore[attr-defined]
    client.app.state.database.close()  # type: ignore[attr-defined]
    for path in home.glob("lossdeck.db*"):
        path.unlink()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


def test_the_metrics_count_what_there_is(client: TestClient) -> None:
    client.post("/api/sweeps", json=BODY)
    crew = Crew(client.app.state.database)  # type: ignore[attr-defined]
    claim = crew.claim()
    crew.step(claim, 1)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    values = {
        (sample.name, sample.labels.get("state")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    running = len(claim.trials)
    assert values["lossdeck_trials", "running"] == running
    assert values["lossdeck_trials", "queued"] == values["lossdeck_queue_depth", None] == 4 - running
    assert values["lossdeck_trials", "failed"] == 0
    assert values["lossdeck_sweeps", "running"] == 1
    assert values["lossdeck_epochs_total", None] == running
    assert values["lossdeck_streams_open", None] == 0


def test_the_docs_show_every_route_and_load_nothing(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    page = parse_page(client.get("/docs").text)
    shown = {code.text for code in page.select("code")}
    for path, methods in document["paths"].items():
        assert path in shown
        for operation in methods.values():
            assert "4XX" in operation["responses"]
            assert "422" not in operation["responses"]
    assert {"Problem", "SweepIn", "EpochsOut"} <= set(document["components"]["schemas"])
    for element in page.select("script:not([type='application/json']), link, img, iframe"):
        assert (element.get("src") or element.get("href", "")).startswith("/static/"), element
    for element in page.select("[src], [href]"):
        assert not (element.get("src") or element["href"]).startswith(("http://", "https://", "//")), element
    references = {link["href"].removeprefix("#") for link in page.select('[href^="#schema-"]')}
    assert references
    assert references <= {element["id"] for element in page.select("[id]")}


DESIGNED = {
    "/api/sweeps": {"get", "post"},
    "/api/sweeps/{id}": {"get", "patch", "delete"},
    "/api/sweeps/{id}/pause": {"post"},
    "/api/sweeps/{id}/resume": {"post"},
    "/api/sweeps/{id}/stop": {"post"},
    "/api/sweeps/{id}/cancel": {"post"},
    "/api/sweeps/{id}/trials": {"get", "post"},
    "/api/sweeps/{id}/epochs": {"get"},
    "/api/stream": {"get"},
    "/api/sweeps/{id}/findings": {"get"},
    "/api/sweeps/{id}/refinement": {"get", "post"},
    "/api/random-grid": {"get", "post"},
    "/api/sweeps/{id}/export": {"get"},
    "/api/trials/{id}": {"get"},
    "/api/trials/{id}/epochs": {"get"},
    "/api/trials/{id}/findings": {"get"},
    "/api/trials/{id}/model": {"get"},
    "/api/trials/{id}/stop": {"post"},
    "/api/trials/{id}/retry": {"post"},
    "/api/trials/{id}/exclude": {"post"},
    "/api/trials/{id}/include": {"post"},
    "/api/datasets": {"get", "post"},
    "/api/workers": {"get"},
    "/api/recipes": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


def test_every_route_of_the_interface_is_there(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in DESIGNED.items():
        assert methods <= set(paths[path]), path
