"""Server processes of a test: started on a free port, ended when the test ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from store.db.database import Database
from tests.support.ports import free_port

START = "import sys; from app.serve import serve; from store.config import Config; sys.exit(serve(Config()))"


@dataclass
class Server:
    """A server process and where it is."""

    process: subprocess.Popen[bytes]
    address: str
    home: Path
    log: Path

    def database(self) -> Database:
        return Database.open(f"sqlite:///{self.home / 'lossdeck.db'}")

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """Ends it by a signal; its exit code."""
        self.process.send_signal(sig)
        return self.process.wait(20)


@contextmanager
def starting(folder: Path) -> Iterator[Callable[..., Server]]:
    """Starts server processes that keep their files in a folder; ends those that still run afterwards."""
    started: list[Server] = []

    def start(**environment: str) -> Server:
        port = free_port()
        home = folder / "server"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOSSDECK_", "DATABASE_"))}
        own = {"LOSSDECK_HOME": str(home), "LOSSDECK_PORT": str(port), "LOSSDECK_WORKERS": "1"}
        log = folder / f"server-{port}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", START], env=kept | own | environment, stdout=file, stderr=file
            )
        server = Server(process, f"http://127.0.0.1:{port}", home, log)
        started.append(server)
        wait_until_ready(server)
        return server

    try:
        yield start
    finally:
        for server in started:
            if server.process.poll() is None:
                server.process.kill()
            server.process.wait()


def wait_until_ready(server: Server, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.log.read_text()
        try:
            if httpx2.get(f"{server.address}/readyz", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"no answer: {server.log.read_text()}")
