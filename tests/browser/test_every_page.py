"""Every page of one seeded server: axe finds nothing in either theme, nothing moves, nobody complains."""

from collections.abc import Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page

from benchmarks import seed
from benchmarks.pages import TOURED
from learning import verdicts
from learning.settings import Settings
from store import migrate, preflights
from store.database import Database
from tests.browser.conftest import DESKTOP, Complaints, Site

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
PAGES = {
    "sweeps": "/",
    "wall": "/sweeps/1?selected=0",
    "curves": "/sweeps/1?view=curves",
    "settings": "/sweeps/1?view=settings",
    "history": "/sweeps/1?view=history",
    "table": "/sweeps/1?view=table",
    "trial": "/trials/1",
    "compare": "/compare?trials=1,2,3",
    "nothing to compare": "/compare",
    "new sweep": "/sweeps/new?recipe=coarse",
    "preflight": "/preflight",
    "data sets": "/datasets",
    "workers": "/workers",
    "help": "/help",
    "REST API": "/docs",
    "error": "/sweeps/404",
}
CURVE = ((0.001, 2.3), (1.0, 4.0))
MOST_SHIFT = 0.05
WATCH = """() => {
    window.shifted = 0;
    const add = (list) => list.getEntries().forEach((entry) => { window.shifted += entry.value; });
    new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true });
}"""
DRAWN = """() => document.readyState === 'complete' && [...document.querySelectorAll('.chart')].every((one) =>
    one.dataset.empty !== '…' || !one.checkVisibility() || one.getBoundingClientRect().top > innerHeight)"""
FOUND = """async (rules) => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'], preload: false, ...rules });
    return violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target} (${one.help})`));
}"""
UNSIZED = (
    "[...document.images].filter((one) => !one.hidden && !one.hasAttribute('width')).map((one) => one.id)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Lossdeck whose sweep and preflight have ended before it starts."""
    site = Site(tmp_path_factory.mktemp("every") / "home")
    site.home.mkdir()
    database = Database.open(f"sqlite:///{site.home / 'lossdeck.db'}")
    migrate.upgrade(database)
    seed.sweep(database, 24, 6, space=seed.SPACE | {"hidden": {"choice": [[20], [50]]}})
    with database.write() as c:
        preflights.create(c, "digits", Settings(), seed.START)
        claim = preflights.claim(c, "seed", seed.START)
        assert claim is not None
        preflights.record(
            c, claim, verdicts.at_most("loss-at-chance", "First cost", 0.0, 0.01, "It is ln(10).", CURVE)
        )
        preflights.finish(c, claim, seed.START)
    database.close()
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def tab(browser: Browser, site: Site) -> Iterator[Page]:
    """One page that goes to every address; axe comes from outside the page, so its policy may stand."""
    context = browser.new_context(base_url=site.address, viewport=DESKTOP, reduced_motion="reduce")
    context.add_init_script(TOURED)
    page = context.new_page()
    page.add_init_script(f"({WATCH})()")
    yield page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_bars_nobody_and_stays_where_it_is(name: str, tab: Page, complaints: Complaints) -> None:
    complaints.listen(tab)
    tab.emulate_media(color_scheme="light")
    tab.goto(PAGES[name])
    tab.wait_for_function(DRAWN)
    tab.evaluate(AXE)
    assert tab.evaluate(FOUND, {}) == []
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(DRAWN)
    assert tab.evaluate(FOUND, {"runOnly": ["color-contrast", "link-in-text-block"]}) == []
    assert tab.evaluate("window.shifted") <= MOST_SHIFT
    assert tab.evaluate(UNSIZED) == []
    if name == "error":
        complaints.forgive("404")
    assert complaints.heard == []
