"""The autopilot in a real browser with a real worker."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.support.sites import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(new_site: Site) -> Site:
    return new_site


def test_start_it_watch_its_stages_and_stop_it(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    page.get_by_role("link", name="autopilot", exact=True).click()
    page.get_by_label("Coarse trials").fill("600")  # too many to end before it is stopped
    page.get_by_role("button", name="Start the autopilot").click()

    expect(page).to_have_url(re.compile(r"/autopilot/\d+$"))
    id = page.url.rpartition("/")[2]
    steps = page.get_by_role("list", name="Stages").get_by_role("listitem")
    expect(steps.first).to_contain_text("are the data, the loss and the gradients right", timeout=60_000)
    expect(steps).to_have_count(3, timeout=60_000)  # by itself, without a reload
    expect(steps.first).to_contain_text("all 7 checks passed")
    expect(steps.nth(1)).to_contain_text(re.compile(r"Learning-rate probe\s*finished\s*Workable: "))
    expect(steps.nth(1).get_by_role("img", name="Cost after a few hundred steps")).to_be_visible()
    expect(steps.nth(2)).to_contain_text("Its probe found learning rates")
    expect(steps.nth(2).get_by_role("row", name=re.compile("^reg, high end 10 10 kept$"))).to_be_visible()
    expect(page.get_by_role("heading", name="All searches in one picture")).to_be_visible()

    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("It was stopped by hand.")).to_be_visible()
    expect(steps.last).to_contain_text(
        re.compile(r"Winner\s*Trial #\d+ of sweep \d+: val accuracy 0\.\d+ at epoch \d+")
    )
    wide = page.viewport_size
    page.set_viewport_size(PHONE)
    place = page.locator("svg.stages").bounding_box()
    assert place is not None
    assert 0 <= place["x"] < place["x"] + place["width"] <= PHONE["width"]
    assert wide is not None
    page.set_viewport_size(wide)

    with page.expect_download() as report:
        page.get_by_role("link", name="Report, one HTML file").click()
    assert report.value.suggested_filename == f"autopilot-{id}.html"
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.get_by_role("heading", name="What was tried, and why")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Open its sweep").first.click()
    expect(page.get_by_role("link", name=f"autopilot {id}")).to_be_visible()
