"""The app under test: `client` in this process, `server` in its own, and a stand-in for a worker."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from app.main import create_app
from learning.training.trainer import Epoch
from store.config import Config
from store.db.database import Database
from store.queue import claims, fence

START = "import sys; from app.serve import serve; from store.config import Config; sys.exit(serve(Config()))"
ADDRESS = "http://127.0.0.1:8000"
BODY: dict[str, Any] = {
    "name": "small",
    "dataset": "digits",
    "trials": 4,
    "space": {"lr": {"log_uniform": [1e-3, 1e-1]}},
    "settings": {"epochs": 3, "val_count": 300, "hidden": [10]},
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path / "home", workers=2)


@pytest.fixture
def client(config: Config) -> Iterator[TestClient]:
    """The application in this process, its database new and empty."""
    with TestClient(create_app(config), base_url=ADDRESS) as client:
        yield client


@pytest.fixture
def post_sweep(client: TestClient) -> Callable[..., dict[str, Any]]:
    """Makes a sweep by REST; fields given replace those of a small default body."""

    def post(**fields: Any) -> dict[str, Any]:
        answer = client.post("/api/sweeps", json=BODY | fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return post


@pytest.fixture
def crew(client: TestClient) -> "Crew":
    """A worker without training, on the client's database."""
    return Crew(client.app.state.database)  # type: ignore[attr-defined]


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


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a server process in a home folder of the test, with more environment if given."""
    with starting(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server process for all tests of a file; they must not end it."""
    with starting(tmp_path_factory.mktemp("shared")) as start:
        yield start()


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    """A server process."""
    return start_server()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def made_epoch(key: int, epoch: int, **fields: Any) -> Epoch:
    """An epoch row with plausible numbers."""
    values: dict[str, Any] = {
        "key": key,
        "epoch": epoch,
        "loss": 2.3 / epoch,
        "data_loss": 2.2 / epoch,
        "train_acc": 1 - 0.9 / epoch,
        "val_loss": 2.25 / epoch,
        "val_acc": 1 - 0.95 / epoch,
        "lr": 1e-3,
        "update_ratio": {"W1": 1e-3, "W2": 2e-3},
        "trace": ((1.0, 2.0, 3.0),) * 3,
        "seconds": 0.01,
        "diverged": None,
    }
    return Epoch(**(values | fields))


class Crew:
    """Claims groups and records made-up epochs, as a worker does, one transaction a step."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def claim(self) -> claims.Claim:
        claim = self.claim_or_none()
        assert claim is not None
        return claim

    def claim_or_none(self) -> claims.Claim | None:
        with self.database.write() as c:
            return claims.claim(c, "tester", time.time())

    def record(self, claim: claims.Claim, epochs: Sequence[Epoch]) -> frozenset[int]:
        with self.database.write() as c:
            return fence.record(c, claim, epochs, None, time.time())

    def step(self, claim: claims.Claim, epoch: int) -> frozenset[int]:
        """One epoch of every trial of the group."""
        return self.record(claim, [made_epoch(trial.id, epoch) for trial in claim.trials])

    def finish_all(self) -> None:
        """Trains everything that is queued."""
        while (claim := self.claim_or_none()) is not None:
            for epoch in range(claim.trials[0].epochs_done + 1, claim.until + 1):
                self.step(claim, epoch)
