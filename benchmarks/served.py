"""Served: a Lossdeck on a home that somebody filled, and the Chromium that looks at it (measures nothing)."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

READY = 60.0  # seconds for a server to start
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
]
# Runs before the page's own scripts: a program has seen the tour. Some pages have no storage.
TOURED = "try { localStorage.setItem('lossdeck-tour', 'seen'); } catch {}"
HIDE = """(hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""  # headless Chromium has no tabs to hide a page behind


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; where there is none, the program ends and says so."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("Chromium is not installed (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a server without workers on the database in `home`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    with running(home, "serve", LOSSDECK_PORT=str(port)):
        _wait(address)
        yield address


@contextmanager
def running(home: Path, command: str, **options: str) -> Iterator[None]:
    """`lossdeck COMMAND` on this home, with these options in its environment and no others."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith(("LOSSDECK_", "DATABASE_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "app", command],
        env=kept | {"LOSSDECK_HOME": str(home)} | options,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(address: str) -> None:
    """Until it answers; its last excuse is raised."""
    deadline = time.monotonic() + READY
    while True:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
