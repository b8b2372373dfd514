"""A running Lossdeck for browser tests, and what its pages complain of."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import ConsoleMessage, Page, Request, Response

from tests.support.ports import free_port
from tests.support.servers import Server, wait_until_ready

DESKTOP = {"width": 1440, "height": 900}


@dataclass
class Site:
    """`lossdeck up` with one worker at a fixed address; it may be stopped and started again."""

    home: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    options: dict[str, str] = field(default_factory=dict)  # of its environment, besides the usual

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        own = {"LOSSDECK_HOME": str(self.home), "LOSSDECK_PORT": str(self.port), "LOSSDECK_WORKERS": "1"}
        kept = {name: v for name, v in os.environ.items() if not name.startswith(("LOSSDECK_", "DATABASE_"))}
        log = self.home.with_suffix(".log")
        with log.open("ab") as file:
            command = [sys.executable, "-m", "app", "up"]
            self.process = subprocess.Popen(command, env=kept | own | self.options, stdout=file, stderr=file)
        wait_until_ready(Server(self.process, self.address, self.home, log))

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@dataclass
class Complaints:
    """What a page said against itself: errors, violations of its policy, requests to other origins."""

    origin: str
    heard: list[str] = field(default_factory=list)

    def forgive(self, words: str) -> None:
        """Takes back what a test has provoked: there must be such a complaint, and it counts no more."""
        kept = [one for one in self.heard if words not in one]
        assert len(kept) < len(self.heard), f"nobody complained of {words}: {self.heard}"
        self.heard = kept

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"page error: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.heard.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.heard.append(f"request to {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.heard.append(f"{response.status} {response.url}")


def start_sweep(site: Site, **fields: Any) -> dict[str, Any]:
    """Starts a sweep by REST; fields given replace those of a small body."""
    body: dict[str, Any] = {
        "name": "small",
        "trials": 6,
        "space": {"lr": {"log_uniform": [1e-2, 1e-1]}, "reg": {"log_uniform": [1e-5, 1e-2]}},
        "settings": {"epochs": 5, "val_count": 300, "init": "he"},
    }
    answer = httpx2.post(f"{site.address}/api/sweeps", json=body | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())
