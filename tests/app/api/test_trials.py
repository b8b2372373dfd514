"""Trials over HTTP: lists, one by itself, its model, exports, and what may be done to it."""

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.reports import tables
from tests.support.made_up_worker import Crew, made_epoch
from tests.support.worker_processes import wait_until

Post = Callable[..., dict[str, Any]]


def test_trials_are_sorted_filtered_and_paged(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    id = post_sweep(space=None, trials=None, points=[{"lr": lr} for lr in (0.3, 0.1, 0.2)])["id"]

    def lrs(**query: Any) -> tuple[list[float], int]:
        answer = client.get(f"/api/sweeps/{id}/trials", params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return [trial["settings"]["lr"] for trial in body["trials"]], body["total"]

    assert lrs() == ([0.3, 0.1, 0.2], 3)
    assert lrs(sort="lr") == ([0.1, 0.2, 0.3], 3)
    assert lrs(sort="-lr", limit=1, offset=1) == ([0.2], 3)
    assert lrs(filter="lr > 0.15 and state = queued") == ([0.3, 0.2], 2)
    assert lrs(filter="") == ([0.3, 0.1, 0.2], 3)


def test_verdicts_are_shown_sorted_and_filtered(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    """Given by the worker; where none was given, by the server once the trial has ended."""
    id = post_sweep(space=None, trials=None, points=[{"lr": 0.1}, {"lr": 1.0}, {"lr": 1e-5}, {"lr": 1e-6}])[
        "id"
    ]
    claim, other = crew.claim(), crew.claim()
    (a, b), (c, d) = ([trial.id for trial in claim.trials], [trial.id for trial in other.trials])
    crew.step(claim, 1)
    crew.step(other, 1)
    lost = {"loss": 9.9, "diverged": "cost 9.9 > 3 x the first cost 2.3"}
    crew.record(claim, [made_epoch(a, 2), made_epoch(b, 2, **lost)])
    crew.record(claim, [made_epoch(a, 3)])
    for epoch in (2, 3):
        crew.record(other, [made_epoch(c, epoch)])

    def verdicts(**query: str) -> list[tuple[float, str | None]]:
        answer = client.get(f"/api/sweeps/{id}/trials", params=query)
        assert answer.status_code == 200, answer.text
        return [(trial["settings"]["lr"], trial["verdict"]) for trial in answer.json()["trials"]]

    wait_until(lambda: None not in (dict(verdicts())[lr] for lr in (0.1, 1.0, 1e-5)), "the verdicts")
    assert (dict(verdicts())[1.0], dict(verdicts())[1e-6]) == ("broke-out", None)  # the last one still runs
    client.post(f"/api/trials/{d}/stop")
    wait_until(lambda: dict(verdicts())[1e-6] == "too-early", "the verdict on the stopped trial")
    assert verdicts(filter="verdict = broke-out") == [(1.0, "broke-out")]
    assert [lr for lr, _ in verdicts(filter="verdict != broke-out and lr < 0.01")] == [1e-5, 1e-6]
    codes = [code for _, code in verdicts(sort="verdict")]
    assert codes == sorted(codes, key=str)
    one = client.get(f"/api/trials/{b}/findings").json()["findings"][0]
    assert one["code"] == client.get(f"/api/trials/{b}").json()["verdict"]
    wrong = client.get(f"/api/sweeps/{id}/trials", params={"filter": "verdict = unwell"})
    assert wrong.status_code == 422
    assert "lr-too-low" in wrong.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"filter": "lr >"}, "filter"),
        ({"filter": "1 = 1; drop table trial"}, "filter"),
        ({"filter": "\x00"}, "filter"),
        ({"sort": "password"}, "sort"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1e9"}, "limit"),
        ({"offset": "99999999999999999999"}, "offset"),
        ({"page": "2"}, "page"),
    ],
)
def test_a_bad_question_is_refused_by_field(
    client: TestClient, post_sweep: Post, query: Any, field: str
) -> None:
    answer = client.get(f"/api/sweeps/{post_sweep()['id']}/trials", params=query)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_trials_are_added_and_the_earlier_ones_stay(client: TestClient, post_sweep: Post) -> None:
    sweep = post_sweep(trials=3, seed=5)
    address = f"/api/sweeps/{sweep['id']}/trials"
    before = client.get(address).json()["trials"]
    added = client.post(address, json={"trials": 2})
    assert added.status_code == 201
    assert [trial["number"] for trial in added.json()["trials"]] == [3, 4]
    point = client.post(address, json={"points": [{"lr": 0.123}]}).json()["trials"][0]
    assert (point["number"], point["settings"]["lr"]) == (5, 0.123)
    trials = client.get(address).json()["trials"]
    assert [t["settings"] for t in trials[:3]] == [t["settings"] for t in before]
    longer = post_sweep(trials=5, seed=5)
    drawn = client.get(f"/api/sweeps/{longer['id']}/trials").json()["trials"]
    assert [t["settings"] for t in drawn] == [t["settings"] for t in trials[:5]]


