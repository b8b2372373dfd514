"""The live link: one stream for all tabs of a browser, whoever closes; no gap and no point drawn twice."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site
from tests.browser.test_journeys import HIDE, SLOW, assert_no_gap, points, wait_for_points
from tests.worker.living import wait_until

pytestmark = pytest.mark.browser

Opener = Callable[..., Page]
TABS = 12  # twice the connections that a browser has to one server


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
    wait_for_points(tabs[0], "#loss", points(tabs[0], "#loss"))
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
    wait_for_points(page, "#loss", points(page, "#loss"))
    expect(page.locator("#link")).to_have_text("live")
    assert_no_gap(page)


def test_a_tab_that_was_away_for_long_asks_anew_instead_of_hearing_it_all(
    open_page: Opener, post_sweep: Callable[..., Any], site: Site
) -> None:
    sweep = post_sweep(settings=SLOW, trials=2)
    page = open_page(f"/sweeps/{sweep['id']}?view=curves")
    wait_for_points(page, "#loss", 4)
    page.evaluate(HIDE, True)
    drawn = points(page, "#loss")
    post_sweep(trials=1_200)  # as many changes
    soon = epochs(site, sweep["id"]) + 100  # of which the stream for hidden tabs has told by then
    wait_until(lambda: epochs(site, sweep["id"]) > soon, "a hundred epochs more")
    assert points(page, "#loss") == drawn
    with page.expect_response("**/columns?**"):
        page.evaluate(HIDE, False)
    wait_for_points(page, "#loss", drawn)
    assert_no_gap(page)
    wait_for_points(page, "#loss", points(page, "#loss"))
    assert_no_gap(page)
