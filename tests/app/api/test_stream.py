"""The live stream: every event once and in order, whatever is cut; a server that ends while many listen."""

import asyncio
import json
import random
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from app.api.stream import HEARTBEAT, LiveResponse, stream_frames
from app.http.resources import AppResources
from app.live.hub import Batch, LiveHub, Subscription
from store.actions import sweep_actions
from store.config import Config
from store.db.checkpoints_and_weights import Files
from store.db.database import Database
from store.queue import workers
from store.read import changes, sweeps
from tests.support.made_up_worker import BODY, Crew, made_epoch
from tests.support.servers import Server
from tests.support.sweeps import MakeSweep

PATIENCE = 30.0  # seconds that a test waits for what must come


@dataclass(frozen=True)
class Event:
    """One event as a browser would get it."""

    kind: str
    id: int | None
    data: dict[str, Any]


class Reader:
    """A client of the stream over a plain socket: a test decides when it reads and when it is gone."""

    def __init__(
        self, server: Server, query: str = "", last_event_id: int | None = None, **headers: str
    ) -> None:
        host, port = server.address.removeprefix("http://").split(":")
        self.connection = socket.create_connection((host, int(port)), timeout=PATIENCE)
        lines = [
            f"GET /api/stream{query} HTTP/1.1",
            f"Host: {host}:{port}",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        if last_event_id is not None:
            lines.append(f"Last-Event-ID: {last_event_id}")
        self.connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.connection.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = dict(self._headers())
        self.ended = False  # whether the chunked body ended as it should

    def _headers(self) -> Iterator[tuple[str, str]]:
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            yield name.lower(), value

    def _lines(self) -> Iterator[str]:
        rest = b""
        while True:
            size = self.file.readline()
            if not size:
                return
            chunk = self.file.read(int(size, 16))
            self.file.readline()
            if not chunk:
                self.ended = True
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode() for line in lines)

    def __iter__(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in self._lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            else:
                if "data" in fields:
                    id = int(fields["id"]) if "id" in fields else None
                    yield Event(fields["event"], id, json.loads(fields["data"]))
                fields = {}

    def take(self, kind: str, count: int = 1) -> list[Event]:
        """The next so many events of a kind."""
        found: list[Event] = []
        for event in self:
            if event.kind == kind:
                found.append(event)
                if len(found) == count:
                    return found
        raise AssertionError(f"the stream ended after {len(found)} of {count} {kind} events")

    def cut(self) -> None:
        """Gone without a word: a reset, not an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.close()

    def close(self) -> None:
        self.file.close()
        self.connection.close()


@contextmanager
def reading(
    server: Server, query: str = "", last_event_id: int | None = None, **headers: str
) -> Iterator[Reader]:
    reader = Reader(server, query, last_event_id, **headers)
    try:
        yield reader
    finally:
        reader.close()


@pytest.fixture
def worker(shared_server: Server) -> Iterator[Crew]:
    """A stand-in for a worker, in this process, on the server's database; leaves nothing queued."""
    database = shared_server.database()
    yield Crew(database)
    with database.write() as c:
        for sweep in sweeps.list_all(c)[0]:
            if sweep.state not in ("finished", "cancelled"):
                sweep_actions.act(c, sweep.id, "cancel", time.time())
    database.close()


def post(server: Server, **fields: Any) -> int:
    answer = httpx2.post(f"{server.address}/api/sweeps", json=BODY | fields)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def open_streams(server: Server) -> int:
    text = httpx2.get(f"{server.address}/metrics").text
    return int(
        float(next(line for line in text.splitlines() if line.startswith("lossdeck_streams_open")).split()[1])
    )


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_epoch_arrives_as_the_row_without_its_trace(shared_server: Server, worker: Crew) -> None:
    id = post(shared_server, trials=1)
    with reading(shared_server, f"?sweeps={id}&after=0") as reader:
        assert reader.status == 200
        assert reader.headers["content-type"].startswith("text/event-stream")
        claim = worker.claim()
        worker.record(claim, [made_epoch(claim.trials[0].id, 1, loss=float("inf"))])
        event = reader.take("epoch")[0]
        row = httpx2.get(f"{shared_server.address}/api/sweeps/{id}/epochs").json()
        expected = {"sweep_id": id} | row["epochs"][0]
        del expected["trace"]
        assert event.data == expected
        assert event.data["flags"] == {"loss": "inf"}
        assert event.id == row["cursor"]


def test_a_sweep_s_stream_brings_its_trials_and_state(shared_server: Server, worker: Crew) -> None:
    other, id = post(shared_server), post(shared_server, trials=1)
    with reading(shared_server, f"?sweeps={id}&after=0") as reader:
        worker.finish_all()
        seen = []
        for event in reader:
            seen.append(event)
            if event.kind == "sweep" and event.data["state"] == "finished":
                break
    assert {event.kind for event in seen} == {"epoch", "trial", "sweep"}
    assert {event.data.get("sweep_id", id) for event in seen} == {id}
    alone = httpx2.get(f"{shared_server.address}/api/sweeps/{id}").json()
    asked_only = {"notes": "", "notes_html": "", "warnings": alone["warnings"]}
    assert alone == seen[-1].data | asked_only
    assert other != id


def test_without_a_cursor_it_starts_now_with_the_present_state(shared_server: Server, worker: Crew) -> None:
    id = post(shared_server, trials=1)
    claim = worker.claim()
    worker.step(claim, 1)
    with reading(shared_server, f"?sweeps={id}") as reader:
        first = reader.take("sweep")[0]
        assert first.data["id"] == id
        worker.step(claim, 2)
        assert reader.take("epoch")[0].data["epoch"] == 2
    with reading(shared_server, f"?sweeps={id}", last_event_id=first.id) as reader:
        assert reader.take("epoch")[0].data["epoch"] == 2


def test_the_overview_has_sweeps_and_workers_and_no_epochs(shared_server: Server, worker: Crew) -> None:
    with reading(shared_server, "?after=0") as reader:
        with worker.database.write() as c:
            workers.register(c, "w1", "here", 1, {"threads": 1}, time.time())
        assert reader.take("worker")[0].data["id"] == "w1"
        id = post(shared_server, trials=1)
        worker.finish_all()
        kinds = set()
        for event in reader:
            kinds.add(event.kind)
            if event.kind == "sweep" and event.data["state"] == "finished":
                assert event.data["id"] == id
                break
        assert kinds == {"sweep"}


def test_once_ends_when_all_is_told_and_sweeps_go_with_the_overview(
    shared_server: Server, worker: Crew
) -> None:
    followed, other = post(shared_server, trials=1), post(shared_server, trials=1)
    worker.finish_all()
    with reading(shared_server, f"?sweeps={followed}&overview=true&after=0&once=true") as reader:
        events = list(reader)
        assert reader.ended
    told = {event.data["sweep_id"] for event in events if event.kind in ("epoch", "trial")}
    assert told == {followed}
    assert {followed, other} <= {event.data["id"] for event in events if event.kind == "sweep"}
    with reading(shared_server, f"?sweeps={followed}&after={events[-1].id}&once=true") as reader:
        assert list(reader) == []


def test_once_tells_what_came_while_nobody_held_a_stream(shared_server: Server, worker: Crew) -> None:
    id = post(shared_server, trials=1)
    claim = worker.claim()
    with reading(shared_server, f"?sweeps={id}") as reader:
        reader.take("sweep")  # from here on it hears of everything
        worker.step(claim, 1)
        cursor = reader.take("epoch")[0].id
    wait_for(lambda: open_streams(shared_server) == 0)
    for epoch in (2, 3):
        worker.step(claim, epoch)
        with reading(shared_server, f"?sweeps={id}&after={cursor}&once=true") as reader:
            events = list(reader)
        assert [event.data["epoch"] for event in events if event.kind == "epoch"] == [epoch]
        cursor = events[-1].id


def test_deleted_rows_tell_every_reader_to_begin_anew(shared_server: Server, worker: Crew) -> None:
    kept, gone = post(shared_server), post(shared_server)
    with reading(shared_server, f"?sweeps={kept}&after=0") as reader:
        reader.take("sweep")
        httpx2.post(f"{shared_server.address}/api/sweeps/{gone}/cancel")
        assert httpx2.delete(f"{shared_server.address}/api/sweeps/{gone}").status_code == 204
        reset = reader.take("reset")[0]
    with reading(shared_server, f"?sweeps={kept}", last_event_id=1) as late:
        assert late.take("reset")[0].id == reset.id
    with reading(shared_server, f"?sweeps={kept}", last_event_id=10**15) as foreign:
        assert foreign.take("reset")[0].id == reset.id
    with reading(shared_server, f"?sweeps={kept}", last_event_id=reset.id) as reader:
        worker.step(worker.claim(), 1)
        assert reader.take("epoch")[0].data["epoch"] == 1


@pytest.mark.parametrize("by", ["Last-Event-ID", "after"])
def test_whoever_is_too_far_behind_is_told_to_read_afresh(
    shared_server: Server, worker: Crew, by: str
) -> None:
    id = post(shared_server, trials=1)
    claim = worker.claim()
    with reading(shared_server, f"?sweeps={id}") as reader:
        start = next(iter(reader)).id
    worker.record(claim, [made_epoch(claim.trials[0].id, epoch) for epoch in (1, 2)])
    with worker.database.read() as c:
        newest = changes.read_cursor(c)
    assert start is not None
    behind = newest - start

    def told(catch_up: int) -> list[tuple[str, int | None]]:
        asked = {"last_event_id": start} if by == "Last-Event-ID" else {}
        after = 0 if asked else start  # of which a browser says the first, too, when it comes back
        query = f"?sweeps={id}&once=true&catch_up={catch_up}&after={after}"
        with reading(shared_server, query, **asked) as reader:
            return [(event.kind, event.id) for event in reader]

    assert [kind for kind, _ in told(behind) if kind == "epoch"] == ["epoch"] * 2
    assert told(behind - 1) == [("reset", newest)]
    with reading(shared_server, f"?sweeps={id}&catch_up=0", last_event_id=start) as reader:
        assert reader.take("reset")[0].id == newest
        worker.step(claim, 3)
        assert reader.take("epoch")[0].data["epoch"] == 3


def test_cut_again_and_again_it_brings_every_epoch_once_and_in_order(
    shared_server: Server, worker: Crew
) -> None:
    chance = random.Random(7)
    trials, epochs = 4, 150
    id = post(shared_server, trials=trials, settings=BODY["settings"] | {"epochs": epochs})
    claims = [worker.claim()]
    while sum(len(claim.trials) for claim in claims) < trials:
        claims.append(worker.claim())

    def train() -> None:
        for epoch in range(1, epochs + 1):
            for claim in claims:
                worker.step(claim, epoch)

    with reading(shared_server, f"?sweeps={id}") as reader:
        cursor = next(iter(reader)).id  # not 0: another test deleted rows, so 0 would only get a reset
    thread = threading.Thread(target=train)
    thread.start()
    seen: list[tuple[int, int, int]] = []
    cuts, finished = 0, False
    while not finished:
        reader = Reader(shared_server, f"?sweeps={id}&after=0", last_event_id=cursor)
        left = chance.randrange(1, 40)
        for event in reader:
            assert event.id is not None
            assert event.id > cursor
            cursor = event.id
            if event.kind == "epoch":
                seen.append((event.id, event.data["trial_id"], event.data["epoch"]))
            finished = event.kind == "sweep" and event.data["state"] == "finished"
            left -= 1
            if finished or left == 0:
                break
        chance.choice([reader.cut, reader.close])()
        cuts += 1
    thread.join()
    assert cuts >= 20
    ids = [trial.id for claim in claims for trial in claim.trials]
    assert len(seen) == trials * epochs
    assert {(trial, epoch) for _, trial, epoch in seen} == {(t, e) for t in ids for e in range(1, epochs + 1)}
    wait_for(lambda: open_streams(shared_server) == 0)


@pytest.mark.slow
def test_told_to_end_it_says_bye_to_fifty_streams_and_is_gone_in_three_seconds(server: Server) -> None:
    id = post(server)
    readers = [Reader(server, f"?sweeps={id}&after=0") for _ in range(50)]
    for reader in readers:
        reader.take("sweep")
    began = time.monotonic()
    for _ in range(2):  # GNU timeout, for one, sends it twice
        server.process.send_signal(signal.SIGTERM)
    for reader in readers:
        assert [event.kind for event in reader][-1] == "bye"
        assert reader.ended
        reader.close()
    assert server.process.wait(10) == 0
    assert time.monotonic() - began < 3
    assert server.log.read_text() == ""


@pytest.mark.slow
def test_a_client_that_never_reads_does_not_hold_up_the_end(server: Server) -> None:
    id = post(server, trials=4, settings=BODY["settings"] | {"epochs": 10_000})
    stalled = Reader(server, f"?sweeps={id}&after=0")
    stalled.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    database = server.database()
    worker = Crew(database)
    claim = worker.claim()
    for first in range(1, 10_000, 1_000):  # far more than the buffers on the way hold
        numbers = range(first, first + 1_000)
        worker.record(claim, [made_epoch(t.id, n) for n in numbers for t in claim.trials])
    with reading(server, f"?sweeps={id}&after=0") as other:
        assert len(other.take("epoch", 10_000)) == 10_000
    began = time.monotonic()
    database.close()
    assert server.stop(signal.SIGINT) == 130
    assert time.monotonic() - began < 3
    stalled.close()


@pytest.mark.parametrize(
    "query", ["sweeps=1,x", "sweeps=-1", "after=-1", "after=x", "catch_up=-1", f"sweeps={'1,' * 200}1"]
)
def test_a_bad_question_is_a_problem(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/stream?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_client_that_takes_nothing_is_let_go(sqlite_database: Database) -> None:
    live = LiveHub(sqlite_database)
    counts: list[int] = []

    async def frames() -> AsyncIterator[bytes]:
        yield b": open\n\n"

    async def send(message: Any) -> None:
        counts.append(live.open_streams)
        await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    asyncio.run(LiveResponse(frames(), live, patience=0.05)(scope, receive, send))
    assert counts == [1]
    assert live.open_streams == 0


def test_a_stream_shows_that_it_lives_also_while_only_others_have_news(
    sqlite_database: Database, make_sweep: MakeSweep, tmp_path: Path
) -> None:
    followed = make_sweep(sqlite_database, trials=1)
    make_sweep(sqlite_database, trials=1, epochs=200)

    async def listen() -> None:
        live = LiveHub(sqlite_database)
        live.open_streams = 1
        live.start()
        resources = AppResources(Config(home=tmp_path), sqlite_database, Files(tmp_path), live)
        sent = stream_frames(resources, None, Subscription(frozenset({followed.id})), once=False, beat=0.05)
        assert b"retry" in await anext(sent)
        assert b"event: sweep" in await anext(sent)
        crew = Crew(sqlite_database)
        _, busy = crew.claim(), crew.claim()  # of the sweep that is followed, and of the one made after it

        async def work() -> None:
            for epoch in range(1, 201):
                await asyncio.to_thread(crew.record, busy, [made_epoch(busy.trials[0].id, epoch)])

        working = asyncio.create_task(work())
        async with asyncio.timeout(PATIENCE):
            while HEARTBEAT not in await anext(sent):
                pass
        assert not working.done()
        await working
        await live.stop()

    asyncio.run(listen())


def test_the_hub_out_of_memory_and_out_of_the_database_says_the_same(
    database: Database, make_sweep: MakeSweep
) -> None:
    asyncio.run(_compare(database, make_sweep))


async def _compare(database: Database, make_sweep: MakeSweep) -> None:
    first, second = make_sweep(database, trials=2, epochs=200), make_sweep(database, trials=2, epochs=200)
    live = LiveHub(database)
    live.open_streams = 1
    live.start()
    assert live.read_recent(0, Subscription(overview=True)) is None  # it has not looked yet
    assert await live.wait_for_change(PATIENCE)
    with database.read() as c:
        start = changes.read_cursor(c)
    await asyncio.to_thread(Crew(database).finish_all)
    with database.read() as c:
        end = changes.read_cursor(c)
    ids = [(), (first.id,), (second.id,), (first.id, second.id)]
    for sweeps_of, overview in [*product(ids[1:], (False, True)), ((), True)]:
        followed = Subscription(frozenset(sweeps_of), overview)
        memory = await _epochs(lambda cursor, f=followed: live.read_recent(cursor, f), live, start, end)
        stored = await _epochs(lambda cursor, f=followed: live.read_stored(cursor, f), live, start, end)
        assert memory == stored
        assert len(memory) == 400 * len(sweeps_of)
    assert live.read_recent(end + 1, Subscription(overview=True)) is None
    await live.stop()


async def _epochs(step: Callable[[int], Batch | None], live: LiveHub, start: int, end: int) -> list[bytes]:
    """The epoch events of all batches from start to end."""
    data, cursor = b"", start
    while cursor < end:
        batch = step(cursor)
        assert batch is not None
        if batch.cursor == cursor:
            assert await live.wait_for_change(PATIENCE)
        data, cursor = data + batch.data, batch.cursor
    return [event for event in data.split(b"\n\n") if event.startswith(b"event: epoch")]


def test_writers_at_once_leave_no_gap_for_a_reader_that_pulls(
    database: Database, make_sweep: MakeSweep
) -> None:
    sweep = make_sweep(database, trials=8, epochs=40, workers=4)
    crew = Crew(database)
    claims = [crew.claim()]
    while sum(len(claim.trials) for claim in claims) < 8:
        claims.append(crew.claim())
    live = LiveHub(database)

    def train(claim: Any) -> None:
        for epoch in range(1, 41):
            crew.step(claim, epoch)

    threads = [threading.Thread(target=train, args=(claim,)) for claim in claims]
    for thread in threads:
        thread.start()
    cursor, text = 0, b""
    deadline = time.monotonic() + PATIENCE
    while text.count(b"event: epoch") < 8 * 40:
        batch = live.read_stored(cursor, Subscription(frozenset({sweep.id})))
        assert batch.cursor >= cursor
        cursor, text = batch.cursor, text + batch.data
        assert time.monotonic() < deadline
    for thread in threads:
        thread.join()
    final = live.read_stored(cursor, Subscription(frozenset({sweep.id})))
    ids = [int(line[4:]) for line in (text + final.data).splitlines() if line.startswith(b"id: ")]
    assert ids == sorted(set(ids))
    assert (text + final.data).count(b"event: epoch") == 8 * 40
    with database.read() as c:
        found = sweeps.get(c, sweep.id)
    assert found is not None
    assert found.counts["finished"] == 8


def test_a_stream_of_a_sweep_that_is_not_there_is_refused(shared_server: Server) -> None:
    answer = httpx2.get(f"{shared_server.address}/api/stream?sweeps=999999")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no sweep 999999."
