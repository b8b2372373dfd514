"""Pages: whole, escaped and self-sufficient under the strict policy; what they load is served and kept."""

import gzip
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from starlette.testclient import TestClient

from app.pages import finding_help
from app.pages.trials import compare_settings
from app.render import assets
from app.render.assets import PLOTLY_PATH
from app.text.formats import format_distribution
from learning.diagnosis.findings import FINDING_CODES
from learning.search.recipes import RECIPES
from learning.search.space import Choice, Distribution, LogUniform, Uniform
from tests.support.html import BROWSER, parse_page, read_data
from tests.support.made_up_worker import Crew, made_epoch

NASTY = "<script>alert(1)</script> & \"x\" 'y' {{ 7*7 }} </title>"

STATIC = Path(__file__).parents[3] / "static"

Post = Callable[..., dict[str, Any]]


@pytest.fixture
def paths(client: TestClient, post_sweep: Post, crew: Crew) -> list[str]:
    """Every page, with a sweep behind it that has run, and an autopilot that waits."""
    post_sweep(name=NASTY[:150])
    crew.finish_all()
    assert client.post("/api/autopilots", json={"name": NASTY[:150]}).status_code == 201
    return [
        "/",
        "/sweeps/new",
        "/sweeps/new?recipe=coarse&dataset=digits",
        "/sweeps/new?from=1",
        "/sweeps/1",
        "/trials/1",
        "/compare?trials=1,2,3",
        "/compare",
        "/sweeps/1/stages",
        "/preflight",
        "/autopilot",
        "/autopilot/1",
        "/datasets",
        "/workers",
        "/help",
    ]


def test_every_page_answers_and_keeps_the_policy(client: TestClient, paths: list[str]) -> None:
    for path in paths:
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code == 200, path
        assert "text/html" in answer.headers["content-type"]
        assert answer.headers["cache-control"] == "no-store"
        page = parse_page(answer.text)
        for element in page.find_all():
            assert not [name for name in element.attrs if name.startswith("on")], (path, element)
            for name in ("src", "href", "action"):
                assert element.get(name, "/").startswith(("/", "#")), (path, element)
        assert not page.select('script:not([src], [type="application/json"])'), (path, "an inline script")


def test_ids_are_unique_and_every_control_has_a_name(client: TestClient, paths: list[str]) -> None:
    for path in paths:
        page = parse_page(client.get(path).text)
        ids = [element["id"] for element in page.select("[id]")]
        assert len(ids) == len(set(ids)), path
        labelled = {label["for"] for label in page.select("label[for]")}
        for control in page.select("input:not([type=hidden], [type=checkbox]), select"):
            assert control.get("id") in labelled or control.get("aria-label"), (path, control)
        assert not page.select("img:not([alt])"), path


def test_what_users_write_is_escaped(client: TestClient, paths: list[str]) -> None:
    for path in paths:
        text = client.get(path).text
        assert "alert(1)</script>" not in text.replace(json.dumps(NASTY), ""), path
        assert "49" not in [heading.text for heading in parse_page(text).select("h1")]
    assert read_data(client.get("/sweeps/1").text)["sweep"]["name"] == NASTY[:150]


def test_every_module_and_icon_that_a_page_names_is_there(client: TestClient, paths: list[str]) -> None:
    wanted = {*STATIC.rglob("*.js")}
    imported = {
        (file.parent / path).resolve()
        for file in wanted
        for path in re.findall(r'from "(\..+?)"', file.read_text("utf-8"))
    }
    assert imported
    assert imported <= wanted
    symbols = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "img/icons.svg").read_text("utf-8")))
    for path in paths:
        text = client.get(path).text
        assert set(re.findall(r"icons\.svg#(\w+)", text)) <= symbols
        for address in set(re.findall(r'(?:src|href)="(/static/[^"#]+)', text)):
            assert client.get(address).status_code == 200, address


def test_figures_in_pages_are_valid_in_both_themes(client: TestClient, paths: list[str]) -> None:
    found = 0
    for path in paths:
        for script in parse_page(client.get(path).text).select("script#data"):
            for themes in json.loads(script.text).get("figures", {}).values():
                assert set(themes) == {"light", "dark"}
                for shell in themes.values():
                    go.Figure(shell)
                    found += 1
    assert found >= 24


def test_what_opens_with_a_chart_fetches_plotly_at_once_and_nothing_else_does(
    client: TestClient, post_sweep: Post
) -> None:
    post_sweep()
    wanted = f'<link rel="preload" href="{PLOTLY_PATH}" as="script">'
    meta = f'<meta name="plotly" content="{PLOTLY_PATH}">'
    for path in ("/trials/1", "/compare?trials=1,2", "/sweeps/1?view=curves", "/embed/sweeps/1/loss"):
        assert wanted in client.get(path).text, path
    for path in ("/", "/sweeps/1", "/sweeps/1?view=table", "/compare", "/datasets"):
        assert PLOTLY_PATH not in client.get(path).text.replace(meta, ""), path


