"""The tour: once in a browser, by keys alone, out of the way at once, again from the help page."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.accessibility import AXE, FOUND
from tests.support.charts import SLOW

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STEPS = ("Progress", "The wall", "The map", "Advice", "Help")
# Whether the card lies within the window, and what is pointed at shows through.
IN_VIEW = """() => ['.card', 'i'].every((part) => {
    const { left, top, right, bottom } = document.querySelector(`.tour > ${part}`).getBoundingClientRect();
    return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && right - left > 20;
})"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_tour_is_shown_once_and_again_when_asked(
    open_page: Callable[..., Page], post_sweep: Callable[..., Any], width: int, height: int
) -> None:
    path = f"/sweeps/{post_sweep(settings=SLOW, trials=2)['id']}"
    page = open_page(path, toured=False, viewport={"width": width, "height": height}, reduced_motion="reduce")
    for step in STEPS:
        expect(page.get_by_role("dialog", name=step)).to_be_visible()
        assert page.evaluate(IN_VIEW), step
        page.keyboard.press("Enter")
    expect(page.locator(".tour")).to_have_count(0)
    assert page.evaluate("scrollY") == 0
    page.reload()
    expect(page.locator("#link")).to_have_text("live")  # which it says after the tour has been offered
    expect(page.locator(".tour")).to_have_count(0)

    page.goto("/help")
    page.get_by_role("button", name="Show the tour").click()
    expect(page.get_by_role("dialog", name="Progress")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("dialog", name="Progress")).to_be_visible()
    page.evaluate(AXE)
    assert page.evaluate(FOUND, None) == []
    page.emulate_media(media="print")
    expect(page.locator(".tour")).to_be_hidden()
    page.emulate_media(media="screen")
    page.keyboard.press("Escape")
    expect(page.locator(".tour")).to_have_count(0)
