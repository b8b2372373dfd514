"""Pages: what the page of a large sweep costs in a real Chromium: `python -m benchmarks.pages`.

Seeds a database in a temporary folder, serves it, opens each sweep, and prints a verdict a line.
"""

import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize

from benchmarks import seed
from benchmarks.served import TOURED, chromium, served
from store.db import migrations
from store.db.database import Database

SIZES = ((10_000, 20), (1_000, 200))  # trials, epochs
DESKTOP: ViewportSize = {"width": 1440, "height": 900}

# Runs before the page's own scripts: when the first curve is on the screen, and what blocks the main thread.
WATCH = """(() => {
    const seen = window.measured = { curves: null, tasks: [] };
    new PerformanceObserver((list) => list.getEntries().forEach((entry) =>
        seen.tasks.push([entry.startTime, entry.duration]))).observe({ type: 'longtask', buffered: true });
    const look = () => {
        if (document.querySelector('#wall .train[d]:not([d=""])')) {
            requestAnimationFrame(() => requestAnimationFrame(() => { seen.curves = performance.now(); }));
        } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})()"""
FIRST_BYTE = "performance.getEntriesByType('navigation')[0].responseStart"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
HEAP = "performance.memory.usedJSHeapSize"
SORT = """async () => {
    const select = document.querySelector('#wall-order');
    const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const times = [];
    for (const order of ['newest', 'worst', 'verdict', 'best']) {
        const start = performance.now();
        select.value = order;
        select.dispatchEvent(new Event('change'));
        await painted();
        times.push(performance.now() - start);
    }
    return Math.max(...times);
}"""
FILTER = """async (path) => {
    const times = [];
    for (const query of ['sort=-best_val_acc&filter=lr+%3E+1e-4', 'sort=lr&filter=best_val_acc+%3E+0.4']) {
        const start = performance.now();
        await (await fetch(`${path}?limit=50&${query}`)).json();
        times.push(performance.now() - start);
    }
    return Math.max(...times);
}"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number and what it must not exceed."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def kept(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "ok  " if self.kept else "OVER"
        return f"{verdict} {self.name:<48} {self.value:9.2f} {self.unit:<2} (at most {self.limit:g})"


def measure(browser: Browser, address: str, sweep: int) -> list[Figure]:
    """The figures of one sweep's page: the browser new, the server not (its templates are read)."""
    urllib.request.urlopen(f"{address}/sweeps/{sweep}").close()
    context = browser.new_context(base_url=address, viewport=DESKTOP)
    page = context.new_page()
    page.add_init_script(TOURED)
    page.add_init_script(WATCH)
    received = _listen(page)
    page.goto(f"/sweeps/{sweep}")
    page.wait_for_function("() => window.measured.curves !== null")
    page.wait_for_function("() => !document.querySelector('#advice .quiet')")  # it comes last
    page.wait_for_timeout(500)
    first = page.evaluate("window.measured.curves") / 1_000
    loaded = page.evaluate(LOADED)
    bytes_first = received()
    sort = page.evaluate(SORT)
    filtered = page.evaluate(FILTER, f"/api/sweeps/{sweep}/trials")
    _wander(page)
    tasks = [length for start, length in page.evaluate("window.measured.tasks") if start > loaded]
    heap = page.evaluate(HEAP) / 1e6
    figures = [
        Figure("first byte of the page", page.evaluate(FIRST_BYTE), 150, "ms"),
        Figure("first curves painted after navigation", first, 1.5, "s"),
        Figure("sent for it, without plotly.js", bytes_first / 1e6, 1.5, "MB"),
        Figure("wall sorted and painted, slowest order", sort, 200, "ms"),
        Figure("table's sort and filter answered, slowest", filtered, 200, "ms"),
        Figure("longest task after load, scrolling and selecting", max(tasks, default=0), 200, "ms"),
        Figure("heap", heap, 150, "MB"),
    ]
    context.close()
    return figures


def _listen(page: Page) -> Any:
    """A function that tells how many bytes of bodies came so far, plotly.js left out."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: dict[str, float] = {}
    addresses: dict[str, str] = {}
    session.on(
        "Network.responseReceived",
        lambda event: addresses.update({event["requestId"]: event["response"]["url"]}),
    )
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    return lambda: sum(size for id, size in sizes.items() if "/static/plotly-" not in addresses.get(id, ""))


def _wander(page: Page) -> None:
    """What a visitor does on the first screen: scrolls the wall, opens a tile, brushes the map."""
    for _ in range(10):
        page.locator("#wall").evaluate("(wall) => { wall.scrollTop += 2_000; }")
        page.wait_for_timeout(50)
    page.locator("#wall .tile").nth(8).click()
    page.keyboard.press("Escape")
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.7, steps=8)
    page.mouse.up()
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")


def main() -> int:
    """Prints all figures; 1 if one is over its limit."""
    figures = []
    with chromium() as browser, tempfile.TemporaryDirectory(prefix="lossdeck-pages-") as folder:
        home = Path(folder)
        database = Database.open(f"sqlite:///{home / 'lossdeck.db'}")
        migrations.upgrade(database)
        sweeps = [seed.sweep(database, trials, epochs) for trials, epochs in SIZES]
        database.close()
        with served(home) as address:
            for made, (trials, epochs) in zip(sweeps, SIZES, strict=True):
                print(f"{trials:,} trials x {epochs} epochs")
                found = measure(browser, address, made.id)
                print(*found, sep="\n")
                figures += found
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
