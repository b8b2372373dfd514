"""The live link: one stream for all tabs of a browser; no gap, no point drawn twice, nothing reset."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from benchmarks import seed
from benchmarks.served import HIDE
from store.actions import sweep_actions
from store.db.database import Database
from tests.support.charts import SLOW, assert_no_gap, last_epoch, wait_for_points, wait_until_grown, x_range
from tests.support.sites import Complaints, Site
from tests.support.worker_processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Page]
WITHOUT_SHARED = (
    # The program is started as a script, as by a browser that knows no other kind; it does not parse.
    "const Shared = SharedWorker; SharedWorker = function (url) { return new Shared(url); };",
    "SharedWorker = function () { throw new DOMException('It is to keep nothing.', 'SecurityError'); };",
)
REFUSED = "ERR_CONNECTION_REFUSED"
TABS = 12  # twice the connections that a browser has to one server


@pytest.fixture(scope="module")
def site(new_site: Site) -> Site:
    return new_site


def streams(site: Site) -> int:
    """How many live streams the server has open."""
    lines = httpx2.get(f"{site.address}/metrics").text.splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("lossdeck_streams_open "))))


def epochs(site: Site, sweep_id: int) -> int:
    """How far the first trial of a sweep is."""
    answer = httpx2.get(f"{site.address}/api/sweeps/{sweep_id}/trials")
    return int(answer.json()["trials"][0]["epochs_done"])


def test_twelve_tabs_share_one_stream_and_survive_the_first(
    open_page: Opener, post_sweep: Callable[..., Any], complaints: Complaints, site: Site
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    path = f"/sweeps/{sweep['id']}?view=curves"
    first = open_page(path)
    wait_for_points(first, "#loss", 4)
    tabs = [first.context.new_page() for _ in range(TABS - 1)]
    for place, tab in enumerate(tabs):
        complaints.listen(tab)
        tab.goto((path, *["/", "/workers"] * TABS)[place], wait_until="domcontentloaded")
    for tab in tabs:
        expect(tab.locator("#link")).to_have_text("live")
    assert streams(site) == 1

    first.close()
    wait_for_points(tabs[0], "#loss", 4)
    wait_until_grown(tabs[0])
    assert_no_gap(tabs[0])
    assert streams(site) == 1


def test_without_streams_a_page_asks_again_and_again(
    open_page: Opener, post_sweep: Callable[..., Any], site: Site
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page("/help")
    page.context.add_init_script("delete window.SharedWorker; delete window.EventSource;")
    page.goto(f"/sweeps/{sweep['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    wait_until_grown(page)
    expect(page.locator("#link")).to_have_text("live")
    assert_no_gap(page)


@pytest.mark.parametrize("without", WITHOUT_SHARED, ids=["no modules", "forbidden"])
def test_where_no_module_is_shared_a_page_has_its_own_stream(
    open_page: Opener, post_sweep: Callable[..., Any], complaints: Complaints, site: Site, without: str
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page("/help")
    page.context.add_init_script(without)
    page.goto(f"/sweeps/{sweep['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    wait_until_grown(page)
    expect(page.locator("#link")).to_have_text("live")
    assert_no_gap(page)
    assert streams(site) == 1
    expect(page.locator("#notify")).to_be_hidden()

    page.evaluate(HIDE, True)
    wait_until(lambda: streams(site) == 0, "a hidden page lets go of its own stream")
    before = last_epoch(page)
    page.evaluate(HIDE, False)
    wait_until_grown(page, beyond=before)
    assert_no_gap(page)


MOVING = "document.getAnimations().map((one) => one.animationName || one.transitionProperty)"


def test_what_runs_draws_nothing_unless_there_is_news(
    open_page: Opener, post_sweep: Callable[..., Any]
) -> None:
    """Something that turns for ever has every frame drawn anew, which takes the cores from the workers."""
    sweep = post_sweep(settings=SLOW, trials=6)
    for path in (f"/sweeps/{sweep['id']}", "/", "/workers"):
        page = open_page(path)
        expect(page.locator(".state[data-state=running], .state[data-state=busy]").first).to_be_visible()
        assert page.evaluate(MOVING) == [], path


def test_zoom_selection_and_scroll_survive_updates(open_page: Opener, post_sweep: Callable[..., Any]) -> None:
    sweep = post_sweep(settings=SLOW)
    page = open_page(f"/sweeps/{sweep['id']}?view=curves&selected=0")
    wait_for_points(page, "#loss", 6)
    box = page.locator("#loss .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.7, steps=5)
    page.mouse.up()
    page.wait_for_function("document.querySelector('#loss')._fullLayout.xaxis.autorange === false")
    page.evaluate("window.scrollTo(0, 40)")
    zoomed = x_range(page, "#loss")

    wait_until_grown(page)
    assert x_range(page, "#loss") == zoomed
    assert page.evaluate("window.scrollY") == 40
    assert page.url.endswith("?view=curves&selected=0")
    page.get_by_role("link", name="Table").click()
    expect(page.locator("tr[data-number='0']")).to_have_attribute("aria-selected", "true")
    page.get_by_role("link", name="Curves").click()
    assert x_range(page, "#loss") == zoomed


def test_a_hidden_page_lets_go_and_catches_up_without_gap(
    open_page: Opener, post_sweep: Callable[..., Any]
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page(f"/sweeps/{sweep['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    page.evaluate(HIDE, True)
    before = last_epoch(page)
    page.wait_for_timeout(1_500)  # the time in which a page that is seen draws several times
    assert last_epoch(page) == before
    page.evaluate(HIDE, False)
    wait_until_grown(page, beyond=before)
    assert_no_gap(page)


def test_a_tab_that_was_away_for_long_asks_anew_instead_of_hearing_it_all(
    open_page: Opener, post_sweep: Callable[..., Any], site: Site
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page(f"/sweeps/{sweep['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    page.evaluate(HIDE, True)
    drawn = last_epoch(page)
    post_sweep(trials=1_200)  # as many changes
    soon = epochs(site, sweep["id"]) + 2  # of which the stream for hidden tabs has told by then
    wait_until(lambda: epochs(site, sweep["id"]) > soon, "three epochs more")
    assert last_epoch(page) == drawn
    with page.expect_response("**/columns?**"):
        page.evaluate(HIDE, False)
    wait_until_grown(page, beyond=drawn)
    assert_no_gap(page)
    wait_until_grown(page)
    assert_no_gap(page)


def test_a_browser_that_comes_back_after_days_asks_anew_instead_of_hearing_it_all(
    open_page: Opener, post_sweep: Callable[..., Any], complaints: Complaints, site: Site
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page(f"/sweeps/{sweep['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    with page.expect_console_message(lambda message: REFUSED in message.text):  # it has tried, in vain
        site.stop()
    drawn = last_epoch(page)
    database = Database.open(f"sqlite:///{site.home / 'lossdeck.db'}")
    many = seed.sweep(database, 1_200, 1, trained=0)  # as many changes
    with database.write() as c:
        sweep_actions.act(c, many.id, "cancel", seed.START)
    database.close()
    with page.expect_response("**/columns?**"):
        site.start()
    wait_until_grown(page, beyond=drawn)
    assert_no_gap(page)
    complaints.forgive(REFUSED)


def test_a_page_whose_first_answer_fails_asks_again(
    open_page: Opener, post_sweep: Callable[..., Any], complaints: Complaints
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page("/help")
    page.route("**/columns?**", lambda route: route.fulfill(status=503), times=1)
    page.goto(f"/sweeps/{sweep['id']}")
    expect(page.locator("#stale")).to_contain_text("The link to the server is down")
    expect(page.locator("#wall .tile")).to_have_count(2)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#stale")).to_be_hidden()
    complaints.forgive("503")
