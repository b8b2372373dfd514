"""The app under test: `client` in this process, `server` in its own, and a stand-in for a worker."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from store.config import Config
from tests.support.made_up_worker import ADDRESS, BODY, Crew
from tests.support.servers import Server, starting


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path / "home", workers=2)


@pytest.fixture
def client(config: Config, migrated_sqlite: Path) -> Iterator[TestClient]:
    """The application in this process, its database new and empty."""
    config.home.mkdir(exist_ok=True)
    shutil.copyfile(migrated_sqlite, config.home / "lossdeck.db")
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
