"""Random against grid in a real browser with a real worker."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_search_both_ways_and_see_what_each_tried(open_page: Callable[..., Page]) -> None:
    page = open_page("/sweeps/new")
    page.get_by_role("link", name="random against grid").click()
    page.get_by_label("Seed").fill("1")
    page.get_by_label("Trials of each").select_option("9")
    page.get_by_role("button", name="Search both ways").click()
    expect(page).to_have_url(re.compile(r"/random-grid\?sweeps=\d+,\d+$"))

    row = page.get_by_role("row", name=re.compile("^ended"))
    expect(row).to_have_text(re.compile(r"9 of 9\s*9 of 9"), timeout=60_000)
    expect(page.get_by_role("row", name="values of lr")).to_have_text(re.compile(r"3\s*9$"))
    expect(page.locator("#words")).to_contain_text("9 trials on a grid try 3 values of lr")
    for n in (0, 1):  # both pictures drawn: the trials themselves, and piled up above and beside
        figure = page.locator(f"[data-side='{n}']")
        expect(figure.locator(".scatterlayer .trace").first).to_be_attached()
        assert page.evaluate(DOTS, n) == [9, 9]
    page.locator("#expected").scroll_into_view_if_needed()
    expect(page.locator("#expected .scatterlayer .trace")).to_have_count(2)


DOTS = """(n) => document.querySelector(`[data-side='${n}']`).data
  .filter((trace) => trace.name.startsWith("trials at")).map((trace) => trace.x.length)"""
