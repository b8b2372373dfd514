"""Sweeps over HTTP: what a script sees that posts, reads, steers and deletes them."""

import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.schemas.sweeps import SweepIn
from tests.support.made_up_worker import BODY, Crew, made_epoch

Post = Callable[..., dict[str, Any]]


def field_errors(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_the_documented_example_body_is_accepted_as_it_stands(client: TestClient) -> None:
    body = SweepIn.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index,call-overload]
    answer = client.post(
        "/api/sweeps",
        json={**body, "dataset": "digits"} | {"settings": body["settings"] | {"val_count": 300}},
    )
    assert answer.status_code == 201
    sweep = answer.json()
    assert answer.headers["location"] == f"/api/sweeps/{sweep['id']}"
    assert sweep["counts"]["queued"] == 100
    assert set(sweep["counts"]) == {
        "queued",
        "running",
        "finished",
        "diverged",
        "stopped",
        "cancelled",
        "failed",
    }
    assert sweep["space"] == {"lr": {"log_uniform": [1e-6, 1e-3]}, "reg": {"log_uniform": [1e-5, 1e5]}}
    assert client.get(answer.headers["location"]).json() == sweep | {"notes": "", "notes_html": ""}


def test_a_recipe_brings_its_numbers_and_fields_override_them(client: TestClient, post_sweep: Post) -> None:
    plain = post_sweep(**{"name": None, "space": None, "trials": None, "settings": {}}, recipe="coarse")
    changed = post_sweep(**{"space": None, "settings": {"lr": 0.5, "epochs": 2}}, recipe="coarse", trials=3)
    assert plain["trials"] > 3
    assert set(plain["space"]) == {"lr", "reg"}
    assert plain["name"]
    assert changed["trials"] == 3
    assert set(changed["space"]) == {"reg"}  # a fixed lr does not vary
    trials = client.get(f"/api/sweeps/{changed['id']}/trials").json()["trials"]
    assert {trial["settings"]["lr"] for trial in trials} == {0.5}
    assert {trial["settings"]["epochs"] for trial in trials} == {2}
    narrow = post_sweep(**{"settings": {}}, recipe="coarse", space={"lr": {"uniform": [0.1, 0.2]}})
    assert set(narrow["space"]) == {"lr"}


def test_explicit_points_become_the_trials_in_order(client: TestClient, post_sweep: Post) -> None:
    points = [{"lr": 0.1}, {"lr": 0.2, "reg": 1e-3}]
    sweep = post_sweep(space=None, trials=None, points=points)
    trials = client.get(f"/api/sweeps/{sweep['id']}/trials").json()["trials"]
    assert [trial["settings"]["lr"] for trial in trials] == [0.1, 0.2]
    assert [trial["number"] for trial in trials] == [0, 1]


def test_points_take_the_place_of_what_a_recipe_draws(client: TestClient, post_sweep: Post) -> None:
    sweep = post_sweep(recipe="coarse", space=None, trials=None, settings={}, points=[{"lr": 0.1}])
    assert (sweep["space"], sweep["trials"]) == ({}, 1)


