"""Every page of a seeded server, wide by day and by night, and small: axe finds nothing, nothing moves."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks import seed
from benchmarks.served import TOURED
from learning.preflight import check_result
from learning.refinement.autopilot import SEARCH_STAGES
from learning.search.space import Space
from store.config import Config
from store.db import migrations
from store.db.database import Database
from store.jobs import autopilots, preflights
from store.jobs.autopilots import NewAutopilot
from tests.support.accessibility import AXE, FOUND
from tests.support.made_up_worker import Crew
from tests.support.sites import DESKTOP, Complaints, Site
from worker import autopilot_steps as steps  # the arrows bind the program, not its tests

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOKEN = "a token for those who look at every page"

PHONE = {"width": 390, "height": 844}

LOOKS = (("light", DESKTOP), ("dark", PHONE))

PAGES = {
    "login": "/login",
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
    "clone": "/sweeps/new?from=1",
    "seeds": "/sweeps/2?view=seeds",
    "random against grid": "/random-grid?sweeps=3,4",
    "stages": "/sweeps/5/stages",
    "chart to be framed": "/embed/sweeps/1/pair",
    "autopilots": "/autopilot",
    "autopilot": "/autopilot/1",
    "report of an autopilot": "/autopilot/1/report",
    "preflight": "/preflight",
    "data sets": "/datasets",
    "workers": "/workers",
    "help": "/help",
    "REST API": "/docs",
    "error": "/sweeps/404",
}

OPENED: dict[str, tuple[str, Callable[[Page], None]]] = {
    "keys": ("/sweeps/1?view=table", lambda page: page.keyboard.press("?")),
    "finer": ("/sweeps/1?view=table", lambda page: page.keyboard.press("r")),
    "about": ("/sweeps/1?view=table", lambda page: _choose(page, "#rename")),
    "more-trials": ("/sweeps/1?view=table", lambda page: _choose(page, "#add-trials")),
    "average": ("/sweeps/1?view=table", lambda page: _choose(page, "#average-best")),
    "confirm": ("/sweeps/1?view=table", lambda page: _choose(page, "#delete")),
    "repeats": ("/trials/1", lambda page: page.click("#repeat")),
}  # every dialog: on which page, and how it is opened

CURVE = ((0.001, 2.3), (1.0, 4.0))

MOST_SHIFT = 0.05

WATCH = """() => {
    window.shifted = 0;
    const add = (list) => list.getEntries().forEach((entry) => { window.shifted += entry.value; });
    new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true });
}"""

DRAWN = """() => document.readyState === 'complete' && [...document.querySelectorAll('.chart')].every((one) =>
    one.dataset.empty !== '…' || !one.checkVisibility() || one.getBoundingClientRect().top > innerHeight)
    && [...document.querySelectorAll('#wall-takeaway, #trial-panel-findings')].every((one) =>
    one.childNodes.length || !one.checkVisibility())"""

OVERLAPS = """() => {
    const parts = [...document.querySelectorAll('.bar > .brand, .bar nav a, .bar .tools > *')]
        .filter((one) => one.checkVisibility())
        .map((one) => [one.textContent.trim(), one.getBoundingClientRect()]);
    return parts.flatMap(([word, a], n) => parts.slice(n + 1)
        .filter(([, b]) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
        .map(([other]) => `${word} lies over ${other}`));
}"""

LATE = {"curves", "settings", "history", "table", "seeds"}  # views whose programs come when they are seen

UNNAMED = """() => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)
    .filter((path) => path.endsWith('.js') && !document.querySelector(`[href="${path}"], [src="${path}"]`))"""

COLUMNS = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/columns?')).length"

TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

UNSIZED = (
    "[...document.images].filter((one) => !one.hidden && !one.hasAttribute('width')).map((one) => one.id)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Lossdeck with a token, whose sweeps, preflight and autopilot have ended before it starts."""
    site = Site(tmp_path_factory.mktemp("every") / "home", options={"LOSSDECK_TOKEN": TOKEN})
    site.home.mkdir()
    database = Database.open(f"sqlite:///{site.home / 'lossdeck.db'}")
    migrations.upgrade(database)
    seed.sweep(database, 24, 6, space=seed.SPACE | {"hidden": {"choice": [[20], [50]]}})
    seed.sweep(database, 4, 6, space={"seed": {"integer": [0, 99]}})
    for number in (1, 2):
        seed.sweep(database, 9, 6, seed=number)
    _fly(database, Config(home=site.home))
    database.close()
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def tab(browser: Browser, site: Site) -> Iterator[Page]:
    """One page that is let in and goes everywhere; axe comes from outside it, so its policy may stand."""
    context = browser.new_context(base_url=site.address, reduced_motion="reduce")
    context.add_init_script(TOURED)
    page = context.new_page()
    page.add_init_script(f"({WATCH})()")
    page.goto("/")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("/")
    yield page
    context.close()


