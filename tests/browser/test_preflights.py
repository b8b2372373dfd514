"""A preflight in a real browser with a real worker."""

import re
from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page, expect

from learning.preflight.preflight import CHECK_CODES
from tests.support.sites import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(new_site: Site) -> Site:
    return new_site


def test_run_the_checks_and_read_them(open_page: Callable[..., Page]) -> None:
    page = open_page("/preflight")
    expect(page.get_by_role("heading", name="No preflight yet")).to_be_visible()
    page.get_by_label("Data set").select_option("digits")
    page.get_by_role("button", name="Run the checks").click()

    expect(page).to_have_url(re.compile(r"/preflight\?id=\d+$"))
    expect(page.get_by_text("all 7 checks passed")).to_be_visible(timeout=60_000)
    checks = page.locator("#checks > li")
    expect(checks).to_have_count(len(CHECK_CODES))
    expect(checks.locator(".verdict")).to_have_text(["passed"] * len(CHECK_CODES))
    expect(checks.nth(5)).to_contain_text("Workable: 0.01 to 0.32")
    for picture in checks.locator("svg.picture").all():
        assert picture.locator("path, rect").count() > 0
    expect(page.get_by_role("row", name=re.compile("digits.*all passed"))).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()

    address = page.url
    page.reload()
    expect(page.get_by_text("all 7 checks passed")).to_be_visible()
    assert page.url == address


def test_two_are_put_side_by_side(open_page: Callable[..., Page], site: Site) -> None:
    address = f"{site.address}/api/preflights"
    net = {"hidden": [7], "val_count": 300, "init": "he", "preprocess": "standardise"}
    first, second = (
        httpx2.post(address, json=body).json()["id"] for body in ({}, {"settings": net | {"reg": 10.0}})
    )
    page = open_page(f"/preflight?id={second}")
    expect(page.locator("#report")).to_contain_text("learns did not pass", timeout=60_000)
    row = page.get_by_role("row", name=re.compile(f"^{first} "))
    expect(row).to_contain_text(re.compile(r"50, .*reg 0.*all passed.*\d to \d"))
    row.get_by_role("link", name="compare").click()
    expect(page).to_have_url(re.compile(rf"/preflight\?compare={second},{first}$"))
    side = page.get_by_role("region", name="Comparison, scrollable")
    expect(side.get_by_role("row", name=re.compile("^hidden 7 50$"))).to_be_visible()
    learns = side.get_by_role("row", name=re.compile("^Learns"))
    expect(learns.locator(".verdict")).to_have_text(["failed", "passed"])
    expect(side.locator("rect.span")).to_have_count(2)
    expect(side.locator("svg.picture")).to_have_count(2 * len(CHECK_CODES))


def test_a_sweep_offers_the_checks_of_its_net(
    open_page: Callable[..., Page], post_sweep: Callable[..., dict[str, int]]
) -> None:
    sweep = post_sweep(settings={"epochs": 1, "val_count": 300, "activation": "tanh"})
    page = open_page(f"/sweeps/{sweep['id']}")
    page.get_by_text("not checked").click()
    expect(page.locator(".preflight-warning")).to_contain_text("has not passed a preflight on digits")
    page.get_by_role("button", name="Run the checks").click()
    expect(page.locator(".preflight-warning")).to_contain_text("The checks are under way")
    page.goto("/sweeps/new")
    page.locator("#set-activation").select_option("tanh")
    expect(page.locator("#preflight-warnings")).to_contain_text("has not passed a preflight on digits")


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