def test_a_dry_run_draws_the_same_trials_and_stores_nothing(client: TestClient, post_sweep: Post) -> None:
    draft = client.post("/api/sweeps?dry_run=true", json=BODY | {"seed": 7})
    assert draft.status_code == 200
    assert client.get("/api/sweeps").json() == {"sweeps": [], "total": 0}
    sweep = post_sweep(seed=7)
    trials = client.get(f"/api/sweeps/{sweep['id']}/trials").json()["trials"]
    assert draft.json()["draws"] == [trial["settings"] for trial in trials]
    assert draft.json()["trials"] == 4
    assert draft.json()["estimated_seconds"] > 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"trials": 0}, "trials"),
        ({"trials": 1_000_000_000}, "trials"),
        ({"trials": "many"}, "trials"),
        ({"trials": None}, "trials"),
        ({"trails": 5}, "trails"),
        ({"seed": -1}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"sampler": "annealing"}, "sampler"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"dataset": "imagenet"}, "dataset"),
        ({"dataset": "../../etc"}, "dataset"),
        ({"recipe": "soup"}, "recipe"),
        ({"space": {"lr": {"log_uniform": [0, 1]}}}, "space.lr"),
        ({"space": {"lr": {"uniform": [1, 0]}}}, "space.lr"),
        ({"space": {"speed": {"uniform": [0, 1]}}}, "space.speed"),
        ({"settings": {"hidden": [10**9], "val_count": 300}}, "settings.hidden"),
        ({"settings": {"epochs": 10**12, "val_count": 300}}, "settings.epochs"),
        ({"settings": {"lr": 0.1, "val_count": 300}}, "settings.lr"),
        ({"settings": {"val_count": 1500}}, "settings.val_count"),
        ({"settings": {"val_count": 300, "train_count": 1300}}, "settings.train_count"),
        ({"trials": 10_000, "settings": {"epochs": 10_000, "val_count": 300}}, "trials"),
        ({"settings": {"hidden": [4096] * 3, "val_count": 300}, "trials": 100}, "settings.hidden"),
        ({"space": None, "trials": None, "points": [{"lr": 0.1}, {"lr": "fast"}]}, "points[1].lr"),
        ({"space": None, "points": [{"lr": 0.1}]}, "trials"),
        ({"trials": None, "points": [{"lr": 0.1}]}, "space"),
        ({"trials": None, "points": [{"lr": 0.1}], "recipe": "coarse"}, "space"),
        ({"space": None, "trials": None, "points": []}, "points"),
    ],
)
def test_a_bad_body_is_refused_by_the_name_of_its_field(client: TestClient, change: Any, field: str) -> None:
    errors = field_errors(client.post("/api/sweeps", json=BODY | change))
    assert field in errors
    word = field.split(".")[-1].split("[")[0]
    assert field == "dataset" or word in errors[field]
    assert errors[field].endswith((".", "?"))
    assert client.get("/api/sweeps").json()["total"] == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"space": []}', "space must be an object that maps settings to distributions, not []."),
        (b'{"points": []}', "points must be a list of at least 1, not []."),
        (b'{"trials": 1.5}', "trials must be a whole number, not 1.5."),
        (b'{"trials": 0}', "trials must be 1 or more, not 0."),
        (b'{"name": "%s"}' % (b"x" * 201), "name must be at most 200 characters long, not "),
        (b'{"sampler": "bayes"}', "sampler must be 'random', 'grid' or 'sobol', not \"bayes\"."),
        (b"[]", "body must be a JSON object, not []."),
        (b"", "body is missing."),
        (b"{nope", "The body is not valid JSON: "),
        (b'{"a":' * 5000, "The body cannot be read: it is nested too deeply"),
    ],
)
def test_a_bad_body_is_told_in_our_own_words(client: TestClient, content: bytes, told: str) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post("/api/sweeps", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"].startswith(told)


def test_a_body_that_is_not_said_to_be_json_is_told_so(client: TestClient) -> None:
    answer = client.post("/api/sweeps", content=json.dumps(BODY), headers={"content-type": "text/plain"})
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("value", ["x", "0", "-1", "9" * 30, ""])
def test_a_bad_number_in_an_address_is_told_in_our_own_words(client: TestClient, value: str) -> None:
    answer = client.get("/api/sweeps", params={"limit": value})
    assert answer.status_code == 422
    assert re.fullmatch(r"limit must be [\w ]+, not \"-?\w*\"\.", answer.json()["detail"])


def test_every_bad_field_is_named_at_once(client: TestClient) -> None:
    body = BODY | {"space": {"lr": {"uniform": [1, 0]}, "reg": {"normal": [0, 1]}}}
    assert set(field_errors(client.post("/api/sweeps", json=body))) == {"space.lr", "space.reg"}


def test_what_is_wrong_with_body_space_settings_points_and_rule_is_told_in_one_round(
    client: TestClient,
) -> None:
    answer = client.post(
        "/api/sweeps",
        json={
            "seed": -4,
            "name": 5,
            "space": {"lr": {"log_uniform": [1, 0.1]}},
            "settings": {"lr_decay": 0, "no{thing}": 1},
            "points": [{"lr": 0.1}, {"lr": "x", "reg": -1}],
            "stopping": {"halving": {"factor": 1}},
        },
    )
    told = field_errors(answer)
    assert set(told) == {
        "seed",
        "name",
        "space.lr",
        "settings.lr_decay",
        "settings.no{thing}",
        "points[1].lr",
        "points[1].reg",
        "stopping.halving.factor",
    }
    assert told["space.lr"] == "space.lr goes from 1 to 0.1; the low end must be below the high end."
    assert told["settings.no{thing}"].startswith("no{thing} is not a setting; the settings are ")


def test_a_thousand_bad_fields_do_not_make_a_long_answer(client: TestClient) -> None:
    answer = client.post(
        "/api/sweeps", json=BODY | {"space": {"x" * n: {"uniform": [0, 1]} for n in range(1, 1000)}}
    )
    assert answer.status_code == 422
    assert len(answer.content) < 60_000
    assert "And 994 more." in answer.json()["detail"]


def test_the_same_key_gives_the_same_sweep_and_another_body_is_refused(client: TestClient) -> None:
    key = {"Idempotency-Key": "once-1"}
    first = client.post("/api/sweeps", json=BODY, headers=key)
    again = client.post("/api/sweeps", json=BODY, headers=key)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    other = client.post("/api/sweeps", json=BODY | {"seed": 9}, headers=key)
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]
    assert client.get("/api/sweeps").json()["total"] == 1


