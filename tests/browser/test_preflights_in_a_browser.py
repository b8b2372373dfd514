"""A preflight in a real browser with a real worker."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from learning.preflight import CODES

pytestmark = pytest.mark.browser


def test_run_the_checks_and_read_them(open_page: Callable[..., Page]) -> None:
    page = open_page("/preflight")
    expect(page.get_by_role("heading", name="No preflight yet")).to_be_visible()
    page.get_by_label("Data set").select_option("digits")
    page.get_by_role("button", name="Run the checks").click()

    expect(page).to_have_url(re.compile(r"/preflight\?id=\d+$"))
    expect(page.get_by_text("all 7 checks passed")).to_be_visible(timeout=60_000)
    checks = page.locator("#checks > li")
    expect(checks).to_have_count(len(CODES))
    expect(checks.locator(".verdict")).to_have_text(["passed"] * len(CODES))
    expect(checks.nth(5)).to_contain_text("Workable: 1.0e-02 to 3.2e-01")
    for picture in checks.locator("svg.picture").all():
        assert picture.locator("path, rect").count() > 0
    expect(page.get_by_role("row", name=re.compile("digits.*all passed"))).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()

    address = page.url
    page.reload()
    expect(page.get_by_text("all 7 checks passed")).to_be_visible()
    assert page.url == address


def test_one_that_waits_can_be_cancelled(open_page: Callable[..., Page], busy: int) -> None:
    page = open_page("/preflight")
    page.get_by_role("button", name="Run the checks").click()
    expect(page.get_by_text("waits for a free worker")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#report").get_by_text("cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()


@pytest.fixture
def busy(post_sweep: Callable[..., dict[str, int]], open_page: Callable[..., Page]) -> int:
    """A sweep that keeps the only worker busy."""
    sweep = post_sweep(trials=2, settings={"epochs": 10_000, "val_count": 300, "init": "he"})
    page = open_page(f"/sweeps/{sweep['id']}")
    expect(page.locator('#state[data-state="running"]')).to_be_visible()
    page.wait_for_function(
        "async (id) => (await (await fetch(`/api/sweeps/${id}`)).json()).counts.running > 0", arg=sweep["id"]
    )
    return sweep["id"]