def _fly(database: Database, config: Config) -> None:
    """An autopilot from its preflight to its end, its workers played."""
    with database.write() as c:
        new = NewAutopilot("flown", "digits", seed.FIXED, Space.parse(seed.SPACE), trials=8, seed=0)
        autopilots.create(c, new, seed.START)
    steps.advance(database, config)
    with database.write() as c:
        claim = preflights.claim(c, "seed", seed.START)
        assert claim is not None
        preflights.record(
            c,
            claim,
            check_result.check_at_most("loss-at-chance", "First cost", 0.0, 0.01, "It is ln(10).", CURVE),
        )
        preflights.finish(c, claim, seed.START)
    for _ in (*SEARCH_STAGES, "end"):
        steps.advance(database, config)
        Crew(database).finish_all()


def look(page: Page, theme: Any, size: Any, path: str) -> None:
    """Opens an address in a theme and a size, and waits until it is drawn."""
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=theme)
    page.goto(path)
    page.wait_for_function(DRAWN)
    page.evaluate(AXE)


def bars(page: Page, theme: str, part: str | None = None) -> list[str]:
    """What axe finds on a page, or on a part of it; where it is day, at night too."""
    found = list(page.evaluate(FOUND, part))
    if theme == "light":
        page.emulate_media(color_scheme="dark")
        page.evaluate(TWO_FRAMES)  # in which canvases and charts turn dark
        found += bars(page, "dark", part)
        page.emulate_media(color_scheme="light")
    return found


def _choose(page: Page, entry: str) -> None:
    """Clicks an entry of the sweep's menu."""
    page.get_by_label("Export and more").click()
    page.click(entry)


@pytest.mark.parametrize("name", PAGES)
def test_page_bars_nobody_and_stays_where_it_is(name: str, tab: Page, complaints: Complaints) -> None:
    complaints.listen(tab)
    for theme, size in LOOKS:
        look(tab, theme, size, PAGES[name])
        assert tab.evaluate("window.shifted") <= MOST_SHIFT
        assert tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert tab.evaluate(UNSIZED) == []
        assert tab.evaluate(UNNAMED) == [] or name in LATE
        assert bars(tab, theme) == []
    if name == "error":
        complaints.forgive("404")
    assert complaints.heard == []


def test_a_sweep_asks_once_for_its_trials_before_its_program_is_there(tab: Page) -> None:
    look(tab, "light", DESKTOP, PAGES["wall"])
    assert tab.evaluate(COLUMNS) == 1


def test_a_sweep_as_one_file_bars_nobody(tab: Page) -> None:
    file = tab.request.get("/api/sweeps/1/export?format=html").text()
    for theme, size in LOOKS:
        look(tab, theme, size, "about:blank")
        tab.set_content(file)
        tab.evaluate(AXE)
        assert tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert bars(tab, theme) == []


def test_the_bar_has_room_at_every_width(tab: Page) -> None:
    look(tab, "light", DESKTOP, "/help")
    tab.evaluate("document.querySelector('#link').textContent = 'reconnecting'")  # the longest it says
    for width in range(360, 1440, 20):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(OVERLAPS) == [], f"at {width}"


@pytest.mark.parametrize(("theme", "size"), LOOKS, ids=["light", "dark"])
def test_dialogs_bar_nobody(theme: str, size: dict[str, int], tab: Page, complaints: Complaints) -> None:
    complaints.listen(tab)
    for path, dialogs in itertools.groupby(OPENED, lambda name: OPENED[name][0]):
        look(tab, theme, size, path)
        for name in dialogs:
            OPENED[name][1](tab)
            expect(tab.locator(f"dialog#{name}")).to_be_visible()
            assert bars(tab, theme, f"dialog#{name}") == []
            tab.keyboard.press("Escape")
    assert complaints.heard == []