def test_fifty_equal_requests_at_once_make_one_sweep(client: TestClient) -> None:
    ids: list[int] = []

    def send() -> None:
        ids.append(client.post("/api/sweeps", json=BODY, headers={"Idempotency-Key": "many"}).json()["id"])

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 50
    assert len(set(ids)) == 1


def test_a_sweep_is_paused_resumed_stopped_and_the_rest_refused(client: TestClient, post_sweep: Post) -> None:
    address = f"/api/sweeps/{post_sweep()['id']}"
    assert client.post(f"{address}/resume").status_code == 409
    assert client.post(f"{address}/pause").json()["state"] == "paused"
    refused = client.post(f"{address}/pause")
    assert refused.status_code == 409
    assert "paused" in refused.json()["detail"]
    assert client.post(f"{address}/resume").json()["state"] == "running"
    stopped = client.post(f"{address}/stop").json()
    assert stopped["counts"]["cancelled"] == 4
    assert stopped["state"] in ("finished", "stopping")
    assert client.post(f"{address}/cancel").status_code == 409
    assert client.post(f"{address}/explode").status_code in (404, 405)


def test_cancel_ends_what_runs_and_workers_learn_it(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    address = f"/api/sweeps/{post_sweep()['id']}"
    claim = crew.claim()
    crew.step(claim, 1)
    cancelled = client.post(f"{address}/cancel").json()
    assert cancelled["state"] == "cancelled"
    assert cancelled["counts"]["cancelled"] == 4
    assert crew.step(claim, 2) == frozenset()


def test_a_sweep_is_renamed_and_deleted(client: TestClient, post_sweep: Post) -> None:
    address = f"/api/sweeps/{post_sweep()['id']}"
    assert client.patch(address, json={"name": "better"}).json()["name"] == "better"
    assert client.patch(address, json={"state": "finished"}).status_code == 422
    assert client.delete(address).status_code == 409  # it runs
    client.post(f"{address}/cancel")
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert client.get("/api/sweeps").json()["total"] == 0


@pytest.mark.parametrize("id", ["99", "0", "-1", "abc", "9" * 30, "1.5", "%00"])
@pytest.mark.parametrize("rest", ["", "/trials", "/epochs", "/findings", "/refinement", "/export"])
def test_what_is_not_there_is_404_or_422(client: TestClient, id: str, rest: str) -> None:
    answer = client.get(f"/api/sweeps/{id}{rest}")
    assert answer.status_code == (404 if id == "99" else 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


def test_epochs_come_by_cursor_each_once(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    address = f"/api/sweeps/{post_sweep(trials=3)['id']}/epochs"
    seen: list[tuple[int, int]] = []
    cursor, done = 0, False

    def read(limit: int) -> None:
        nonlocal cursor, done
        answer = client.get(address, params={"after": cursor, "limit": limit}).json()
        seen.extend((row["trial_id"], row["epoch"]) for row in answer["epochs"])
        cursor, done = answer["cursor"], answer["done"]

    claims = []
    while sum(len(claim.trials) for claim in claims) < 3:
        claims.append(crew.claim())
    for epoch in (1, 2, 3):
        for claim in claims:
            crew.step(claim, epoch)
        assert not done
        read(2)
    while not done:
        read(2)
    assert sorted(seen) == sorted({(t.id, e) for claim in claims for t in claim.trials for e in (1, 2, 3)})
    read(2)
    assert done
    assert len(seen) == 9


def test_what_is_not_finite_is_null_with_a_flag(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    sweep = post_sweep(trials=1)
    claim = crew.claim()
    key = claim.trials[0].id
    wild = {"loss": float("inf"), "val_loss": float("nan"), "trace": ((1.0, float("inf"), float("inf")),)}
    crew.step(claim, 1)
    crew.record(claim, [made_epoch(key, 2, diverged="cost is inf", val_acc=0.99, **wild)])
    answer = client.get(f"/api/sweeps/{sweep['id']}/epochs")
    assert "NaN" not in answer.text
    assert "Infinity" not in answer.text
    row = answer.json()["epochs"][1]
    assert row["loss"] is None
    assert row["val_loss"] is None
    assert row["flags"]["loss"] == "inf"
    assert row["flags"]["val_loss"] == "nan"
    assert row["trace"] == [[1.0, None, None]]
    trial = client.get(f"/api/trials/{key}").json()
    assert trial["state"] == "diverged"
    assert trial["best_val_acc"] == pytest.approx(0.05)  # of the epoch before
    assert client.get(f"/api/sweeps/{sweep['id']}").json()["best"] is None
    assert client.get(f"/api/trials/{key}/findings").json()["findings"]


def test_a_sweep_that_has_nothing_to_say_says_so(client: TestClient, post_sweep: Post) -> None:
    waiting = post_sweep(trials=2)["id"]
    (finding,) = client.get(f"/api/sweeps/{waiting}/findings").json()["findings"]
    assert finding["code"] == "too-few-trials"
    assert finding["sentence"] == "No trial has finished yet, so nothing can be said of the search."
    for method in ("GET", "POST"):
        answer = client.request(method, f"/api/sweeps/{waiting}/refinement")
        assert answer.status_code == 409
        assert (
            answer.json()["detail"] == "None of the 2 trials has finished; a refinement needs at least one."
        )
    listed = post_sweep(space=None, trials=None, points=[{"lr": 0.1}])["id"]
    answer = client.get(f"/api/sweeps/{listed}/refinement")
    assert answer.json()["detail"] == "Nothing varies in this sweep, so there is no range to refine."
    first = client.get(f"/api/sweeps/{waiting}/trials").json()["trials"][0]["id"]
    assert client.get(f"/api/trials/{first}/findings").json() == {"findings": []}  # before its first epoch


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"trials": 0}, "trials must be 1 or more, not 0."),
        ({"space": None, "trials": None, "points": []}, "points must be a list of at least 1, not []."),
    ],
)
def test_an_empty_sweep_is_refused(client: TestClient, body: dict[str, Any], sentence: str) -> None:
    answer = client.post("/api/sweeps", json=BODY | body)
    assert (answer.status_code, answer.json()["detail"]) == (422, sentence)


