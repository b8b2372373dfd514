"""Random against grid: both searches by one request, what is compared, and what cannot be."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.html import BROWSER, parse_page, read_data
from tests.support.made_up_worker import Crew, made_epoch

TOO_HIGH = 3.0  # lr from which a trial diverges here


def start(client: TestClient, **body: Any) -> list[int]:
    """The numbers of the grid and the random sweep."""
    answer = client.post("/api/random-grid", json=body)
    assert answer.status_code == 201, answer.text
    ids = [side["sweep"]["id"] for side in answer.json()["sides"]]
    assert answer.headers["location"] == f"/api/random-grid?sweeps={ids[0]},{ids[1]}"
    return ids


def compared(client: TestClient, ids: list[int]) -> dict[str, Any]:
    answer = client.get(f"/api/random-grid?sweeps={ids[0]},{ids[1]}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def score(lr: float) -> float:
    """Accuracy by lr, which alone matters: best at 0.2."""
    return round(max(0.1, 0.95 - 0.3 * abs(math.log10(lr / 0.2))), 4)


def train(crew: Crew) -> None:
    while (claim := crew.claim_or_none()) is not None:
        mine = {trial.id for trial in claim.trials}
        for epoch in range(1, claim.until + 1):
            rows = [
                made_epoch(
                    trial.id,
                    epoch,
                    val_acc=score(trial.settings.lr),
                    diverged="cost is nan" if trial.settings.lr > TOO_HIGH else None,
                )
                for trial in claim.trials
                if trial.id in mine
            ]
            mine = set(crew.record(claim, rows)) if rows else set()


def test_one_request_starts_both_with_the_same_budget(client: TestClient) -> None:
    grid, random = (client.get(f"/api/sweeps/{id}").json() for id in start(client, seed=3))
    for name in ("dataset", "space", "settings", "seed", "trials"):
        assert grid[name] == random[name]
    assert (grid["sampler"], random["sampler"]) == ("grid", "random")
    assert (grid["dataset"], grid["trials"], grid["seed"]) == ("digits", 25, 3)
    assert grid["settings"]["hidden"] == [20]
    assert set(grid["space"]) == {"lr", "reg"}


def test_a_grid_tries_few_values_of_each_and_random_as_many_as_there_are_trials(client: TestClient) -> None:
    answer = compared(client, start(client))
    assert [side["distinct"] for side in answer["sides"]] == [{"lr": 5, "reg": 5}, {"lr": 25, "reg": 25}]
    assert answer["important"] is None
    assert answer["words"] == (
        "25 trials on a grid try 5 values of lr and 5 values of reg and 25 random trials try 25 values of lr "
        "and 25 values of reg. Which of them matters is not known before more trials have ended."
    )
    assert all(side["expected_best"] == [] for side in answer["sides"])


def test_what_was_reached_and_which_setting_matters(client: TestClient, crew: Crew) -> None:
    ids = start(client)
    train(crew)
    answer = compared(client, ids)
    assert answer["important"] == "lr"
    assert (
        "try 5 values of lr and 25 random trials try 25 values of lr. lr is what matters" in answer["words"]
    )
    for side in answer["sides"]:
        assert {point["state"] for point in side["points"]} == {"finished", "diverged"}
        finished = [point for point in side["points"] if point["state"] == "finished"]
        assert all(point["best_val_acc"] == score(point["values"]["lr"]) for point in finished)
        best = max(point["best_val_acc"] for point in finished)
        assert side["sweep"]["best"]["best_val_acc"] == best
        curve = [(one["trials"], one["val_acc"]) for one in side["expected_best"]]
        assert [k for k, _ in curve] == list(range(1, 26))
        accuracies = [value for _, value in curve]
        mean = (sum(p["best_val_acc"] for p in finished) + 0.1 * (25 - len(finished))) / 25  # chance: 1 in 10
        assert accuracies[0] == pytest.approx(mean)
        assert accuracies == sorted(accuracies)
        assert accuracies[-1] == pytest.approx(best)


def test_a_space_of_ones_own_and_excluded_trials_stay_out(client: TestClient, crew: Crew) -> None:
    space = {
        "lr": {"log_uniform": [1e-3, 1]},
        "lr_decay": {"uniform": [0.8, 1]},
        "update": {"choice": ["sgd", "adam"]},
    }
    ids = start(client, space=space, settings={"epochs": 1}, trials=8)
    train(crew)
    before = compared(client, ids)["sides"][0]
    assert before["distinct"] == {"lr": 2, "lr_decay": 2, "update": 2}
    best = before["sweep"]["best"]
    client.post(f"/api/trials/{best['id']}/exclude")
    after = compared(client, ids)["sides"][0]
    assert len(after["expected_best"]) == 7


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"trials": 23}, "trials", "trials is 23, which is no full grid of this space; 20 would be."),
        ({"trials": 3}, "trials", "trials must be 4 or more, not 3."),
        ({"space": {"lr": {"uniform": [0.1, 1]}}}, "space", "two ranges or more"),
        (
            {"space": {"lr": {"uniform": [1, 0]}, "reg": {"uniform": [0, 1]}}},
            "space.lr",
            "low end must be below",
        ),
        ({"settings": {"lr": 0.1}}, "settings.lr", "keep only one of the two"),
        ({"dataset": "nobody"}, "dataset", "nobody"),
        ({"epochs": 3}, "epochs", "epochs"),
    ],
)
def test_a_bad_field_is_named(client: TestClient, body: dict[str, Any], field: str, words: str) -> None:
    answer = client.post("/api/random-grid", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert words in error["message"]
    assert client.get("/api/sweeps").json()["total"] == 0


def test_only_two_sweeps_of_one_space_can_be_compared(
    client: TestClient, post_sweep: Callable[..., dict[str, Any]]
) -> None:
    ids = start(client)
    other = post_sweep()["id"]

    def refused(sweeps: str, status: int = 422) -> str:
        answer = client.get(f"/api/random-grid?sweeps={sweeps}")
        assert answer.status_code == status
        return str(answer.json()["detail"])

    for bad in ("", "1", "1,1", "1,2,3", "1,x"):
        assert f"sweeps is {bad!r}; give the numbers of two sweeps, such as 4,5." == refused(bad)
    assert refused("1,99", 404) == "There is no sweep 99."
    assert "differ in their space or data set" in refused(f"{ids[0]},{other}")
    assert "fewer than two ranges" in refused(f"{other},{post_sweep(seed=5)['id']}")


def test_the_page_finds_what_was_searched_both_ways_by_itself(
    client: TestClient, post_sweep: Callable[..., dict[str, Any]]
) -> None:
    one_range = {"lr": {"log_uniform": [1e-3, 1]}}  # nothing that might not matter
    for sampler in ("grid", "random"):
        post_sweep(sampler=sampler, space=one_range, settings={"epochs": 1, "val_count": 300})
    assert read_data(client.get("/random-grid", headers=BROWSER).text)["comparison"] is None
    first, second = start(client), start(client, seed=1)
    text = client.get("/random-grid", headers=BROWSER).text
    assert read_data(text)["comparison"] == compared(client, second)
    newest, oldest = (f"/random-grid?sweeps={grid},{random}" for grid, random in (second, first))
    links = parse_page(text).select('a[href^="/random-grid?"]')
    assert [(link["href"], link.get("aria-current")) for link in links] == [(newest, "page"), (oldest, None)]
    older = parse_page(client.get(oldest, headers=BROWSER).text)
    assert [link["href"] for link in older.select('a[aria-current][href^="/random-grid?"]')] == [oldest]
    client.post(f"/api/sweeps/{second[1]}/cancel")
    assert client.delete(f"/api/sweeps/{second[1]}").status_code == 204
    left = read_data(client.get("/random-grid", headers=BROWSER).text)
    assert left["comparison"] == compared(client, first)


def test_the_page_offers_a_start_or_shows_a_pair(client: TestClient) -> None:
    assert read_data(client.get("/random-grid", headers=BROWSER).text)["comparison"] is None
    ids = start(client)
    answer = client.get(f"/random-grid?sweeps={ids[0]},{ids[1]}", headers=BROWSER)
    data = read_data(answer.text)
    assert data["comparison"] == compared(client, ids)
    assert data["comparison"]["words"] in answer.text
    assert data["axes"] == ["lr", "reg"]
    missing = client.get("/random-grid?sweeps=1,77", headers=BROWSER)
    assert (missing.status_code, "There is no sweep 77." in missing.text) == (404, True)


@pytest.mark.parametrize("path", ["/sweeps/new", "/help"])
def test_it_is_linked(client: TestClient, path: str) -> None:
    page = parse_page(client.get(path, headers=BROWSER).text)
    assert page.select('a[href="/random-grid"]')


def test_an_empty_space_is_refused_and_not_replaced_by_the_default(client: TestClient) -> None:
    answer = client.post("/api/random-grid", json={"space": {}})
    assert answer.status_code == 422
    assert "two ranges" in answer.json()["detail"]
    assert client.get("/api/sweeps").json()["total"] == 0