@pytest.mark.parametrize(
    "body", [{}, {"trials": 2, "points": [{}]}, {"trials": 10_000}, {"points": [{"lr": -1}]}]
)
def test_bad_additions_are_refused(client: TestClient, post_sweep: Post, body: Any) -> None:
    id = post_sweep()["id"]
    assert client.post(f"/api/sweeps/{id}/trials", json=body).status_code == 422
    assert client.get(f"/api/sweeps/{id}").json()["trials"] == 4
    assert client.post("/api/sweeps/99/trials", json={"trials": 1}).status_code == 404


def test_a_trial_is_stopped_retried_excluded_and_included(
    client: TestClient, post_sweep: Post, crew: Crew
) -> None:
    sweep = post_sweep(trials=2)
    first, second = (t["id"] for t in client.get(f"/api/sweeps/{sweep['id']}/trials").json()["trials"])
    assert client.post(f"/api/trials/{first}/retry").status_code == 409
    assert client.post(f"/api/trials/{first}/stop").json()["state"] == "stopped"
    assert client.post(f"/api/trials/{first}/stop").status_code == 409
    assert client.post(f"/api/trials/{first}/retry").json()["state"] == "queued"
    crew.finish_all()
    best = client.get(f"/api/sweeps/{sweep['id']}").json()["best"]["id"]
    assert client.post(f"/api/trials/{best}/exclude").json()["excluded"] is True
    other = {first, second} - {best}
    assert client.get(f"/api/sweeps/{sweep['id']}").json()["best"]["id"] in other
    assert client.post(f"/api/trials/{best}/include").json()["excluded"] is False
    for action in ("stop", "retry", "exclude", "include"):
        assert client.post(f"/api/trials/999/{action}").status_code == 404


def test_a_trial_gives_its_epochs_with_traces(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    post_sweep(trials=1)
    claim = crew.claim()
    crew.step(claim, 1)
    answer = client.get(f"/api/trials/{claim.trials[0].id}/epochs").json()
    assert answer["done"] is False
    assert answer["epochs"][0]["trace"] == [[1.0, 2.0, 3.0]] * 3
    crew.step(claim, 2)
    crew.step(claim, 3)
    answer = client.get(f"/api/trials/{claim.trials[0].id}/epochs").json()
    assert answer["done"] is True
    assert [row["epoch"] for row in answer["epochs"]] == [1, 2, 3]


def test_the_model_is_an_npz_of_the_kept_weights(client: TestClient, post_sweep: Post) -> None:
    post_sweep(trials=1)
    missing = client.get("/api/trials/1/model")
    assert missing.status_code == 404
    assert "weights" in missing.json()["detail"]
    weights = np.arange(6.0).reshape(2, 3)
    client.app.state.files.save_model(1, {"W1": weights}, {"epoch": 3})  # type: ignore[attr-defined]
    answer = client.get("/api/trials/1/model")
    assert answer.status_code == 200
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["W1"], weights)
        assert json.loads(str(file["about"])) == {"epoch": 3}


