"""Searches that came from one another: their picture, its pages, the autopilot's report."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.render import search_stages_svg
from store.read import related_sweeps, trials
from tests.support.html import parse_page
from tests.support.made_up_worker import Crew, made_epoch
from worker import autopilot_steps as steps

Post = Callable[..., dict[str, Any]]

COARSE = {"lr": {"log_uniform": [1e-4, 1e-1]}, "reg": {"log_uniform": [1e-5, 10]}}
FINE = {"lr": {"log_uniform": [1e-3, 1e-2]}, "reg": {"log_uniform": [1e-4, 1e-2]}}


@pytest.fixture
def pair(client: TestClient, post_sweep: Post, crew: Crew) -> tuple[int, int]:
    """A sweep that has ended and the finer one that came from it."""
    coarse = post_sweep(name="coarse", space=COARSE, trials=12)["id"]
    crew.finish_all()
    fine = client.post(f"/api/sweeps/{coarse}/refinement", json={"name": "fine", "space": FINE}).json()["id"]
    return coarse, fine


def test_boxes_and_points_lie_where_the_axes_say(
    client: TestClient, crew: Crew, pair: tuple[int, int]
) -> None:
    with crew.database.read() as c:
        related = related_sweeps.list_family(c, pair[1])
        drawn = search_stages_svg.load_picture(c, related)
        points = trials.list_by_sweep(c, pair[0])
    assert [one.id for one in related] == list(pair)
    assert drawn is not None
    assert (drawn.x, drawn.y) == ("lr", "reg")
    assert [box.name for box in drawn.boxes] == ["coarse", "fine"]
    outer, inner = drawn.boxes
    assert inner.width == pytest.approx(outer.width / 3, abs=0.2)
    assert inner.height == pytest.approx(outer.height / 3, abs=0.2)
    assert inner.x == pytest.approx(outer.x + outer.width / 3, abs=0.2)
    assert len(drawn.dots) == 12
    for dot in drawn.dots:
        assert outer.x <= dot.x <= outer.x + outer.width
        assert outer.y <= dot.y <= outer.y + outer.height
    by_lr = sorted(drawn.dots, key=lambda dot: dot.x)
    assert [dot.trial_id for dot in by_lr] == [one.id for one in sorted(points, key=lambda t: t.settings.lr)]
    assert [dot.best for dot in drawn.dots].count(True) == 1
    decades = [tick.text for tick in drawn.x_ticks]
    assert {"1e-4", "0.1"} <= set(decades)


def test_what_diverged_is_a_cross_and_what_waits_is_not_drawn(crew: Crew, post_sweep: Post) -> None:
    id = post_sweep(space=COARSE, trials=3)["id"]
    claim = crew.claim()
    crew.record(
        claim, [made_epoch(claim.trials[0].id, 1, diverged="cost is nan"), made_epoch(claim.trials[1].id, 1)]
    )
    with crew.database.read() as c:
        drawn = search_stages_svg.load_picture(c, related_sweeps.list_family(c, id))
    assert drawn is not None
    assert [(dot.diverged, dot.best) for dot in drawn.dots] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    "space",
    [{"lr": {"log_uniform": [1e-3, 1e-1]}}, {"lr": {"choice": [0.1, 0.2]}, "reg": {"choice": [0, 1]}}],
)
def test_without_two_ranges_there_is_no_picture(
    client: TestClient, post_sweep: Post, space: dict[str, Any]
) -> None:
    id = post_sweep(space=space, trials=2)["id"]
    answer = client.get(f"/sweeps/{id}/stages")
    assert answer.status_code == 200
    assert "no two ranges" in answer.text


def test_parent_and_child_name_each_other(client: TestClient, pair: tuple[int, int]) -> None:
    coarse, fine = (client.get(f"/sweeps/{id}").text for id in pair)
    assert f'from it: <a href="/sweeps/{pair[1]}">fine</a>' in coarse
    assert f'<a href="/sweeps/{pair[0]}">coarse</a>' in fine
    for page in (coarse, fine):
        assert "all stages in one picture" in page
    stages_page = client.get(f"/sweeps/{pair[0]}/stages").text
    assert "2 searches that came from one another" in stages_page
    assert len(re.findall("<circle", stages_page)) == 12 + 1  # and a ring around the best


def test_the_family_by_rest(client: TestClient, post_sweep: Post, pair: tuple[int, int]) -> None:
    other = post_sweep()["id"]
    for id in pair:
        assert [one["id"] for one in client.get(f"/api/sweeps/{id}/family").json()["sweeps"]] == list(pair)
    assert [one["id"] for one in client.get(f"/api/sweeps/{other}/family").json()["sweeps"]] == [other]
    assert client.get("/api/sweeps/99/family").status_code == 404
    assert client.get("/sweeps/99/stages").status_code == 404


@pytest.fixture
def flown(client: TestClient, crew: Crew) -> dict[str, Any]:
    """An autopilot that has ended, its trials made up."""
    made = client.post(
        "/api/autopilots", json={"preflight": False, "trials": 8, "name": "a <b>pilot</b>"}
    ).json()
    for _ in range(4):
        steps.advance(client.app.state.database, client.app.state.config)  # type: ignore[attr-defined]
        crew.finish_all()
    return dict(client.get(f"/api/autopilots/{made['id']}").json())


def test_an_autopilots_page_tells_each_stage_and_why(client: TestClient, flown: dict[str, Any]) -> None:
    page = html.unescape(client.get(f"/autopilot/{flown['id']}").text)
    assert flown["state"] == "finished"
    for stage in flown["stages"]:
        assert all(line in page for line in stage["why"].splitlines())
        assert f"/sweeps/{stage['sweep']['id']}" in page
    assert flown["reason"] in page
    assert f"/trials/{flown['best']['id']}" in page
    assert f"Trial #{flown['best']['number']} of sweep {flown['best']['sweep_id']}</a>: val" in page
    assert f"autopilot {flown['id']}" in client.get(f"/sweeps/{flown['stages'][0]['sweep']['id']}").text
    assert client.get("/autopilot/99").status_code == 404


def test_of_equals_the_winner_is_ringed_on_page_and_report(client: TestClient, flown: dict[str, Any]) -> None:
    searched = [
        trial
        for stage in flown["stages"]
        for trial in client.get(f"/api/sweeps/{stage['sweep']['id']}/trials").json()["trials"]
    ]
    best = flown["best"]
    assert [one["best_val_acc"] for one in searched].count(best["best_val_acc"]) > 1
    assert best["sweep_id"] == flown["stages"][-1]["sweep"]["id"]
    page, report = (
        parse_page(client.get(f"/autopilot/{flown['id']}{path}").text).select('circle:has(+ circle[r="9"])')
        for path in ("", "/report")
    )
    assert [ringed.parent["href"] for ringed in page] == [f"/trials/{best['id']}"]
    assert [ringed.title.text for ringed in page] == [ringed.title.text for ringed in report]


def test_each_end_of_a_finer_space_is_told_with_what_became_of_it(
    client: TestClient, flown: dict[str, Any]
) -> None:
    coarse, fine, *_ = flown["stages"]
    assert [one["kind"] for one in coarse["moves"]] == ["kept"] * 4  # no preflight: the recipe's own ranges
    ranges = {name: spec["log_uniform"] for name, spec in fine["sweep"]["space"].items()}
    before = {name: spec["log_uniform"] for name, spec in coarse["sweep"]["space"].items()}
    for one in fine["moves"]:
        place = ("low", "high").index(one["end"])
        assert (one["was"], one["now"]) == (before[one["parameter"]][place], ranges[one["parameter"]][place])
    first, *bounds = fine["why"].splitlines()
    assert "Closer and longer" in first
    assert {line.partition(":")[0] for line in bounds} == {one["parameter"] for one in fine["moves"]}
    for text in (
        client.get(f"/autopilot/{flown['id']}").text,
        client.get(f"/api/autopilots/{flown['id']}/report").text,
    ):
        shown = [cell["data-move"] for cell in parse_page(text).select("td[data-move]")]
        assert shown == [one["kind"] for stage in flown["stages"] for one in stage["moves"]]


def test_a_report_is_one_file_with_the_winner_and_how_to_train_it_again(
    client: TestClient, flown: dict[str, Any]
) -> None:
    answer = client.get(f"/api/autopilots/{flown['id']}/report")
    assert answer.headers["content-disposition"] == f'attachment; filename="autopilot-{flown["id"]}.html"'
    assert not re.findall(r'(?:src|href)="(?!#|data:)', answer.text), "it loads nothing and leads nowhere"
    assert "<b>pilot</b>" not in answer.text
    assert answer.text.count(f"epochs 1 to {flown['best']['epochs_done']}") == 2  # the scale of both figures
    assert re.search(r"begun \d+ [A-Z][a-z]+ 20\d\d, \d\d:\d\d UTC, finished \d", answer.text)
    text = html.unescape(answer.text)
    for stage in flown["stages"]:
        assert all(line in text for line in stage["why"].splitlines())
    body = json.loads(parse_page(answer.text).pre.text)
    assert body["points"] == [flown["best"]["settings"]]
    again = client.post("/api/sweeps", json=body)
    assert again.status_code == 201, again.text
    (trial,) = client.get(f"/api/sweeps/{again.json()['id']}/trials").json()["trials"]
    assert trial["settings"] == flown["best"]["settings"]
    assert client.get("/api/autopilots/99/report").status_code == 404


@pytest.mark.parametrize(
    ("axis", "texts"),
    [
        (search_stages_svg.Axis("lr", True, -5.0, -1.0), ["1e-5", "1e-4", "0.001", "0.01", "0.1"]),
        (search_stages_svg.Axis("lr", True, -4.1, -3.0), ["1e-4", "2e-4", "5e-4", "0.001"]),
        (
            search_stages_svg.Axis("lr", True, -20.0, 20.0),
            ["1e-20", "1e-15", "1e-10", "1e-5", "1", "1e5", "1e10", "1e15", "1e20"],
        ),
        (search_stages_svg.Axis("dropout", False, 0.0, 1.0), ["0", "0.25", "0.5", "0.75", "1"]),
    ],
)
def test_an_axis_has_round_ticks_within_it(axis: search_stages_svg.Axis, texts: list[str]) -> None:
    ticks = list(axis.ticks())
    assert [text for _, text in ticks] == texts
    assert all(0 <= at <= 1 for at, _ in ticks)


def test_the_report_can_be_read_in_place_and_its_weights_are_near(
    client: TestClient, flown: dict[str, Any]
) -> None:
    read = client.get(f"/autopilot/{flown['id']}/report")
    assert "content-disposition" not in read.headers
    assert read.text == client.get(f"/api/autopilots/{flown['id']}/report").text
    assert f'href="/autopilot/{flown["id"]}/report"' in client.get(f"/autopilot/{flown['id']}").text
    assert client.get("/autopilot/99/report").status_code == 404


def test_the_autopilot_is_offered_where_a_search_begins(client: TestClient) -> None:
    for path in ("/", "/sweeps/new"):
        assert 'the <a href="/autopilot">autopilot</a>' in client.get(path).text