def test_the_refinement_becomes_a_child_sweep(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    parent = post_sweep(trials=20)
    assert client.get(f"/api/sweeps/{parent['id']}/refinement").status_code == 409  # nothing has finished
    crew.finish_all()
    proposal = client.get(f"/api/sweeps/{parent['id']}/refinement").json()
    assert [bound["parameter"] for bound in proposal["words"]] == ["lr"]
    answer = client.post(f"/api/sweeps/{parent['id']}/refinement", json={"trials": 5, "name": "closer"})
    assert answer.status_code == 201
    child = client.get(answer.headers["location"]).json()
    assert child["parent_id"] == parent["id"]
    assert (child["name"], child["trials"], child["space"]) == ("closer", 5, proposal["space"])
    plain = client.post(f"/api/sweeps/{parent['id']}/refinement")
    assert plain.status_code == 201
    assert plain.json()["trials"] == proposal["trials"]


def test_tags_and_notes_are_kept_and_shown(client: TestClient, post_sweep: Post) -> None:
    address = f"/api/sweeps/{post_sweep()['id']}"
    changed = client.patch(address, json={"tags": ["first", " cifar ", "first"], "notes": "It *works*.\r\n"})
    assert changed.status_code == 200, changed.text
    body = client.get(address).json()
    assert body == changed.json()
    assert (body["name"], body["tags"], body["notes"]) == ("small", ["first", "cifar"], "It *works*.")
    assert body["notes_html"] == "<p>It <em>works</em>.</p>\n"
    assert client.get("/api/sweeps").json()["sweeps"][0]["tags"] == ["first", "cifar"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"tags": ["a,b"]}, "tags[0]"),
        ({"tags": [""]}, "tags[0]"),
        ({"tags": ["x" * 41]}, "tags[0]"),
        ({"tags": [str(n) for n in range(21)]}, "tags"),
        ({"notes": "a\u0000b"}, "notes"),
        ({"notes": "x" * 20_001}, "notes"),
        ({"notes": 3}, "notes"),
    ],
)
def test_bad_tags_and_notes_are_refused_by_field(
    client: TestClient, post_sweep: Post, body: Any, field: str
) -> None:
    answer = client.patch(f"/api/sweeps/{post_sweep()['id']}", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_sweep_that_halves_says_what_it_saved(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    made = post_sweep(trials=9, stopping={"halving": {}})
    assert made["stopping"] == {"halving": {"factor": 3, "first": 1, "bracket": None}}
    assert made["saved"] == {"trials": 0, "epochs": 0, "seconds": None}
    crew.finish_all()
    sweep = client.get(f"/api/sweeps/{made['id']}").json()
    assert (sweep["state"], sweep["counts"]["finished"], sweep["counts"]["stopped"]) == ("finished", 3, 6)
    assert sweep["saved"] == {"trials": 6, "epochs": 12, "seconds": pytest.approx(0.12)}
    rows = client.get(f"/api/sweeps/{made['id']}/trials", params={"filter": "state = stopped"}).json()
    assert {row["spared"] for row in rows["trials"]} == {2}
    assert "was not among the best 3 of 9 at rung 1; 2 epochs were not trained" in rows["trials"][0]["reason"]
    child = client.post(f"/api/sweeps/{made['id']}/refinement", json={}).json()
    assert child["stopping"] == made["stopping"]


def test_a_dry_run_foresees_what_halving_spares(client: TestClient) -> None:
    long = BODY | {"trials": 27, "settings": BODY["settings"] | {"epochs": 27}}
    seconds = [
        client.post("/api/sweeps?dry_run=true", json=long | {"stopping": rule}).json()["estimated_seconds"]
        for rule in (None, {"halving": {}})
    ]
    assert seconds[1] == pytest.approx(seconds[0] * (1 + 2 / 3 + 6 / 9 + 18 / 27) / 27)


def test_a_bad_stopping_rule_is_refused_by_its_field(client: TestClient) -> None:
    for rule, field in (
        ({"halving": {"factor": 1}}, "stopping.halving.factor"),
        ({"halving": {"first": 3}}, "stopping.halving.first"),
        ({"luck": {}}, "stopping"),
    ):
        answer = client.post("/api/sweeps", json=BODY | {"stopping": rule})
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_request_has_the_same_text_in_every_version() -> None:
    """Its digest stands beside its Idempotency-Key; this text is from before spaces were parsed at once."""
    sent = {
        "name": " é ",
        "space": {"reg": {"uniform": [0, 1]}, "lr": {"log_uniform": [0.00001, 1]}},
        "settings": {"hidden": [10], "epochs": 1},
        "trials": 2,
        "seed": 3,
        "stopping": {"median": {}},
    }
    assert SweepIn.model_validate(sent).to_text() == (
        '{"name":"é","dataset":"digits","recipe":null,"space":{"reg":{"uniform":[0,1]},'
        '"lr":{"log_uniform":[0.00001,1]}},"settings":{"hidden":[10],"epochs":1},"trials":2,"points":null,'
        '"sampler":null,"seed":3,"stopping":{"median":{}}}'
    )


@pytest.mark.parametrize(
    "fields",
    [
        '"space": {"\\ud800": {"uniform": [1, 2]}}',
        '"space": {"lr": {"choice": ["\\ud800"]}}',
        '"settings": {"update": "\\ud800"}',
        '"points": [{"update": "\\ud800"}]',
        '"stopping": {"\\ud800": {}}',
    ],
)
def test_half_a_surrogate_pair_is_refused_in_a_sentence(client: TestClient, fields: str) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post("/api/sweeps", content=f'{{"trials": 3, {fields}}}', headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"]


@pytest.mark.parametrize(("rule", "shown"), [(True, "true"), ("x", '"x"'), ({"halving": None}, "null")])
def test_a_bad_stopping_rule_is_shown_as_it_was_sent(client: TestClient, rule: object, shown: str) -> None:
    answer = client.post("/api/sweeps", json=BODY | {"stopping": rule})
    assert answer.json()["detail"].endswith(f"not {shown}.")
