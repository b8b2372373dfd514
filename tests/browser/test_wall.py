"""The views of a sweep: what the wall mounts, what charts draw and give, and what all of it costs."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from app.render.palettes import PALETTES
from benchmarks import pages, seed
from store.db import migrations
from store.db.database import Database
from tests.support.charts import SLOW, wait_for_points
from tests.support.sites import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def tab(browser: Browser, site: Site) -> Iterator[Page]:
    """A page of the server, whose modules may be asked."""
    with browser.new_context(base_url=site.address) as context:
        page = context.new_page()
        page.goto("/help")
        yield page


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


def test_keys_walk_the_tiles_and_the_way_back_leads_through_the_views(
    open_page: Opener, post_sweep: Callable[..., Any]
) -> None:
    page = open_page(f"/sweeps/{post_sweep(trials=3)['id']}?order=newest")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    for key in "jjx":
        page.keyboard.press(key)
    expect(page.locator("#tile-1")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#trial-panel-link")).to_be_visible()

    page.get_by_role("link", name="Curves").click()
    expect(page.locator("#loss")).to_be_visible()
    page.locator("#log-loss").click()
    page.get_by_role("link", name="Table").click()
    expect(page.locator("tr[data-number='1']")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.locator("#loss")).to_be_visible()
    expect(page.locator("#log-loss")).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(page.locator("#tile-1")).to_be_visible()
    assert page.url.endswith("?order=newest&selected=1&y=log")
    page.keyboard.press("Escape")
    expect(page.locator("#tile-1")).to_have_attribute("aria-selected", "false")


WIDTHS = "[...document.querySelectorAll('.tile .train')].map((curve) => curve.getBBox().width)"
FILLED = 130  # of the 140 units that a tile has for its curve


def test_curves_fill_their_tiles_where_nobody_got_far(
    open_page: Opener, post_sweep: Callable[..., Any], site: Site
) -> None:
    id = post_sweep(trials=2, settings=SLOW)["id"]
    page = open_page(f"/sweeps/{id}")
    page.wait_for_function(f"() => {WIDTHS}.filter((width) => width > 1).length === 2")
    assert max(page.evaluate(WIDTHS)) < FILLED  # there is room for what comes
    httpx2.post(f"{site.address}/api/sweeps/{id}/cancel")
    expect(page.locator("#state")).to_have_text("cancelled")
    page.wait_for_function(f"() => Math.min(...{WIDTHS}) > {FILLED}")


def test_the_usual_number_of_epochs_need_not_be_named(
    open_page: Opener, post_sweep: Callable[..., Any]
) -> None:
    page = open_page(f"/sweeps/{post_sweep(trials=1, settings={'val_count': 300})['id']}?selected=0")
    expect(page.locator("[data-field=trial-panel-epochs]")).to_have_text("10 / 10", timeout=60_000)
    page.wait_for_function(f"() => Math.min(...{WIDTHS}) > {FILLED}")


def test_charts_draw_a_choice_in_its_own_order_and_give_their_numbers(
    open_page: Opener, post_sweep: Callable[..., Any]
) -> None:
    space = {"hidden": {"choice": [[40], [20, 10], []]}, "lr": {"log_uniform": [1e-2, 1e-1]}}
    sweep = post_sweep(trials=9, space=space)
    page = open_page(f"/sweeps/{sweep['id']}?view=settings&axis-0=hidden&axis-1=lr")
    wait_for_points(page, "#by-a", more_than=8)
    layout = page.evaluate(
        "(({ xaxis, shapes }) => [xaxis._categories, shapes])(document.querySelector('#by-a')._fullLayout)"
    )
    assert layout == [["40", "20 × 10", "none"], []]  # no edges

    page.get_by_role("link", name="Curves").click()
    page.wait_for_function("() => document.querySelector('#loss').data?.length > 1")
    assert_gives_its_numbers(page, "Loss curves", ("csv", "png", "svg"))
    page.get_by_role("link", name="Settings").click()
    assert_gives_its_numbers(page, "All settings at once", ("csv", "png", "svg"), rows=9)
    assert_gives_its_numbers(page, "Val accuracy by lr", ("csv", "png", "svg"), rows=9)
    expect(page.locator("#scatter-1-takeaway")).to_have_text(
        re.compile(r"The best of \d, 0\.\d{3}, is at lr [\d.e-]+(; .*)?\.")
    )
    page.get_by_role("link", name="Wall").click()
    assert_gives_its_numbers(page, "Wall", ("csv",), rows=9)
    assert_gives_its_numbers(page, "Map", ("csv", "png", "svg"), rows=9)


def test_losses_are_like_for_like_and_the_cost_is_a_line_of_its_own(
    open_page: Opener, post_sweep: Callable[..., Any], site: Site
) -> None:
    fixed = {"epochs": 5, "val_count": 300, "init": "he", "lr": 1e-3}
    sweep = post_sweep(trials=1, space={"reg": {"choice": [5.0]}}, settings=fixed)
    page = open_page(f"/sweeps/{sweep['id']}")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    id = httpx2.get(f"{site.address}/api/sweeps/{sweep['id']}").json()["best"]["id"]
    rows = httpx2.get(f"{site.address}/api/trials/{id}/epochs").json()["epochs"]
    last = rows[-1]
    assert last["loss"] > 2 * max(last["data_loss"], last["val_loss"])  # almost all of it is the penalty

    page.get_by_role("link", name="Curves").click()
    wait_for_points(page, "#loss", 4)
    assert drawn(page, "best") == pytest.approx([row["data_loss"] for row in rows])

    page.goto(f"/trials/{id}")
    wait_for_points(page, "#loss", 20)
    for line, name in (("train loss", "data_loss"), ("val loss", "val_loss")):
        assert drawn(page, line) == [row[name] for row in rows]
    assert drawn(page, "cost: train loss + L2 penalty") == [row["loss"] for row in rows]
    headline = page.locator(".readouts > div", has_text="Train loss")
    expect(headline).to_contain_text(f"{last['data_loss']:.4f}")
    expect(headline).to_contain_text(f"val {last['val_loss']:#.3g}, cost {last['loss']:.3g}")
    expect(page.locator("#loss-takeaway")).to_contain_text("far above: log y shows it")
    page.get_by_role("button", name="log y").click()
    expect(page.locator("#loss-takeaway")).to_contain_text("what each mini-batch cost")
    expect(page.locator("#loss-takeaway")).to_contain_text(f"to {last['data_loss']:.4f}, val ")
    expect(page.locator("#accuracy-takeaway")).to_contain_text(f"val {last['val_acc']:.3f}; the gap, filled")
    expect(page.locator("#ratio-takeaway")).to_contain_text(f"W1 {last['update_ratio']['W1']:.1e}"[:7])
    expect(page.locator("#rate-takeaway")).to_have_text("0.001, by the exponential schedule")


def drawn(page: Page, line: str) -> list[float]:
    return list(
        page.evaluate(
            "(name) => document.querySelector('#loss').data.find((trace) => trace.name === name).y"
            ".filter((value) => value !== null)",
            line,
        )
    )


def assert_gives_its_numbers(
    page: Page, title: str, endings: tuple[str, ...], rows: int | None = None
) -> None:
    """The menu of the picture with this title has a table, of so many rows, and these files."""
    menu = page.get_by_label(f"{title}: table and files", exact=True)
    inside = page.locator("details.tools", has=menu)
    menu.click()
    inside.get_by_role("button", name="Show as table").click()
    lines = page.get_by_role("region", name=f"{title} as a table").locator("tbody tr")
    expect(lines.first).to_be_visible()
    assert rows in (None, lines.count())
    files = {}
    for ending in endings:
        menu.click()
        with page.expect_download() as download:
            inside.get_by_role("button", name=ending.upper()).click()
        assert download.value.suggested_filename == f"{title.lower().replace(' ', '-')}.{ending}"
        files[ending] = download.value.path().read_bytes()
    assert files["csv"].count(b"\r\n") >= 1 + (rows or 1)
    assert endings == ("csv",) or files["png"].startswith(b"\x89PNG")
    assert endings == ("csv",) or files["svg"].count(b"<path") > 6


SAYS = """async ([trials, spec]) => {
    const { scatterTakeaway } = await import('/static/charts/takeaways.js');
    const { scaleOf } = await import('/static/charts/scales.js');
    const all = trials.map(([x, accuracy, state = 'finished'], number) =>
        ({ number, state, best_val_acc: accuracy, settings: { x } }));
    return scatterTakeaway(all, scaleOf('x', { all: () => all.values(), get: (n) => all[n] }, { x: spec }));
}"""
LOG = {"log_uniform": [1e-4, 1.0]}
GOOD = [[10 ** (-4 + n / 5), 0.5 + n / 100] for n in range(11)]  # the best three from 0.0040 to 0.01
LOST = [None, "diverged"]


@pytest.mark.parametrize(
    ("trials", "spec", "words"),
    [
        ([], LOG, ""),
        ([[0.1, *LOST]], LOG, "Nothing to compare: 1 diverged and none has a rank."),
        (GOOD[:9], LOG, "The best of 9, 0.580, is at x 0.004."),
        (GOOD, LOG, "The best 3 of 11 lie at x 0.004 to 0.01, 10 % of the range."),
        (
            [*GOOD, [0.5, *LOST], [0.1, *LOST]],
            LOG,
            "The best 3 of 11 lie at x 0.004 to 0.01, 10 % of the range; "
            "the 2 that diverged are all at 0.1 or above.",
        ),
        (
            [*GOOD, [5e-4, *LOST]],
            LOG,
            "The best 3 of 11 lie at x 0.004 to 0.01, 10 % of the range; the one that diverged is at 5e-4.",
        ),
        (
            [[[20], 0.5], [[20], 0.7], [[], 0.9], [[], *LOST]],
            {"choice": [[20], []]},
            "On average x none does best, 0.900 over 1 trial, and 20 worst, 0.600 over 2 trials; 1 diverged.",
        ),
    ],
)
def test_a_scatter_says_where_the_best_lie(
    tab: Page, trials: list[Any], spec: dict[str, Any], words: str
) -> None:
    assert tab.evaluate(SAYS, [trials, spec]) == words


def test_a_view_is_printed_whole_and_light(open_page: Opener, post_sweep: Callable[..., Any]) -> None:
    page = open_page(f"/sweeps/{post_sweep()['id']}?view=settings", color_scheme="dark")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    page.locator("#pair").scroll_into_view_if_needed()
    wait_for_points(page, "#pair", 5)
    page.evaluate("scrollTo(0, 0)")
    ink = "document.querySelector('#pair').layout.font.color"
    widths = "[...document.querySelectorAll('main, .chart, canvas')].map((one) => one.offsetWidth)"
    dark, wide = page.evaluate(ink), page.evaluate(widths)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate(ink) == PALETTES["light"]["quiet"] != dark
    assert max(page.evaluate(widths)) <= 688  # what A4 and Letter have between their margins
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.locator("#pair").scroll_into_view_if_needed()
    page.wait_for_function(f"(dark) => {ink} === dark", arg=dark)
    assert page.evaluate(widths) == wide


def test_a_large_sweep_keeps_to_its_budget(browser: Browser, tmp_path: Any) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'lossdeck.db'}")
    migrations.upgrade(database)
    sweep = seed.sweep(database, 1_000, 10)
    database.close()
    with pages.served(tmp_path) as address:
        figures = pages.measure(browser, address, sweep.id)
    assert len(figures) == 7
    sizes = [figure for figure in figures if figure.unit == "MB"]  # times depend on what else runs beside
    assert len(sizes) == 2
    assert [str(figure) for figure in sizes if not figure.kept] == []