def test_sweeps_of_one_name_are_told_apart(client: TestClient, post_sweep: Post) -> None:
    settings = {"epochs": 6, "val_count": 300}
    post_sweep(trials=1, settings={"val_count": 300})
    post_sweep(trials=9, settings=settings, stopping={"halving": {"first": 2}})
    rows = parse_page(client.get("/").text).select('[data-field="about"]')
    assert [row.text for row in rows] == [
        "sweep 2 · digits · random · 9 trials of 6 epochs · halving",
        "sweep 1 · digits · random · 1 trial",
    ]
    assert "successive halving: factor 3, first 2<" in client.get("/sweeps/2").text
    assert "halving" not in client.get("/sweeps/1").text


def test_the_list_sends_its_first_curves_along(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    assert parse_page(client.get("/").text).select("#sweeps[hidden]")
    post_sweep()
    crew.finish_all()
    text = client.get("/").text
    assert parse_page(text).select("#empty[hidden]")
    data = read_data(text)
    assert data["sparks"]["1"] == [2.2, 1.1, pytest.approx(2.2 / 3)]
    assert data["cursor"] > 0


def test_a_page_of_numbers_that_are_not_finite_is_valid(
    client: TestClient, post_sweep: Post, crew: Crew
) -> None:
    post_sweep(trials=1)
    claim = crew.claim()
    bad = {"loss": float("nan"), "val_loss": float("inf"), "diverged": "cost is nan"}
    crew.record(claim, [made_epoch(claim.trials[0].id, 1, **bad)])
    for path in ("/", "/sweeps/1", "/trials/1", "/compare?trials=1"):
        text = client.get(path).text
        assert "NaN" not in text
        assert "Infinity" not in text


def test_a_browser_gets_errors_as_pages_and_a_script_as_problems(client: TestClient) -> None:
    for path in ("/sweeps/99", "/trials/99", "/nowhere", "/sweeps/abc"):
        page = client.get(path, headers=BROWSER)
        assert page.status_code in (404, 422)
        assert "text/html" in page.headers["content-type"]
        assert "To the sweeps" in page.text
        assert "problem+json" in client.get(path).headers["content-type"]
    assert "problem+json" in client.get("/api/sweeps/99", headers=BROWSER).headers["content-type"]


def test_plotly_comes_packed_out_of_the_package_and_may_be_kept(client: TestClient) -> None:
    answer = client.get(PLOTLY_PATH, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["vary"] == "accept-encoding"
    plain = client.get(PLOTLY_PATH, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    assert len(gzip.compress(plain.content, 1)) < 2_000_000
    version = re.search(r"plotly-(.+)\.min\.js", PLOTLY_PATH)
    assert version is not None
    assert f"plotly.js v{version[1]}" in plain.text[:200]


def test_our_own_files_are_kept_under_the_address_of_their_edition_only(client: TestClient) -> None:
    """A page from before an upgrade may still ask for a module: it gets today's, and does not keep it."""
    answer = client.get(assets.asset_url("core/dom.js"))
    assert "immutable" in answer.headers["cache-control"]
    assert "javascript" in answer.headers["content-type"]
    assert answer.content == (STATIC / "core/dom.js").read_bytes()
    for path in ("/static/core/dom.js", "/static/0123456789ab/core/dom.js"):
        other = client.get(path)
        assert (other.headers["cache-control"], other.content) == ("no-cache", answer.content)


@pytest.mark.parametrize(
    "path",
    [
        "nothing.js",
        "core/nothing.js",
        "core",
        "dom.js",
        "a/b/core/dom.js",
        "../pyproject.toml",
        "%2e%2e/pyproject.toml",
        "..%2fapp/main.py",
    ],
)
def test_only_static_files_are_served(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_sample_images_of_each_class(client: TestClient) -> None:
    answer = client.get("/datasets/digits/classes/3.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    assert client.get("/datasets/digits/classes/10.png").status_code == 404
    assert client.get("/datasets/unheard-of/classes/0.png").status_code == 422


def test_first_layer_weights_come_from_the_kept_model(client: TestClient, post_sweep: Post) -> None:
    post_sweep(trials=1)
    assert client.get("/trials/1/weights.png").status_code == 204
    files = client.app.state.files  # type: ignore[attr-defined]
    files.save_model(1, {"W1": np.random.default_rng(0).standard_normal((64, 10))}, {})
    answer = client.get("/trials/1/weights.png")
    assert answer.content.startswith(b"\x89PNG")
    assert (
        int.from_bytes(answer.content[16:20]) == 10 * 9 - 1
    )  # ten units of 8 by 8 in a row, a pixel between
    assert client.get("/trials/99/weights.png").status_code == 404


def test_a_form_like_another_sweep_begins_with_its_plan(client: TestClient, post_sweep: Post) -> None:
    made = post_sweep()
    start = read_data(client.get("/sweeps/new?from=1").text)["start"]
    assert {name: start[name] for name in ("space", "settings", "trials", "sampler", "seed", "dataset")} == {
        name: made[name] for name in ("space", "settings", "trials", "sampler", "seed", "dataset")
    }


def test_a_form_comes_with_its_recipes_and_with_room_for_its_space(client: TestClient) -> None:
    text = client.get("/sweeps/new?recipe=fine").text
    page, data = parse_page(text), read_data(text)
    buttons = page.select("[data-recipe][aria-pressed]")
    assert [button["data-recipe"] for button in buttons] == list(RECIPES)
    pressed = page.select("[data-recipe][aria-pressed=true]")
    assert [button["data-recipe"] for button in pressed] == ["fine"]
    assert data["start"]["space"] == data["recipes"]["fine"]["space"]
    assert len(page.select(".space-row")) == len(data["start"]["space"])
    assert RECIPES["fine"].note in page.text


def test_a_trial_comes_with_what_its_curves_say_and_what_can_be_done(
    client: TestClient, post_sweep: Post, crew: Crew
) -> None:
    post_sweep(trials=1)
    before = client.get("/trials/1").text
    assert "the first finding comes with the first epoch" in before
    crew.finish_all()
    after = client.get("/trials/1").text
    said = client.get("/api/trials/1/findings").json()["findings"]
    assert said
    assert {one["sentence"] for one in said} <= {line.text for line in parse_page(after).select("p")}
    assert "<code>lossdeck repeat 1/0 --wait</code>" in after
    offered = [
        {button["data-act"] for button in parse_page(page).select("[data-act]:not([hidden])")}
        for page in (before, after)
    ]
    assert offered == [{"stop", "exclude"}, {"exclude"}]


def test_neighbours_of_a_trial_stay_in_its_sweep(client: TestClient, post_sweep: Post) -> None:
    post_sweep(trials=2)
    post_sweep(trials=2)
    before, after = (
        {link["rel"][0]: link["href"] for link in parse_page(client.get(path).text).select("a[rel][href]")}
        for path in ("/trials/2", "/trials/3")
    )
    assert (before, after) == ({"prev": "/trials/1"}, {"next": "/trials/4"})


def test_what_differs_comes_first(client: TestClient, post_sweep: Post) -> None:
    post_sweep(points=[{"lr": 0.1, "reg": 0.5}, {"lr": 0.2, "reg": 0.5}], trials=None, space=None)
    page = client.get("/compare?trials=1,2,2,oops,77").text
    assert "Compare 2 trials" in page
    assert page.index('scope="row">lr<') < page.index('scope="row">hidden<')
    assert compare_settings([]) == []


def test_settings_are_compared_in_the_words_of_the_table(client: TestClient, post_sweep: Post) -> None:
    post_sweep(
        points=[{"lr": 0.0123456, "hidden": [50, 20]}, {"lr": 0.5, "hidden": []}], trials=None, space=None
    )
    page = client.get("/compare?trials=1,2").text
    for words in ("0.01235", "50 × 20", "none (softmax regression)"):
        assert f"<td>{words}</td>" in page


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        (LogUniform(1e-6, 1e-3), "lr 1e-6 … 0.001 (log)"),
        (Uniform(0, 0.9), "lr 0 … 0.9"),
        (Choice(("sgd", "adam")), 'lr in ["sgd", "adam"]'),
    ],
)
def test_a_range_in_words(distribution: Distribution, words: str) -> None:
    assert format_distribution("lr", distribution) == words


def test_every_finding_has_its_picture_and_reason_on_the_help_page(client: TestClient) -> None:
    page = parse_page(client.get("/help").text)
    assert sorted(article["id"] for article in page.select("article[id]")) == sorted(FINDING_CODES)
    assert len(page.select("svg[viewBox]")) == len(FINDING_CODES)


def test_a_typical_curve_is_drawn_to_where_it_is_no_longer_a_number() -> None:
    assert finding_help.draw_path([0.0, 1.0]) == "M10.0 70.0L134.0 10.0"
    assert finding_help.draw_path([0.5, math.nan, 0.5]) == "M10.0 40.0"
