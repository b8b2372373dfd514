"""The first view of a sweep: the wall of tiles, the trial beside it, the map and its brush."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks import pages, seed
from store import migrate
from store.database import Database

pytestmark = pytest.mark.browser

BUSY = 2  # a machine that does other things beside the test may take so many times as long
Opener = Callable[..., Page]


@pytest.fixture
def finished(open_page: Opener, post_sweep: Callable[..., Any]) -> Page:
    """The page of a sweep of six trials that has ended, its curves on the wall."""
    page = open_page(f"/sweeps/{post_sweep()['id']}")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    expect(page.locator('#wall .train[d^="M"]')).to_have_count(6)
    return page


def test_tiles_are_walked_and_opened_by_keys_alone(finished: Page) -> None:
    page = finished
    tiles = page.locator("#wall .tile")
    expect(page.locator("#wall [tabindex='0']")).to_have_count(1)
    page.locator("#wall [tabindex='0']").focus()
    order = [
        page.locator(f"#wall [aria-posinset='{place}']").get_attribute("data-number") for place in (1, 2, 6)
    ]
    page.keyboard.press("ArrowRight")
    expect(page.locator("#wall :focus")).to_have_attribute("data-number", order[1] or "")
    page.keyboard.press("End")
    expect(page.locator("#wall :focus")).to_have_attribute("data-number", order[2] or "")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Trial #{order[0]}", exact=True)).to_be_visible()
    expect(page.locator("#beside-findings > li").first).to_be_visible()
    expect(tiles.and_(page.locator("[aria-selected=true]"))).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#beside")).to_be_hidden()
    assert "selected" not in page.url


def test_a_brush_on_the_map_selects_everywhere_and_lives_in_the_address(finished: Page) -> None:
    page = finished
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 2, steps=5)
    page.mouse.up()
    expect(page.locator("#selected-words")).to_contain_text(" of 6 trials: lr >= ")
    assert "brush=lr:" in page.url
    inside = page.locator("#wall .tile:not(.dim)").count()
    assert 0 < inside < 6

    page.reload()
    expect(page.locator("#wall .tile")).to_have_count(6)
    expect(page.locator("#wall .tile:not(.dim)")).to_have_count(inside)
    page.get_by_role("link", name="In the table").click()
    expect(page.locator("#table tbody tr")).to_have_count(inside)
    page.locator("h1").click()
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_hidden()
    assert "brush" not in page.url


def test_the_wall_mounts_what_is_seen_and_sorts(open_page: Opener, post_sweep: Callable[..., Any]) -> None:
    page = open_page(f"/sweeps/{post_sweep(trials=500)['id']}?order=newest")
    first = page.locator("#wall [aria-posinset='1']")
    expect(first).to_have_attribute("data-number", "499")
    expect(first).to_have_attribute("aria-setsize", "500")
    assert page.locator("#wall .tile").count() < 60
    page.locator("#wall").evaluate("(wall) => { wall.scrollTop = wall.scrollHeight; }")
    expect(page.locator("#tile-0")).to_be_visible()
    assert page.locator("#wall .tile").count() < 60
    assert page.evaluate("typeof Plotly") == "undefined"  # no chart was shown yet


def test_every_chart_gives_its_numbers(finished: Page) -> None:
    page = finished
    page.get_by_role("link", name="Curves").click()
    page.wait_for_function("() => document.querySelector('#loss').data?.length > 1")
    menu = page.get_by_label("Loss curves: table and files")
    menu.click()
    page.get_by_role("button", name="Show as table").first.click()
    expect(
        page.get_by_role("region", name="Loss curves as a table").locator("tbody tr").first
    ).to_be_visible()
    for word, ending in (("CSV", "csv"), ("PNG", "png"), ("SVG", "svg")):
        menu.click()
        with page.expect_download() as download:
            page.locator("figure", has=page.locator("#loss")).get_by_role("button", name=word).click()
        assert re.fullmatch(rf"loss-curves\.{ending}", download.value.suggested_filename)


def test_a_large_sweep_keeps_to_its_budget(browser: Browser, tmp_path: Any) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'lossdeck.db'}")
    migrate.upgrade(database)
    sweep = seed.sweep(database, 1_000, 10)
    database.close()
    with pages.served(tmp_path) as address:
        figures = pages.measure(browser, address, sweep.id)
    assert len(figures) == 7
    assert [str(figure) for figure in figures if figure.value > BUSY * figure.limit] == []
