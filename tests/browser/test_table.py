"""The table of trials: what is done to many at once, columns, and everything by keys alone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints

pytestmark = pytest.mark.browser

Opener = Callable[..., Page]


@pytest.fixture
def finished(open_page: Opener, post_sweep: Callable[..., Any]) -> Page:
    """The page of a sweep of six trials that has ended."""
    page = open_page(f"/sweeps/{post_sweep()['id']}?view=table")
    expect(page.locator("#state")).to_have_text("finished", timeout=60_000)
    expect(page.locator("#table tbody tr")).to_have_count(6)  # it hears keys from now on
    return page


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


def test_rows_are_walked_and_selected_by_keys_alone(finished: Page) -> None:
    page = finished
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("go to the filter")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("number < 3")
    expect(page.locator("#table tbody tr")).to_have_count(3)
    page.locator("#filter").blur()
    for key in "jxjjkx":  # first, select; second, third, second, select
        page.keyboard.press(key)
    rows = page.locator("#table tbody tr")
    chosen = [rows.nth(place).get_attribute("data-number") for place in (0, 1)]
    assert page.url.endswith(f"selected={','.join(map(str, chosen))}")
    expect(rows.nth(1).get_by_role("link")).to_be_focused()


def test_a_finer_sweep_is_started_by_keys_alone(finished: Page) -> None:
    page = finished
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="A finer sweep")
    expect(dialog.get_by_label("Name")).to_be_focused()
    page.keyboard.type("by keys")
    page.keyboard.press("Tab")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("by keys")
    expect(page.get_by_role("link", name="small", exact=True)).to_be_visible()  # the one it came from


def test_tags_notes_and_more_trials_without_leaving_the_page(finished: Page, complaints: Complaints) -> None:
    page = finished
    menu = page.get_by_label("Export and more")
    menu.click()
    page.get_by_role("button", name="Name, tags, notes…").click()
    page.get_by_label("Tags").fill("first, digits")
    page.get_by_role("textbox", name="Notes").fill("It **works**.")
    page.get_by_role("button", name="Keep").click()
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
    expect(page.locator("#table tbody tr")).to_have_count(7)
    complaints.forgive("422")


def test_a_baseline_shows_how_far_the_others_are(finished: Page) -> None:
    page = finished
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 trials")
    page.get_by_role("button", name="baseline").first.click()
    best = page.locator("[data-result=best_val_acc] td")
    expect(best.nth(0)).to_have_text(re.compile(r"^0\.\d{3}$"))
    expect(best.nth(1)).to_have_text(re.compile(r"^0\.\d{3} [−+]0\.\d{3}$"))
    page.reload()
    expect(page.get_by_role("button", name="baseline").first).to_have_attribute("aria-pressed", "true")
