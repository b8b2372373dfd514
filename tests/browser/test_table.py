"""The table of trials: sorted, filtered, many steered at once; and what is done to the sweep itself."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.sites import Complaints, Site, start_sweep

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def shared(site: Site) -> int:
    """A sweep of six trials; a test leaves it as it was."""
    return int(start_sweep(site)["id"])


@pytest.fixture
def finished(open_page: Opener, shared: int) -> Page:
    """The page of the shared sweep when it has ended."""
    page = open_page(f"/sweeps/{shared}?view=table")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    expect(page.locator("#table tbody tr")).to_have_count(6)  # it hears keys from now on
    return page


def test_it_sorts_and_filters_on_the_server(finished: Page, complaints: Complaints) -> None:
    page = finished
    page.get_by_role("button", name="lr", exact=True).click()
    expect(page.get_by_role("columnheader", name="lr", exact=True)).to_have_attribute(
        "aria-sort", "descending"
    )
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.insert_text("number < 2")
    expect(page.locator("#table tbody tr")).to_have_count(2)
    page.locator("#filter").fill("number <")
    expect(page.locator("#filter-error")).not_to_be_empty()
    page.locator("#filter").fill("")
    expect(page.locator("#table tbody tr")).to_have_count(6)
    complaints.forgive("422")


def test_selected_trials_are_excluded_undone_and_compared(finished: Page) -> None:
    page = finished
    for number in (1, 4):
        page.get_by_label(f"select trial {number}", exact=True).check()
    page.get_by_text("2 selected").click()
    page.get_by_role("button", name="Exclude from the ranking").click()
    expect(page.get_by_text("2 trials excluded.")).to_be_visible()
    expect(page.locator("tr.excluded")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tr.excluded")).to_have_count(0)

    page.get_by_text("2 selected").click()
    with page.expect_download() as download:
        page.locator("#bulk").get_by_role("link", name="Export as CSV").click()
    assert re.findall(r"^\d+", download.value.path().read_text(), re.MULTILINE) == ["1", "4"]
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 trials")


def test_what_could_not_be_done_says_why(finished: Page) -> None:
    page = finished
    page.locator("#filter").fill("number < 2")
    expect(page.locator("#table tbody tr")).to_have_count(2)
    page.get_by_text("All 2 that fit").click()
    page.get_by_role("button", name="Stop", exact=True).last.click()
    page.locator("#confirm").get_by_role("button", name="Stop").click()
    expect(page.locator("#notices")).to_contain_text("0 trials stopped. 2 trials left as they are")
    expect(page.locator("#notices")).to_contain_text("is finished; stop needs it to be queued or running.")


def test_columns_are_chosen_and_kept(finished: Page, complaints: Complaints) -> None:
    page = finished
    expect(page.get_by_role("columnheader", name="update : weight")).to_be_visible()
    page.get_by_text("Columns …").click()
    page.get_by_label("momentum").check()
    page.get_by_label("update : weight").uncheck()
    page.reload()
    expect(page.get_by_role("columnheader", name="momentum")).to_be_visible()
    expect(page.get_by_role("columnheader", name="update : weight")).to_have_count(0)
    page.get_by_role("button", name="momentum", exact=True).click()
    expect(page.locator("#table tbody tr")).to_have_count(6)
    assert "sort=-momentum" in page.url


def answer_deletion_late(route: Route) -> None:
    """Lets the page go on for as long as it takes to ask for advice anew, while its sweep is gone already."""
    answer = route.fetch()
    if route.request.method == "DELETE":
        time.sleep(2.5)
    route.fulfill(response=answer)


def test_a_sweep_is_described_extended_and_deleted_without_leaving_its_page(
    open_page: Opener, post_sweep: Callable[..., Any], complaints: Complaints
) -> None:
    page = open_page(f"/sweeps/{post_sweep(trials=2)['id']}?view=table")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    menu = page.get_by_label("Export and more")
    menu.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Name, tags, notes…")).to_be_hidden()
    expect(menu).to_be_focused()
    menu.press("Enter")
    page.get_by_role("button", name="Name, tags, notes…").click()
    page.get_by_label("Tags").fill("first, digits")
    page.get_by_role("textbox", name="Notes").fill("It **works**.")
    page.get_by_role("textbox", name="Name", exact=True).fill("a better name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("a better name")
    expect(page.locator("#tags .tag")).to_have_text(["first", "digits"])
    expect(page.locator("#notes strong")).to_have_text("works")

    menu.click()
    page.get_by_role("button", name="Add trials…").click()
    dialog = page.get_by_role("dialog", name="Add trials")
    dialog.get_by_label("of your own").fill('{"lr": -1}')
    dialog.get_by_role("button", name="Add them").click()
    expect(dialog.get_by_role("alert")).to_contain_text("lr")
    dialog.get_by_label("of your own").fill('{"lr": 0.05, "reg": 0.001}')
    dialog.get_by_role("button", name="Add them").click()
    expect(page.locator("#table tbody tr")).to_have_count(3)
    complaints.forgive("422")

    expect(page.locator("[data-field=progress]")).to_have_text("3 / 3")
    page.route("**/api/sweeps/*", answer_deletion_late)
    for name in ("another name", "a better name"):  # news twice: advice is asked for now and later
        page.request.patch(page.url.split("?")[0].replace("/sweeps/", "/api/sweeps/"), data={"name": name})
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
    menu.click()
    page.get_by_role("button", name="Delete…").click()
    page.evaluate("setTimeout(() => document.querySelector('th [data-sort=lr]').click(), 1000)")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", level=1, name="Sweeps")).to_be_visible()
    expect(page.get_by_role("link", name="a better name")).to_have_count(0)
