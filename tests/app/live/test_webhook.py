"""The webhook: a real receiver is told when a sweep ends, again until it takes it, and not after that."""

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from app.main import create_app
from store.config import Config
from tests.support.made_up_worker import ADDRESS, BODY, Crew, made_epoch

pytestmark = pytest.mark.slow

SECONDS = 20  # at most, for what takes one or two


class Receiver:
    """Takes posts on a port of its own; answers with the given statuses, then with 204."""

    def __init__(self) -> None:
        self.got: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.end_headers()
                receiver.got.put((self.headers["x-lossdeck-event"], body))

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self) -> tuple[str, dict[str, Any]]:
        return self.got.get(timeout=SECONDS)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def test_an_end_is_told_until_it_is_taken_and_not_again_after_a_restart(
    config: Config, receiver: Receiver
) -> None:
    told = config.model_copy(update={"webhook": receiver.url})
    receiver.statuses = [500]
    with TestClient(create_app(told), base_url=ADDRESS) as client:
        made = client.post("/api/sweeps", json=BODY).json()
        Crew(client.app.state.database).finish_all()  # type: ignore[attr-defined]
        refused, taken = receiver.next(), receiver.next()
        assert refused == taken
        id, body = taken
        assert body["id"] == id
        assert (body["event"], body["sweep"]["id"]) == ("sweep.finished", made["id"])
        assert body["sweep"]["counts"]["finished"] == 4
    with TestClient(create_app(told), base_url=ADDRESS) as client:
        client.patch(f"/api/sweeps/{made['id']}", json={"name": "renamed after its end"})
        other = client.post("/api/sweeps", json=BODY).json()["id"]
        client.post(f"/api/sweeps/{other}/cancel")
        _, body = receiver.next()
        assert (body["event"], body["sweep"]["id"]) == ("sweep.cancelled", other)


def test_most_trials_diverging_is_told_while_the_sweep_runs(config: Config, receiver: Receiver) -> None:
    told = config.model_copy(update={"webhook": receiver.url})
    with TestClient(create_app(told), base_url=ADDRESS) as client:
        client.post("/api/sweeps", json=BODY | {"trials": 12})
        crew = Crew(client.app.state.database)  # type: ignore[attr-defined]
        claim = crew.claim()
        while len(claim.trials) < 5:
            claim = crew.claim()
        crew.record(claim, [made_epoch(one.id, 1, diverged="cost is nan") for one in claim.trials])
        _, body = receiver.next()
    assert body["event"] == "sweep.diverging"


@pytest.mark.parametrize("url", ["ftp://a.example/x", "a.example", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Config(webhook=url)