def test_the_csv_has_a_row_a_trial(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    id = post_sweep(trials=3)["id"]
    crew.finish_all()
    answer = client.get(f"/api/sweeps/{id}/export", params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert f"sweep-{id}.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["number"] for row in rows] == ["0", "1", "2"]
    trials = client.get(f"/api/sweeps/{id}/trials").json()["trials"]
    assert [float(row["lr"]) for row in rows] == [trial["settings"]["lr"] for trial in trials]
    for row, trial in zip(rows, trials, strict=True):
        last = trial["last"]
        names = ("loss", "data_loss", "val_loss", "train_acc", "val_acc")
        assert [float(row[name]) for name in names] == [last[name] for name in names]
        assert float(row["gap"]) == last["train_acc"] - last["val_acc"]


def test_the_csv_says_how_a_diverged_trial_ended(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    id = post_sweep(trials=2)["id"]
    for fate in ({"loss": math.inf, "diverged": "cost inf"}, {}):
        claim = crew.claim()
        crew.record(claim, [made_epoch(one.id, 1, **fate) for one in claim.trials])
    text = client.get(f"/api/sweeps/{id}/export?format=csv").text
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["state"], first["loss"], first["train_acc"], first["gap"]) == ("diverged", "inf", "", "")
    assert (second["state"], second["gap"] != "") == ("running", True)


def test_the_jsonl_has_a_line_a_trial_with_its_epochs(
    client: TestClient, post_sweep: Post, crew: Crew
) -> None:
    id = post_sweep(trials=2)["id"]
    crew.finish_all()
    text = client.get(f"/api/sweeps/{id}/export?format=jsonl").text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [len(line["epochs"]) for line in lines] == [3, 3]
    assert lines[0]["epochs"][0]["epoch"] == 1


def test_the_report_stands_alone(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    id = post_sweep(trials=2, name="<script>alert(1)</script>")["id"]
    crew.finish_all()
    text = client.get(f"/api/sweeps/{id}/export?format=html").text
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert text.count("<tr>") >= 3


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_spreadsheet_takes_a_cell_for_a_formula(text: str) -> None:
    assert tables.escape_formula(text) == f"'{text}"


def test_a_diverged_trial_keeps_its_reason(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    post_sweep(trials=1)
    claim = crew.claim()
    crew.record(claim, [made_epoch(claim.trials[0].id, 1, loss=float("nan"), diverged="The cost was nan.")])
    trial = client.get(f"/api/trials/{claim.trials[0].id}").json()
    assert (trial["state"], trial["best_val_acc"]) == ("diverged", None)
    assert "nan" in trial["reason"]


def test_many_trials_at_once_and_what_is_refused_says_why(
    client: TestClient, post_sweep: Post, crew: Crew
) -> None:
    id = post_sweep(trials=4)["id"]
    address = f"/api/sweeps/{id}/trials/bulk"

    def bulk(**body: Any) -> dict[str, Any]:
        answer = client.post(address, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    assert bulk(action="stop", trials=[1, 3, 99, 1]) == {
        "done": [1, 3],
        "refused": [{"trial": 99, "message": f"There is no trial 99 in sweep {id}."}],
    }
    crew.finish_all()
    again = bulk(action="retry", filter="")
    assert again["done"] == [1, 3]
    assert [one["trial"] for one in again["refused"]] == [0, 2]
    assert again["refused"][0]["message"] == (
        f"Trial 0 of sweep {id} is finished; retry needs it to be stopped or cancelled or failed."
    )
    assert client.get(f"/api/sweeps/{id}").json()["state"] == "running"
    assert bulk(action="exclude", filter="state = finished")["done"] == [0, 2]
    assert client.get(f"/api/sweeps/{id}").json()["excluded"] == 2
    assert bulk(action="include", filter="excluded = true")["done"] == [0, 2]
    assert bulk(action="stop", filter="lr > 1000") == {"done": [], "refused": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "stop"}, "trials"),
        ({"action": "stop", "trials": [1], "filter": ""}, "trials"),
        ({"action": "stop", "trials": []}, "trials"),
        ({"action": "delete", "trials": [1]}, "action"),
        ({"action": "stop", "filter": "lr >"}, "filter"),
    ],
)
def test_a_bad_bulk_request_is_refused_by_field(
    client: TestClient, post_sweep: Post, body: Any, field: str
) -> None:
    answer = client.post(f"/api/sweeps/{post_sweep()['id']}/trials/bulk", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (
        client.post("/api/sweeps/999/trials/bulk", json={"action": "stop", "filter": ""}).status_code == 404
    )


def test_an_export_may_be_of_chosen_trials(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    id = post_sweep(trials=4)["id"]
    crew.finish_all()
    for format in ("csv", "jsonl", "html"):
        answer = client.get(
            f"/api/sweeps/{id}/export", params={"format": format, "filter": "number in (1, 3)"}
        )
        assert answer.status_code == 200
        if format == "csv":
            assert [row["number"] for row in csv.DictReader(io.StringIO(answer.text))] == ["1", "3"]
        if format == "jsonl":
            lines = [json.loads(line) for line in answer.text.splitlines()]
            assert [(line["number"], len(line["epochs"])) for line in lines] == [(1, 3), (3, 3)]
        if format == "html":
            assert answer.text.count("<polyline") == 2
    nothing = client.get(f"/api/sweeps/{id}/export", params={"format": "html", "filter": "number > 9"})
    assert nothing.status_code == 200
