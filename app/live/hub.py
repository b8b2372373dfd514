"""Live: the hub that wakes the streams when the database changed and keeps what is newest (speaks no HTTP).

One thread reads for all streams. A stream holds nothing but its cursor and pulls: from the ring while it is
near the front, from the database when it is behind. So a slow client costs no memory, however slow.
"""

import asyncio
import logging
import threading
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi.sse import format_sse_event

from app.live import events
from app.schemas import json_values
from store.db.database import Database
from store.read import changes
from store.read.changes import Change

HUB_POLL_SECONDS = 0.02  # between looks at the database; one costs microseconds on SQLite
RING_FRAMES = 5_000  # kept for streams near the front
CHANGES_PER_READ = 500  # changes in one read
OVERVIEW_KINDS = frozenset({"sweep", "worker", "reset"})
JOIN_SECONDS = 2.0

log = logging.getLogger("lossdeck")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a stream tells of: all that happens in some sweeps; how all sweeps and workers are; or both."""

    sweeps: frozenset[int] = frozenset()
    overview: bool = False

    @property
    def only(self) -> list[int] | None:
        """The sweeps whose changes must be read; None for those of all."""
        return None if self.overview else sorted(self.sweeps)


@dataclass(frozen=True, slots=True)
class Frame:
    """One change, ready to send."""

    number: int
    kind: str
    sweep_id: int | None
    data: bytes

    def concerns(self, followed: Subscription) -> bool:
        """Whether a stream gets this frame."""
        told = followed.overview and self.kind in OVERVIEW_KINDS
        return told or self.kind == "reset" or self.sweep_id in followed.sweeps


@dataclass(frozen=True, slots=True)
class Batch:
    """What a stream sends next, and the cursor it has then reached."""

    data: bytes
    cursor: int


class LiveHub:
    """The hub of one server. `start`, `stop`, `since` and `changed` belong to the event loop's thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.open = 0  # streams
        self.closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._ring: list[Frame] = []
        self._floor = self._head = -1  # the ring holds every change numbered above floor, up to head
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="live", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """Asks all streams to say goodbye. Safe in signal handlers and other threads; may be repeated."""
        self.closing = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all)

    async def stop(self) -> None:
        """Ends the reading thread; the database may be closed after this."""
        self.close()
        self._done.set()
        await asyncio.to_thread(self._thread.join, JOIN_SECONDS)

    async def changed(self, seconds: float) -> bool:
        """Waits for news; False when none came in that time."""
        wake = self._wake
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            return False
        return True

    def news(self) -> asyncio.Event:
        """Is set at the next change; take it before you look, wait for it after."""
        return self._wake

    def since(self, cursor: int, followed: Subscription) -> Batch | None:
        """What came after the cursor, out of memory; None when the ring does not reach so far."""
        if self._floor < 0 or not self._floor <= cursor <= self._head:
            return None
        first = bisect_right(self._ring, cursor, key=lambda frame: frame.number)
        frames = [frame for frame in self._ring[first : first + CHANGES_PER_READ] if frame.concerns(followed)]
        last = (
            self._ring[min(first + CHANGES_PER_READ, len(self._ring)) - 1].number
            if first < len(self._ring)
            else cursor
        )
        return Batch(b"".join(frame.data for frame in frames), max(cursor, last))

    def pull(self, cursor: int, followed: Subscription) -> Batch:
        """The same out of the database; blocks."""
        found, reached = _read_batch(self.database, cursor, followed.only)
        frames = (frame for frame in _to_frames(found) if frame.concerns(followed))
        return Batch(b"".join(frame.data for frame in frames), reached)

    def anew(self, cursor: int, catch_up: int) -> Batch | None:
        """`reset` in place of all that came after the cursor, if that is more than `catch_up`; blocks."""
        with self.database.read() as c:
            newest = changes.cursor(c)
        if newest - cursor <= catch_up:
            return None
        (frame,) = _to_frames([Change(newest, "reset", None)])
        return Batch(frame.data, newest)

    def _wake_all(self) -> None:
        self._wake.set()
        self._wake = asyncio.Event()

    def _extend(self, frames: list[Frame], head: int, floor: int | None) -> None:
        if floor is not None:
            self._ring, self._floor = [], floor
        self._ring.extend(frames)
        self._head = head
        if len(self._ring) > 2 * RING_FRAMES:
            self._floor = self._ring[-RING_FRAMES - 1].number
            self._ring = self._ring[-RING_FRAMES:]
        self._wake_all()

    def _watch(self) -> None:
        """The thread: looks for changes while anybody listens."""
        version, head = None, None
        while not self._done.wait(HUB_POLL_SECONDS):
            if not self.open:
                version = head = None
                continue
            try:
                now = self.database.version()
                if now != version:
                    head = self._look(head)
                    version = now
            except Exception:  # the hub must outlive a database that is away for a while
                log.exception("The live stream could not read the database; it tries again.")
                version = None
                self._done.wait(1.0)

    def _look(self, head: int | None) -> int:
        """Reads what is new into the ring; returns the number up to which it is now complete."""
        assert self._loop is not None
        floor = None
        if head is None:
            with self.database.read() as c:
                head = floor = changes.cursor(c)
        while True:
            found, reached = _read_batch(self.database, head, None)
            if found or floor is not None:
                self._loop.call_soon_threadsafe(self._extend, list(_to_frames(found)), reached, floor)
            head, floor = reached, None
            if len(found) < CHANGES_PER_READ:
                return head


def _read_batch(database: Database, cursor: int, only: list[int] | None) -> tuple[tuple[Change, ...], int]:
    """One batch of changes and the cursor reached by it."""
    with database.read() as c:
        now = changes.cursor(
            c
        )  # before the rows: all that is numbered up to here is committed and seen below
        found = changes.after(c, cursor, only, CHANGES_PER_READ)
    if len(found) >= CHANGES_PER_READ:
        return found, found[-1].seq
    return found, max([cursor, now, *(change.seq for change in found)])


def _to_frames(found: Iterable[Change]) -> Iterable[Frame]:
    for change in found:
        sweep_id, body = events.event_data(change)
        data = format_sse_event(data_str=json_values.dump_json(body), event=change.kind, id=str(change.seq))
        yield Frame(change.seq, change.kind, sweep_id, data)
