"""Desktop notifications: asked for only by a click, remembered, shown once however many tabs watch."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.support.charts import SLOW
from tests.support.sites import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# A browser whose user says yes; what it would show is kept in `told`.
WILLING = """
window.told = [];
window.Notification = class {
    static get permission() { return localStorage.getItem('allowed') ?? 'default'; }
    static async requestPermission() { localStorage.setItem('allowed', 'granted'); return 'granted'; }
    constructor(title, { body }) { window.told.push(`${title}: ${body}`); }
};"""
# What was told, after every tab that wants to tell has asked for the lock.
TOLD = "navigator.locks.query().then(() => window.told)"


def test_two_tabs_that_watch_a_sweep_notify_once(
    open_page: Callable[..., Page], post_sweep: Callable[..., Any], site: Site
) -> None:
    before = post_sweep(settings=SLOW, trials=1)  # keeps the only worker busy
    watched = post_sweep(name="watched", space={"lr": {"choice": [0.05, 1e4]}}, sampler="grid", trials=2)
    path = f"/sweeps/{watched['id']}"
    tab = open_page("/help")
    tab.context.add_init_script(WILLING)
    other = tab.context.new_page()
    for page in (tab, other):
        page.goto(path)
        expect(page.locator("#link")).to_have_text("live")
    bell = tab.get_by_role("button", name="Notify me")
    expect(bell).to_have_attribute("aria-pressed", "false")
    assert tab.evaluate("Notification.permission") == "default"
    bell.click()
    for page in (tab, other):
        expect(page.locator("#notify")).to_have_attribute("aria-pressed", "true")

    httpx2.post(f"{site.address}/api/sweeps/{before['id']}/cancel")
    for page in (tab, other):
        expect(page.locator("#state")).to_have_text("finished")
        expect(page.locator("#notify")).to_be_hidden()
    first, last = sorted(tab.evaluate(TOLD) + other.evaluate(TOLD))
    assert first == "watched: The first trial has diverged."
    assert last.startswith("watched: The sweep is finished: 1 finished, 1 diverged, best val accuracy 0.")

    tab.context.add_init_script("delete window.Notification")
    tab.goto(f"/sweeps/{post_sweep(settings=SLOW)['id']}")
    expect(tab.get_by_role("button", name="Pause")).to_be_visible()
    expect(tab.locator("#notify")).to_be_hidden()
