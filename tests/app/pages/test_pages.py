"""Pages: whole, escaped and self-sufficient under the strict policy; what they load is served and kept."""

import gzip
import json
import math
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from markupsafe import escape
from starlette.testclient import TestClient

from app.pages import finding_help
from app.pages.trials import compare_settings
from app.render import assets
from app.render.assets import PLOTLY_PATH
from app.text.formats import format_distribution
from learning.diagnosis.findings import FINDING_CODES
from learning.search.recipes import RECIPES
from learning.search.space import Choice, Distribution, LogUniform, Uniform
from tests.support.html import BROWSER, Page
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
        for tag, attributes in Page(answer.text).elements:
            handlers = [name for name in attributes if name.startswith("on")]
            assert not handlers, (path, tag, handlers)
            if tag == "script" and attributes.get("type") != "application/json":
                assert attributes.get("src"), (path, "an inline script")
            for name in ("src", "href", "action"):
                value = attributes.get(name)
                assert value is None or value.startswith(("/", "#")), (path, tag, value)


def test_ids_are_unique_and_every_control_has_a_name(client: TestClient, paths: list[str]) -> None:
    for path in paths:
        elements = Page(client.get(path).text).elements
        ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
        assert len(ids) == len(set(ids)), path
        labelled = {attributes.get("for") for tag, attributes in elements if tag == "label"}
        for tag, attributes in elements:
            if tag in ("input", "select") and attributes.get("type") not in ("hidden", "checkbox"):
                assert attributes.get("id") in labelled or attributes.get("aria-label"), (path, attributes)
            if tag == "img":
                assert "alt" in attributes, path


def test_what_users_write_is_escaped(client: TestClient, paths: list[str]) -> None:
    for path in paths:
        text = client.get(path).text
        assert "alert(1)</script>" not in text.replace(json.dumps(NASTY), ""), path
        assert "49" not in re.findall(r"<h1[^>]*>(.*?)</h1>", text)
    assert Page(client.get("/sweeps/1").text).data["sweep"]["name"] == NASTY[:150]


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
        page = Page(client.get(path).text)
        for themes in page.data.get("figures", {}).values() if "data" in page.scripts else ():
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
    rows = re.findall(r'data-field="about">([^<]+)<', client.get("/").text)
    assert rows == [
        "sweep 2 · digits · random · 9 trials of 6 epochs · halving",
        "sweep 1 · digits · random · 1 trial",
    ]
    assert "successive halving: factor 3, first 2<" in client.get("/sweeps/2").text
    assert "halving" not in client.get("/sweeps/1").text


def test_the_list_sends_its_first_curves_along(client: TestClient, post_sweep: Post, crew: Crew) -> None:
    assert 'id="sweeps" hidden' in client.get("/").text
    post_sweep()
    crew.finish_all()
    page = Page(client.get("/").text)
    assert 'id="empty" hidden' in client.get("/").text
    assert page.data["sparks"]["1"] == [2.2, 1.1, pytest.approx(2.2 / 3)]
    assert page.data["cursor"] > 0


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
    start = Page(client.get("/sweeps/new?from=1").text).data["start"]
    assert {name: start[name] for name in ("space", "settings", "trials", "sampler", "seed", "dataset")} == {
        name: made[name] for name in ("space", "settings", "trials", "sampler", "seed", "dataset")
    }


def test_a_form_comes_with_its_recipes_and_with_room_for_its_space(client: TestClient) -> None:
    text = client.get("/sweeps/new?recipe=fine").text
    pressed = re.findall(r'data-recipe="([\w-]+)" aria-pressed="(\w+)"', text)
    assert [name for name, _ in pressed] == list(RECIPES)
    assert [name for name, is_pressed in pressed if is_pressed == "true"] == ["fine"]
    data = Page(text).data
    assert data["start"]["space"] == data["recipes"]["fine"]["space"]
    assert text.count('class="space-row"') == len(data["start"]["space"])
    assert RECIPES["fine"].note in unescape(text)


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
    assert all(f"<p>{escape(one['sentence'])}</p>" in after for one in said)
    assert "<code>lossdeck repeat 1/0 --wait</code>" in after
    acts = {page: set(re.findall(r'data-act="(\w+)"(?![^>]*hidden)', page)) for page in (before, after)}
    assert acts == {before: {"stop", "exclude"}, after: {"exclude"}}


def test_neighbours_of_a_trial_stay_in_its_sweep(client: TestClient, post_sweep: Post) -> None:
    post_sweep(trials=2)
    post_sweep(trials=2)
    assert re.findall(r'href="/trials/(\d+)" rel="(\w+)"', client.get("/trials/2").text) == [("1", "prev")]
    assert re.findall(r'href="/trials/(\d+)" rel="(\w+)"', client.get("/trials/3").text) == [("4", "next")]


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
    text = client.get("/help").text
    for code in FINDING_CODES:
        assert text.count(f'<article id="{code}">') == 1
    assert text.count("<svg viewBox") == len(FINDING_CODES)


def test_a_typical_curve_is_drawn_to_where_it_is_no_longer_a_number() -> None:
    assert finding_help.draw_path([0.0, 1.0]) == "M10.0 70.0L134.0 10.0"
    assert finding_help.draw_path([0.5, math.nan, 0.5]) == "M10.0 40.0"
