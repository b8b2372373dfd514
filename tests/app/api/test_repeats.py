"""A trial again over seeds: the sweep that is made, what its seeds show, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.made_up_worker import Crew, made_epoch

Post = Callable[..., dict[str, Any]]


def train(crew: Crew, accuracies: dict[int, float]) -> None:
    """Ends what is queued, its best val accuracy by the trial's number."""
    while (claim := crew.claim_or_none()) is not None:
        for epoch in range(1, claim.until + 1):
            rows = [
                made_epoch(one.id, epoch, val_acc=accuracies[one.number] * epoch / claim.until)
                for one in claim.trials
            ]
            crew.record(claim, rows)


def trials(client: TestClient, sweep_id: int) -> list[dict[str, Any]]:
    return list(client.get(f"/api/sweeps/{sweep_id}/trials").json()["trials"])


def test_a_trial_is_repeated_with_its_settings_and_other_seeds(client: TestClient, post_sweep: Post) -> None:
    parent = post_sweep(trials=3, seed=7)
    chosen = trials(client, parent["id"])[1]
    answer = client.post(f"/api/trials/{chosen['id']}/repeats", json={"seeds": 4})
    assert answer.status_code == 201, answer.text
    child = answer.json()
    assert answer.headers["location"] == f"/api/sweeps/{child['id']}"
    assert (child["parent_id"], child["trials"], child["seed"]) == (parent["id"], 4, 7)
    assert child["name"] == "small #1, 4 seeds"
    points = [trial["settings"] for trial in trials(client, child["id"])]
    assert [point["seed"] for point in points] == [8, 9, 10, 11]
    assert all(point | {"seed": 7} == chosen["settings"] for point in points)
    again = client.post(f"/api/trials/{chosen['id']}/repeats", json={"seeds": 2}).json()
    assert [trial["settings"]["seed"] for trial in trials(client, again["id"])] == [12, 13]
    other = trials(client, parent["id"])[2]
    fresh = client.post(f"/api/trials/{other['id']}/repeats", json={"seeds": 2}).json()
    assert [trial["settings"]["seed"] for trial in trials(client, fresh["id"])] == [8, 9]
    assert client.get(f"/api/sweeps/{again['id']}/repeats").json()["original"]["id"] == chosen["id"]


def test_the_seeds_say_how_lucky_the_trial_was(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    parent = post_sweep(trials=3)
    train(crew, {0: 0.3, 1: 0.6, 2: 0.4})
    lucky = trials(client, parent["id"])[1]
    child = client.post(f"/api/trials/{lucky['id']}/repeats").json()
    path = f"/api/sweeps/{child['id']}/repeats"
    early = client.get(path).json()
    assert (early["spread"], early["val_acc"], early["deviations"]) == (None, [], None)
    train(crew, {0: 0.50, 1: 0.51, 2: 0.52, 3: 0.53, 4: 0.54})
    found = client.get(path).json()
    assert found["original"]["id"] == lucky["id"]
    assert found["spread"]["mean"] == pytest.approx(0.52)
    assert found["deviations"] == pytest.approx(0.08 / 0.0158113883)
    assert "part of it was luck" in found["sentence"]
    assert [at["epoch"] for at in found["val_acc"]] == [1, 2, 3]
    last = found["val_acc"][-1]
    assert (last["count"], last["low"], last["high"]) == (5, 0.50, 0.54)
    assert found["original_curve"]["val_acc"][-1] == pytest.approx(0.6)
    page = client.get(f"/sweeps/{child['id']}?view=seeds").text
    assert f'href="/trials/{lucky["id"]}">the trial that it repeats' in page


def test_a_sweep_over_seeds_alone_counts_too_and_has_no_original(
    client: TestClient, post_sweep: Post, crew: Crew
) -> None:
    made = post_sweep(trials=3, space={"seed": {"choice": [1, 2, 3]}}, sampler="grid")
    train(crew, {0: 0.4, 1: 0.5, 2: 0.6})
    found = client.get(f"/api/sweeps/{made['id']}/repeats").json()
    assert found["original"] is None
    assert found["spread"]["mean"] == pytest.approx(0.5)


def test_repeats_outlive_the_sweep_of_their_trial(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    parent = post_sweep(trials=1)
    child = client.post("/api/trials/1/repeats", json={"seeds": 2}).json()
    train(crew, {0: 0.4, 1: 0.5})
    assert client.delete(f"/api/sweeps/{parent['id']}").status_code == 204
    found = client.get(f"/api/sweeps/{child['id']}/repeats").json()
    assert (found["original"], found["original_curve"]) == (None, None)
    assert found["spread"]["count"] == 2
    assert client.get(f"/sweeps/{child['id']}?view=seeds").status_code == 200


@pytest.mark.parametrize("seeds", [0, 1, 51, "five", 2.5])
def test_a_bad_count_of_seeds_is_named(client: TestClient, post_sweep: Post, seeds: object) -> None:
    post_sweep(trials=1)
    answer = client.post("/api/trials/1/repeats", json={"seeds": seeds})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["value"]) == ("seeds", seeds)


def test_what_repeats_nothing_says_so(client: TestClient, post_sweep: Post) -> None:
    id = post_sweep()["id"]
    answer = client.get(f"/api/sweeps/{id}/repeats")
    assert answer.status_code == 409
    assert "alike in all but their seeds" in answer.json()["detail"]
    assert 'data-view="seeds"' not in client.get(f"/sweeps/{id}").text
    assert client.post("/api/trials/99/repeats").json()["detail"] == "There is no trial 99."


@pytest.mark.parametrize("varied", ["momentum", "seed"])
def test_the_repeated_trial_is_found_among_many_that_are_alike(
    client: TestClient, post_sweep: Post, varied: str
) -> None:
    """Also where lr and reg, which most searches vary, are the same in all of the parent's trials."""
    points = [{varied: n if varied == "seed" else n / 100} for n in range(60)]
    fixed = {"epochs": 3, "val_count": 300, "update": "momentum", "lr": 0.1}
    parent = post_sweep(space=None, trials=None, points=points, settings=fixed)
    last = trials(client, parent["id"])[-1]
    child = client.post(f"/api/trials/{last['id']}/repeats", json={"seeds": 2}).json()
    assert client.get(f"/api/sweeps/{child['id']}/repeats").json()["original"]["id"] == last["id"]
