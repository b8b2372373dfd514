"""The average of a sweep's best nets over HTTP: who is in it, what it is worth, its file, what is refused."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.usecases import model_file
from learning.data import catalog
from learning.data.dataset import make_split
from learning.settings import Settings
from learning.training.prediction import TrainedNet, measure_accuracy, predict_probabilities
from store.queue import trial_updates
from tests.support.made_up_worker import Crew, made_epoch

Post = Callable[..., dict[str, Any]]


@pytest.fixture
def kept(client: TestClient, post_sweep: Post, crew: Crew) -> dict[str, Any]:
    """A sweep of five ended trials, the later the better; the nets of all but number 1 are kept."""
    return ended(client, crew, post_sweep(trials=5))


def ended(client: TestClient, crew: Crew, sweep: dict[str, Any]) -> dict[str, Any]:
    while (claim := crew.claim_or_none()) is not None:
        for epoch in range(1, claim.until + 1):
            crew.record(
                claim, [made_epoch(one.id, epoch, val_acc=(one.number + epoch) / 10) for one in claim.trials]
            )
    rows = client.get(f"/api/sweeps/{sweep['id']}/trials").json()["trials"]
    keep(client, crew, sweep, [row for row in rows if row["number"] != 1])
    return sweep


def keep(client: TestClient, crew: Crew, sweep: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    rng = np.random.default_rng(0)
    shapes = {"W1": (64, 10), "b1": (10,), "W2": (10, 10), "b2": (10,)}
    home: Path = client.app.state.config.home  # type: ignore[attr-defined]
    for row in rows:
        arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        about = {"settings": row["settings"], "classes": list("0123456789")}
        whole = {**arrays, "preprocess.kind": np.array("none")}
        about["val_acc"] = recorded(sweep["dataset"], home, whole, row["settings"])
        client.app.state.files.save_model(row["id"], whole, about)  # type: ignore[attr-defined]
    with crew.database.write() as c:
        trial_updates.mark_models(c, sweep["id"], {row["id"] for row in rows})


def recorded(name: str, home: Path, arrays: dict[str, np.ndarray], settings: dict[str, Any]) -> float:
    """What training would have noted of this net."""
    parsed = Settings.parse(settings)
    data = catalog.load(name, home, None)
    val = make_split(data, replace(parsed, preprocess="none")).val_rows
    return measure_accuracy(
        predict_probabilities(TrainedNet.from_arrays(arrays, parsed), data.X_train[val]), data.y_train[val]
    )


def numbers(answer: Any) -> list[int]:
    return [member["trial"]["number"] for member in answer.json()["members"]]


def test_the_best_kept_nets_are_averaged(client: TestClient, kept: dict[str, Any]) -> None:
    path = f"/api/sweeps/{kept['id']}/ensemble"
    answer = client.get(path)
    assert numbers(answer) == [4, 3, 2, 0], "five are asked for, four are kept"
    assert numbers(client.get(path, params={"top": 2})) == [4, 3]
    found = answer.json()
    assert found["examples"] == 300
    assert found["gain"] == pytest.approx(found["val_acc"] - max(one["val_acc"] for one in found["members"]))
    p = found["val_acc"]
    assert found["standard_error"] == pytest.approx(np.sqrt(p * (1 - p) / 300))
    assert f"The average of 4 nets gets {p:.4f} of the 300 validation examples right" in found["sentence"]


def test_an_excluded_trial_is_not_in_it(client: TestClient, kept: dict[str, Any]) -> None:
    best = client.get(f"/api/sweeps/{kept['id']}").json()["best"]
    client.post(f"/api/trials/{best['id']}/exclude")
    assert numbers(client.get(f"/api/sweeps/{kept['id']}/ensemble")) == [3, 2, 0]


def test_nets_validated_on_other_rows_are_left_out(
    client: TestClient, kept: dict[str, Any], crew: Crew
) -> None:
    """Their validation rows may be rows that another net was trained on."""
    client.post(f"/api/sweeps/{kept['id']}/trials", json={"points": [{"val_count": 200}]})
    claim = crew.claim()
    for epoch in (1, 2, 3):
        crew.record(claim, [made_epoch(one.id, epoch, val_acc=0.1) for one in claim.trials])
    rows = client.get(f"/api/sweeps/{kept['id']}/trials").json()["trials"]
    keep(client, crew, kept, rows)
    assert numbers(client.get(f"/api/sweeps/{kept['id']}/ensemble", params={"top": 20})) == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("format", ["npz", "safetensors"])
def test_the_nets_come_in_one_file(
    client: TestClient, kept: dict[str, Any], tmp_path: Path, format: str
) -> None:
    path = f"/api/sweeps/{kept['id']}/ensemble/model"
    answer = client.get(path, params={"top": 3, "format": format})
    assert f'filename="sweep-1-top-3.{format}"' in answer.headers["content-disposition"]
    file = tmp_path / f"nets.{format}"
    file.write_bytes(answer.content)
    lrs = [model.about["settings"]["lr"] for model in model_file.read(file)]
    members = client.get(f"/api/sweeps/{kept['id']}/ensemble", params={"top": 3}).json()["members"]
    assert lrs == [member["trial"]["settings"]["lr"] for member in members]


def test_without_two_nets_there_is_no_average(client: TestClient, post_sweep: Post) -> None:
    post_sweep()
    for path in ("/api/sweeps/1/ensemble", "/api/sweeps/1/ensemble/model"):
        answer = client.get(path)
        assert answer.status_code == 409
        assert "Sweep 1 has 0 trained nets that are kept here" in answer.json()["detail"]
    assert client.get("/api/sweeps/9/ensemble").status_code == 404


@pytest.mark.parametrize("top", ["1", "21", "all"])
def test_a_bad_number_of_nets_is_named(client: TestClient, post_sweep: Post, top: str) -> None:
    post_sweep()
    (error,) = client.get("/api/sweeps/1/ensemble", params={"top": top}).json()["errors"]
    assert (error["field"], error["value"]) == ("top", top)


def test_a_damaged_net_is_told_by_its_file(client: TestClient, kept: dict[str, Any]) -> None:
    best = client.get(f"/api/sweeps/{kept['id']}").json()["best"]["id"]
    home: Path = client.app.state.config.home  # type: ignore[attr-defined]
    (home / "models" / f"{best}.npz").write_bytes(b"cut off")
    answer = client.get(f"/api/sweeps/{kept['id']}/ensemble")
    assert answer.status_code == 500
    assert f"{best}.npz is not a file of arrays" in answer.json()["detail"]


def add_dataset(client: TestClient, features: int, seed: int) -> None:
    """Noise with the name `mine`, in ten classes."""
    rng = np.random.default_rng(seed)
    file = io.BytesIO()
    np.savez(file, X=rng.normal(size=(900, features)).astype(np.float32), y=rng.integers(0, 10, 900))
    sent = {"file": ("mine.npz", file.getvalue())}
    assert client.post("/api/datasets", files=sent, data={"name": "mine"}).status_code == 201


@pytest.mark.parametrize("features", [64, 6])
def test_nets_of_a_data_set_that_was_replaced_since_are_not_measured(
    client: TestClient, post_sweep: Post, crew: Crew, features: int
) -> None:
    add_dataset(client, 64, seed=0)
    sweep = ended(client, crew, post_sweep(dataset="mine"))
    path = f"/api/sweeps/{sweep['id']}/ensemble"
    assert client.get(path).status_code == 200
    assert client.delete("/api/datasets/mine").status_code == 204
    add_dataset(client, features, seed=1)
    answer = client.get(path)
    assert answer.status_code == 409
    assert f"mine is no longer what sweep {sweep['id']} was trained on" in answer.json()["detail"]
