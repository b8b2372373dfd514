"""What people do, in a real browser with real training."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site

pytestmark = pytest.mark.browser

Opener = Callable[..., Page]
HIDE = """(hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""  # headless Chromium has no tabs to hide a page behind
SLOW = {
    "epochs": 3_000,
    "val_count": 300,
    "init": "he",
}  # trains for minutes: what a test wants to see running


def points(page: Page, chart: str) -> int:
    """How many points a chart draws."""
    count = f"document.querySelector('{chart}').data?.reduce((n, trace) => n + trace.x.length, 0) ?? 0"
    return int(page.evaluate(count))


def wait_for_points(page: Page, chart: str, more_than: int) -> None:
    page.wait_for_function(
        "([chart, least]) => (document.querySelector(chart).data || [])"
        ".reduce((n, trace) => n + trace.x.length, 0) > least",
        arg=[chart, more_than],
    )


def x_range(page: Page, chart: str) -> list[float]:
    return [float(end) for end in page.evaluate(f"document.querySelector('{chart}')._fullLayout.xaxis.range")]


def assert_no_gap(page: Page) -> None:
    """The best trial's curve has every so-many-th epoch from the first on, once, and the last."""
    drawn = page.evaluate("document.querySelector('#loss').data.find((trace) => trace.name === 'best').x")
    *epochs, last = [epoch for epoch in drawn if epoch is not None]
    stride = epochs[1] - epochs[0] if len(epochs) > 1 else 1
    assert epochs == list(range(1, epochs[-1] + 1, stride))
    assert epochs[-1] < last <= epochs[-1] + stride


def test_start_watch_open_and_cancel(open_page: Opener) -> None:
    page = open_page("/")
    expect(page.get_by_role("heading", name="No sweep yet")).to_be_visible()
    page.get_by_role("link", name="Start the coarse search").click()

    page.get_by_label("Name", exact=True).fill("my first sweep")
    page.get_by_label("Trials", exact=True).fill("4")
    page.get_by_label("Epochs", exact=True).fill("3000")
    start = page.get_by_role("button", name="Start the sweep")
    expect(page.get_by_text("4 trials, about")).to_be_visible()
    expect(start).to_be_enabled()
    start.click()

    expect(page.get_by_role("heading", name="my first sweep")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    expect(page.locator("[data-field=eta]")).to_have_text(re.compile(r"^(\d+ to \d+|about \d+) (s|min)$"))
    expect(page.locator("#wall .tile")).to_have_count(4)
    curve = page.locator("#tile-0 .train")
    expect(curve).to_have_attribute("d", re.compile("L"))
    expect(curve).not_to_have_attribute("d", curve.get_attribute("d") or "")  # grows
    page.get_by_role("link", name="Curves").click()
    wait_for_points(page, "#loss", 0)
    wait_for_points(page, "#loss", points(page, "#loss"))  # grows
    assert page.evaluate("window.notReloaded")
    expect(page).to_have_title(re.compile(r"^\(\d/4\) my first sweep"))

    page.get_by_role("link", name="Table").click()
    page.get_by_role("link", name="#0", exact=True).click()
    expect(page.get_by_role("heading", name="Trial #0")).to_be_visible()
    wait_for_points(page, "#loss", 0)
    expect(page.locator("#lines")).to_contain_text("Finished epoch 1 / 3000: cost ")
    page.go_back()

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the sweep").click()
    expect(page.locator("#state")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()


def test_zoom_selection_and_scroll_survive_updates(open_page: Opener, post_sweep: Callable[..., Any]) -> None:
    sweep = post_sweep(settings=SLOW)
    page = open_page(f"/sweeps/{sweep['id']}?view=curves&selected=0")
    wait_for_points(page, "#loss", 20)
    box = page.locator("#loss .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.7, steps=5)
    page.mouse.up()
    page.wait_for_function("document.querySelector('#loss')._fullLayout.xaxis.autorange === false")
    page.evaluate("window.scrollTo(0, 40)")
    zoomed = x_range(page, "#loss")

    every = "document.querySelector('#loss').data.flatMap((trace) => trace.x)"
    page.evaluate(f"window.epochs = () => Math.max(...{every})")
    page.wait_for_function("(last) => window.epochs() > last", arg=page.evaluate("window.epochs()"))
    assert x_range(page, "#loss") == zoomed
    assert page.evaluate("window.scrollY") == 40
    assert page.url.endswith("?view=curves&selected=0")
    page.get_by_role("link", name="Table").click()
    expect(page.locator("tr[data-number='0']")).to_have_attribute("aria-selected", "true")
    page.get_by_role("link", name="Curves").click()
    assert x_range(page, "#loss") == zoomed


def test_selection_is_one_everywhere(open_page: Opener, post_sweep: Callable[..., Any]) -> None:
    sweep = post_sweep()
    page = open_page(f"/sweeps/{sweep['id']}?view=table")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    page.locator("tr[data-number='2'] td").nth(3).click()
    page.locator("tr[data-number='4'] input").check()
    assert page.url.endswith("selected=2,4")
    page.get_by_role("link", name="Settings").click()
    page.wait_for_function("() => document.querySelector('#by-a').data?.at(-1).x.length === 2")  # two rings
    page.get_by_role("link", name="Wall").click()
    expect(page.locator("#wall [aria-selected=true]")).to_have_count(2)
    expect(page.get_by_role("heading", name="Trial #4")).to_be_visible()  # the last picked, beside the wall
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare 2 trials")).to_be_visible()
    wait_for_points(page, "#loss", 9)
    page.get_by_label("hide what is equal").check()
    expect(page.get_by_role("row", name="hidden")).to_be_hidden()
    expect(page.get_by_role("row", name="lr", exact=False).first).to_be_visible()
    page.go_back()
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_hidden()
    assert "selected" not in page.url


def test_bad_bounds_are_said_at_their_field(open_page: Opener, complaints: Complaints) -> None:
    page = open_page("/sweeps/new")
    start = page.get_by_role("button", name="Start the sweep")
    expect(start).to_be_enabled()
    low = page.locator("[data-error-for='space.lr'] [data-part=low]")
    low.fill("-1")
    expect(page.locator("[data-error-for='space.lr'] .error")).to_contain_text("lr")
    expect(low).to_have_attribute("aria-invalid", "true")
    expect(start).to_be_disabled()
    low.fill("0.001")
    expect(page.locator("[data-error-for='space.lr'] .error")).to_have_text("")
    expect(start).to_be_enabled()
    complaints.forgive("422")


def test_table_sorts_and_filters_on_the_server(
    open_page: Opener, post_sweep: Callable[..., Any], complaints: Complaints
) -> None:
    sweep = post_sweep()
    page = open_page(f"/sweeps/{sweep['id']}?view=table")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    page.get_by_role("button", name="lr", exact=True).click()
    expect(page.get_by_role("columnheader", name="lr", exact=True)).to_have_attribute(
        "aria-sort", "descending"
    )
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("number < 2")
    expect(page.locator("#table tbody tr")).to_have_count(2)
    page.locator("#filter").fill("number <")
    expect(page.locator("#filter-error")).not_to_be_empty()
    page.locator("#filter").fill("")
    expect(page.locator("#table tbody tr")).to_have_count(6)
    complaints.forgive("422")


def test_a_hidden_page_lets_go_and_catches_up_without_gap(
    open_page: Opener, post_sweep: Callable[..., Any]
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page(f"/sweeps/{sweep['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    page.evaluate(HIDE, True)
    before = points(page, "#loss")
    page.wait_for_timeout(1_500)  # the time in which a page that is seen draws several times
    assert points(page, "#loss") == before
    page.evaluate(HIDE, False)
    wait_for_points(page, "#loss", before)
    assert_no_gap(page)


def test_a_page_outlives_its_server_without_gap(
    open_page: Opener, post_sweep: Callable[..., Any], site: Site, complaints: Complaints
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page(f"/sweeps/{sweep['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    site.stop()
    expect(page.locator("#stale")).to_be_visible()
    before = points(page, "#loss")
    site.start()
    wait_for_points(page, "#loss", before)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#stale")).to_be_hidden()
    assert_no_gap(page)
    complaints.forgive("ERR_CONNECTION_REFUSED")


def test_theme_is_kept(open_page: Opener) -> None:
    page = open_page("/", color_scheme="light")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_a_sweep_is_renamed_and_deleted_from_its_menu(
    open_page: Opener, post_sweep: Callable[..., Any]
) -> None:
    id = post_sweep(trials=2)["id"]
    page = open_page(f"/sweeps/{id}")
    expect(page.locator("#state")).to_have_text("finished")
    menu = page.get_by_label("Export and more")
    menu.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Name, tags, notes…")).to_be_hidden()
    expect(menu).to_be_focused()
    menu.press("Enter")
    page.get_by_role("button", name="Name, tags, notes…").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("a better name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("a better name")
    menu.click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", level=1, name="Sweeps")).to_be_visible()
    expect(page.get_by_role("link", name="a better name")).to_have_count(0)


def test_a_choice_is_drawn_in_its_own_order_without_edges(
    open_page: Opener, post_sweep: Callable[..., Any]
) -> None:
    space = {"hidden": {"choice": [[40], [20, 10], []]}, "lr": {"log_uniform": [1e-2, 1e-1]}}
    page = open_page(f"/sweeps/{post_sweep(trials=9, space=space)['id']}?view=settings&axis-0=hidden")
    wait_for_points(page, "#by-a", more_than=8)
    layout = page.evaluate(
        "(({ xaxis, shapes }) => [xaxis._categories, shapes])(document.querySelector('#by-a')._fullLayout)"
    )
    assert layout == [["40", "20 × 10", "none"], []]
