"""Live: how soon a page shows what was committed, with twelve tabs open: `python -m benchmarks.live`.

Two workers train a sweep of their own, so that the machine is busy as in use. This program plays the
worker of 32 more trials, for it alone knows to the millisecond when it has committed their epochs; the page
and it read the same clock. Prints a verdict a line.
"""

import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from playwright.sync_api import BrowserContext, Page, ViewportSize

from benchmarks import seed
from benchmarks.pages import Figure
from benchmarks.served import HIDE, TOURED, chromium, running, served
from learning.search.space import LogUniform, Space, draw_trials
from learning.settings import Settings
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db import migrations
from store.db.database import Database
from store.queue import claimed_groups, claims
from store.queue.claims import Claim

TRIALS = 32
EPOCHS = 400
ROUNDS = 60  # epochs of all trials that are measured
PAUSE = 0.25  # seconds between two rounds
TABS = 12
TALL: ViewportSize = {"width": 1440, "height": 2400}  # all tiles are in view
CALLS = 100  # of REST, with all tabs open
BEGUN = 40  # epochs before the page is opened

# When each tile said that it has so many epochs, by the clock of the wall, once the frame was painted.
WATCH = """() => {
    const shown = window.shown = [];
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = ({ data }) => {  // the first task after the frame
        const at = performance.timeOrigin + performance.now();
        for (const [number, epochs] of data) shown.push([number, epochs, at]);
    };
    new MutationObserver((changes) => {
        const epochs = (tile) => Number(tile.title.match(/· (\\d+)\\//)?.[1]);
        const seen = changes.map(({ target }) => [Number(target.dataset.number), epochs(target)]);
        requestAnimationFrame(() => port1.postMessage(seen));
    }).observe(document.querySelector('#wall'), { subtree: true, attributeFilter: ['title'] });
}"""
FRESH = """async (epochs) => {
    const start = performance.now();
    (HIDE)(false);
    const tile = document.querySelector('#wall .tile');
    const shown = () => Number(tile.title.match(/· (\\d+)\\//)?.[1]);
    while (!(shown() >= epochs)) await new Promise(requestAnimationFrame);
    return performance.now() - start;
}""".replace("HIDE", HIDE)


class Player:
    """Commits the epochs of all trials of a sweep, and notes when."""

    def __init__(self, database: Database, name: str) -> None:
        self.database = database
        self.random = np.random.default_rng(0)
        fixed = {"hidden": [50], "val_count": 300, "epochs": EPOCHS}
        space = Space({"lr": LogUniform(1e-5, 1e-3)})
        drawn = draw_trials(space, fixed, TRIALS, "random", 0)
        new = NewSweep(name, "digits", None, space, fixed, "random", 0, drawn)
        with database.write() as c:
            self.sweep = sweep_actions.create(c, new, time.time(), workers=2)
        self.claims = list(self._claims())
        self.curves = {
            trial.id: self._curve(trial.id, trial.settings) for claim in self.claims for trial in claim.trials
        }
        self.done = 0  # epochs
        self.committed: dict[tuple[int, int], float] = {}  # by trial and epoch: UTC milliseconds

    def _claims(self) -> Iterator[Claim]:
        while True:
            with self.database.write() as c:
                claim = claims.claim(c, "player", time.time())
            if claim is None:
                return
            yield claim

    def _curve(self, key: int, settings: Settings) -> Iterator[Any]:
        return seed.curve(key, settings, EPOCHS, self.random)

    def play(self, rounds: int, pause: float) -> None:
        for _ in range(rounds):
            self.done += 1
            for claim in self.claims:
                rows = [next(self.curves[trial.id]) for trial in claim.trials]
                with self.database.write() as c:
                    claimed_groups.record(c, claim, rows, None, time.time(), {})
                now = time.time() * 1_000
                self.committed |= {(trial.number, self.done): now for trial in claim.trials}
            time.sleep(pause)


def delays(player: Player, shown: list[tuple[int, int | None, float]]) -> list[float]:
    """Milliseconds from each commit to the first frame that shows it or a later one."""
    found = []
    for (number, epoch), committed in player.committed.items():
        times = [
            at for trial, epochs, at in shown if trial == number and epochs is not None and epochs >= epoch
        ]
        if times and epoch > BEGUN:
            found.append(min(times) - committed)
    return found


def p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def measure(context: BrowserContext, player: Player, address: str) -> list[Figure]:
    """The figures, with the first tab seen all the time and the last hidden for a while."""
    path = f"/sweeps/{player.sweep.id}"
    context.add_init_script(TOURED)
    tabs = [context.new_page() for _ in range(TABS)]
    for tab in tabs:
        tab.goto(path, wait_until="domcontentloaded")
        tab.locator("#link[data-link=live]").wait_for(timeout=60_000)
    for tab in tabs[1:]:  # only one tab of a window is seen
        tab.evaluate(HIDE, True)
    tabs[0].bring_to_front()
    tabs[0].evaluate(WATCH)
    player.play(ROUNDS, PAUSE)
    tabs[0].wait_for_timeout(1_000)
    lags = delays(player, tabs[0].evaluate("window.shown"))
    answers = []
    for _ in range(CALLS):
        player.play(1, 0)
        answers.append(_rest(f"{address}/api{path}"))
    return [
        Figure("commit to changed pixel, p50", median(lags), 250, "ms"),
        Figure("commit to changed pixel, p95", p95(lags), 500, "ms"),
        Figure(f"tab of {TABS} brought to the front is fresh", _front(tabs[-1], player), 1_000, "ms"),
        Figure(f"REST with {TABS} tabs, p95", p95(answers), 200, "ms"),
    ]


def _front(tab: Page, player: Player) -> float:
    tab.bring_to_front()
    return float(tab.evaluate(FRESH, player.done))


def _rest(url: str) -> float:
    started = time.perf_counter()
    urllib.request.urlopen(url).close()
    return (time.perf_counter() - started) * 1_000


def main() -> int:
    """Prints all figures; 1 if one is over its limit."""
    with chromium() as browser, tempfile.TemporaryDirectory(prefix="lossdeck-live-") as folder:
        home = Path(folder)
        database = Database.open(f"sqlite:///{home / 'lossdeck.db'}")
        migrations.upgrade(database)
        player = Player(database, "played")
        player.play(BEGUN, 0)
        fixed = {"hidden": [200], "val_count": 300, "epochs": 10_000}  # keeps the workers busy for minutes
        space = Space.parse(seed.SPACE)
        drawn = draw_trials(space, fixed, 8, "random", 0)
        long = NewSweep("busy", "digits", None, space, fixed, "random", 0, drawn)
        with database.write() as c:
            sweep_actions.create(c, long, time.time(), workers=2)
        with served(home) as address, running(home, "worker", LOSSDECK_WORKERS="2"):
            figures = measure(browser.new_context(base_url=address, viewport=TALL), player, address)
        database.close()
    print(f"{TRIALS} trials running, two workers busy; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(*figures, sep="\n")
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
