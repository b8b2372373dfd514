"""Gallery: a picture of every page in its states, to be looked at: `python -m benchmarks.gallery FOLDER`.

A real worker trains a small search on the digits first, so that weights, findings and checks are real ones;
large and half-done sweeps are seeded. Nothing here judges: a person looks at the pictures.
"""

import argparse
import base64
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize

from benchmarks import seed
from benchmarks.served import TOURED, chromium, served
from store.db import migrations
from store.db.database import Database
from store.jobs import autopilots
from store.read import sweeps

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
WALL: ViewportSize = {"width": 2560, "height": 1440}
TALLEST = 2400  # CSS pixels of a picture
QUALITY = 70
# Everything that is drawn later has been drawn: no chart still shows its dots, and pictures are there.
DRAWN = """() => [...document.querySelectorAll('.chart')].every((one) => one.dataset.empty !== '…'
    || !one.checkVisibility() || one.getBoundingClientRect().top > innerHeight
    || one.getBoundingClientRect().bottom < 0)
    && [...document.images].every((one) => one.complete || one.loading === 'lazy')"""
FINER: dict[str, Any] = {"lr": {"log_uniform": [1e-4, 1e-2]}, "momentum": {"uniform": [0.0, 0.95]}}


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: of which page, in which theme and size, and what is clicked first."""

    name: str
    path: str
    theme: str = "light"
    size: ViewportSize | None = None
    click: str = ""


def shots(ids: dict[str, int]) -> Iterator[Shot]:
    """All pictures of the gallery but those of an empty database."""
    trained, big, half, exploded = (f"/sweeps/{ids[name]}" for name in ("trained", "big", "half", "exploded"))
    best, burst = (f"/trials/{ids[name]}" for name in ("best", "burst"))
    compare = f"/compare?trials={ids['best']},{ids['burst']},{ids['other']}"
    yield Shot("sweeps", "/")
    yield Shot("sweeps-dark", "/", "dark")
    yield Shot("sweeps-phone", "/", size=PHONE)
    yield Shot("sweep-running", half)
    yield Shot("sweep-finished", trained)
    yield Shot("sweep-finished-dark", trained, "dark")
    yield Shot("sweep-finished-phone", trained, size=PHONE)
    yield Shot("sweep-tile-open", trained, click="#wall .tile >> nth=0")
    yield Shot("sweep-diverged", exploded)
    yield Shot("sweep-thousand", big)
    yield Shot("sweep-thousand-2560-dark", big, "dark", WALL)
    for view in ("curves", "settings", "history", "table"):
        yield Shot(f"{view}", f"{trained}?view={view}")
    yield Shot("curves-thousand-dark", f"{big}?view=curves", "dark")
    yield Shot("settings-dark", f"{half}?view=settings", "dark")
    yield Shot("curves-phone", f"{trained}?view=curves", size=PHONE)
    yield Shot("table-phone", f"{trained}?view=table", size=PHONE)
    yield Shot("sweep-finer", trained, click="#refine")
    yield Shot("trial", best)
    yield Shot("trial-dark", best, "dark")
    yield Shot("trial-phone", best, size=PHONE)
    yield Shot("trial-diverged", burst)
    yield Shot("compare", compare)
    yield Shot("compare-phone-dark", compare, "dark", PHONE)
    yield Shot("new", "/sweeps/new?recipe=coarse")
    yield Shot("new-dark", "/sweeps/new?recipe=coarse", "dark")
    yield Shot("new-phone", "/sweeps/new?recipe=coarse", size=PHONE)
    yield Shot("preflight", "/preflight")
    yield Shot("preflight-dark", "/preflight", "dark")
    yield Shot("preflight-phone", "/preflight", size=PHONE)
    yield Shot("autopilots", "/autopilot")
    yield Shot("autopilot", "/autopilot/1")
    yield Shot("autopilot-phone-dark", "/autopilot/1", "dark", PHONE)
    yield Shot("autopilot-report", "/autopilot/1/report")
    yield Shot("stages-dark", f"/sweeps/{ids['flown']}/stages", "dark")
    yield Shot("repeats", f"/sweeps/{ids['repeated']}?view=seeds")
    yield Shot("random-grid", f"/random-grid?sweeps={ids['drawn']},{ids['laid']}")
    yield Shot("random-grid-phone-dark", f"/random-grid?sweeps={ids['drawn']},{ids['laid']}", "dark", PHONE)
    yield Shot("datasets", "/datasets")
    yield Shot("datasets-phone-dark", "/datasets", "dark", PHONE)
    yield Shot("workers", "/workers")
    yield Shot("help", "/help")
    yield Shot("help-dark", "/help", "dark")
    yield Shot("help-phone", "/help", size=PHONE)
    yield Shot("rest-api", "/docs")
    yield Shot("error", "/sweeps/404")


def empty() -> Iterator[Shot]:
    """Pages before anything has happened."""
    yield Shot("sweeps-empty", "/")
    yield Shot("sweeps-empty-phone-dark", "/", "dark", PHONE)
    yield Shot("workers-empty", "/workers")
    yield Shot("preflight-empty", "/preflight")
    yield Shot("compare-empty", "/compare?trials=")


def locked() -> Iterator[Shot]:
    """What a server with a token shows to whom it does not know."""
    yield Shot("login", "/")
    yield Shot("login-phone-dark", "/", "dark", PHONE)


def fill(home: Path) -> dict[str, int]:
    """A database with real and seeded sweeps; the ids that the pictures need."""
    database = _database(home)
    _queue(home, "preflight", "--dataset", "digits")
    _queue(home, "sweep", "coarse", "--dataset", "digits", "--trials", "36", "--seed", "3")
    _queue(home, "repeat", "9", "--seeds", "8")
    for sampler in ("random", "grid"):
        file = home / f"{sampler}.json"
        file.write_text(json.dumps({"recipe": "coarse", "trials": 25, "sampler": sampler}))
        _queue(home, "sweep", str(file))
    _queue(home, "autopilot", "--dataset", "digits")
    _work(home, database)
    half = seed.sweep(database, 120, 20, name="half of it done", trained=0.5)
    hot = {"lr": {"log_uniform": [1e-2, 1e2]}}
    exploded = seed.sweep(database, 24, 12, name="far too hot", seed=2, space=hot)
    seed.sweep(database, 40, 15, name="a finer look", seed=4, space=FINER)
    big = seed.sweep(database, 1_000, 20, name="a thousand trials", seed=1)
    database.close()
    trained = {"trained": 1, "repeated": 2, "drawn": 3, "laid": 4, "flown": 5}
    return trained | {"half": half.id, "exploded": exploded.id, "big": big.id}


def _queue(home: Path, *command: str) -> None:
    program = [sys.executable, "-m", "app", *command, "--home", str(home)]
    subprocess.run(program, stdout=subprocess.DEVNULL, check=True)


def _work(home: Path, database: Database) -> None:
    """Lets a worker run until everything that is queued has ended."""
    worker = subprocess.Popen([sys.executable, "-m", "app", "worker", "--home", str(home), "--workers", "1"])
    try:
        while not _ended(database):
            assert worker.poll() is None, "the worker has gone"
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait(30)


def _ended(database: Database) -> bool:
    with database.read() as c:
        searches, flights = sweeps.list_all(c)[0], autopilots.list_all(c, 1)[0]
    return all(one.state == "finished" for one in searches) and flights[0].state != "running"


def _database(home: Path) -> Database:
    home.mkdir(parents=True, exist_ok=True)
    database = Database.open(f"sqlite:///{home / 'lossdeck.db'}")
    migrations.upgrade(database)
    return database


def _trials(address: str, ids: dict[str, int], page: Page) -> dict[str, int]:
    """The best, another and a diverged trial of the sweep that was trained."""

    def first(query: str) -> int:
        rows = page.request.get(f"{address}/api/sweeps/{ids['trained']}/trials?limit=2&{query}").json()
        return int(rows["trials"][-1]["id"])

    best = page.request.get(f"{address}/api/sweeps/{ids['trained']}").json()["best"]["id"]
    return {"best": best, "other": first("sort=-best_val_acc"), "burst": first("filter=state = diverged")}


def take(browser: Browser, address: str, shot: Shot, folder: Path, form: str) -> int:
    """Takes one picture; its bytes."""
    context = browser.new_context(base_url=address, viewport=shot.size or DESKTOP, color_scheme=_scheme(shot))
    context.add_init_script(TOURED)
    page = context.new_page()
    page.goto(shot.path, wait_until="load")
    if shot.click:
        page.click(shot.click)
    page.wait_for_function(DRAWN)
    for part in range(6, -1, -1):  # everything comes into view once, and draws
        page.evaluate("(part) => scrollTo(0, part / 6 * document.body.scrollHeight)", part)
        page.wait_for_timeout(100)
        page.wait_for_function(DRAWN)
    size = shot.size or DESKTOP
    height = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    if page.locator("dialog[open]").count():
        height = size["height"]  # it lies over what is seen, and dims no more
    whole = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1}
    options: dict[str, Any] = {"format": form, "clip": whole, "captureBeyondViewport": True}
    session = context.new_cdp_session(page)
    options |= {} if form == "png" else {"quality": QUALITY}
    picture = base64.b64decode(session.send("Page.captureScreenshot", options)["data"])
    (folder / f"{shot.name}.{form}").write_bytes(picture)
    context.close()
    return len(picture)


def _scheme(shot: Shot) -> Any:
    return shot.theme


def main() -> int:
    """Writes the pictures, says how large they are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--form", choices=("webp", "png"), default="webp", help="png to look closely")
    parser.add_argument("--only", default="", help="pictures with this in their name")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    total = 0
    with chromium() as browser, tempfile.TemporaryDirectory(prefix="lossdeck-gallery-") as scratch:
        bare, closed, home = Path(scratch, "bare"), Path(scratch, "closed"), Path(scratch, "home")
        _database(bare).close()
        _database(closed).close()
        (closed / "token").write_text("an example of a token that is long enough")
        ids = fill(home)
        for place, wanted in ((bare, empty()), (closed, locked()), (home, None)):
            with served(place) as address:
                for shot in wanted or shots(ids | _trials(address, ids, browser.new_page())):
                    if options.only in shot.name:
                        total += take(browser, address, shot, options.folder, options.form)
    print(f"{options.folder}: {total / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
