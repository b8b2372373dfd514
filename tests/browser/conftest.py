"""A real Chromium on a real `lossdeck up`; whatever a page complains of fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.served import FLAGS, TOURED
from tests.support.sites import DESKTOP, Complaints, Site, start_sweep


@pytest.fixture(scope="package")  # not longer: Playwright's event loop runs in this thread while it is open
def browser() -> Iterator[Browser]:
    """Debian's Chromium; skips without it, but fails in CI."""
    program = shutil.which("chromium")
    if program is None:
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running Lossdeck, shared by all tests that may find other sweeps on it and do not end it."""
    yield from run_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running Lossdeck of a module's own; the first test finds it without a sweep."""
    yield from run_site(tmp_path_factory.mktemp("new-site"))


def run_site(folder: Path) -> Iterator[Site]:
    site = Site(folder / "home")
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture
def complaints(site: Site) -> Complaints:
    """What the pages of this test complained of so far."""
    return Complaints(site.address)


@pytest.fixture
def open_page(browser: Browser, site: Site, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """Opens pages of the server; at the end no page may have complained of anything."""
    contexts = []

    def open_page(path: str = "/", toured: bool = True, **options: Any) -> Page:
        context = browser.new_context(base_url=site.address, **({"viewport": DESKTOP} | options))
        if toured:
            context.add_init_script(TOURED)
        contexts.append(context)
        page = context.new_page()
        complaints.listen(page)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints.heard == []


@pytest.fixture
def post_sweep(site: Site) -> Iterator[Callable[..., dict[str, Any]]]:
    """Starts a sweep as `start_sweep` does; what still runs in the end is cancelled."""
    made = []

    def post(**fields: Any) -> dict[str, Any]:
        sweep = start_sweep(site, **fields)
        made.append(sweep["id"])
        return sweep

    yield post
    for id in made:
        httpx2.post(f"{site.address}/api/sweeps/{id}/cancel")  # refused where it has ended
