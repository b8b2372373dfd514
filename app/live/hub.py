"""The hub of the live streams: it reads what changed in the database and wakes the streams that wait.

One thread reads for all streams and keeps the newest changes in memory, the ring. A stream keeps only its
cursor: it reads from the ring while it is near the front, and from the database when it is behind. So a
client costs no memory, however slow it is.
"""

import asyncio
import logging
import threading
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from app.live import events
from store.db.database import Database
from store.read import changes
from store.read.changes import Change

HUB_POLL_SECONDS = 0.02  # between checks for changes; one costs microseconds on SQLite
RING_FRAMES = 5_000  # kept in memory, at least
CHANGES_PER_READ = 500
OVERVIEW_KINDS = frozenset({"sweep", "worker", "reset"})
JOIN_SECONDS = 2.0

log = logging.getLogger("lossdeck")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a stream sends: every change in some sweeps, the overview of all sweeps and workers, or both."""

    sweeps: frozenset[int] = frozenset()
    overview: bool = False

    @property
    def sweep_ids(self) -> list[int] | None:
        """The sweeps whose changes must be read; None for all sweeps."""
        return None if self.overview else sorted(self.sweeps)


@dataclass(frozen=True, slots=True)
class Frame:
    """One change, ready to send."""

    number: int
    kind: str
    sweep_id: int | None
    data: bytes

    def matches(self, subscription: Subscription) -> bool:
        """Whether a stream with this subscription gets the frame."""
        in_overview = subscription.overview and self.kind in OVERVIEW_KINDS
        return in_overview or self.kind == "reset" or self.sweep_id in subscription.sweeps


@dataclass(frozen=True, slots=True)
class Batch:
    """What a stream sends next, and its cursor after that."""

    data: bytes
    cursor: int


class LiveHub:
    """The hub of one server.

    `start`, `stop`, `read_recent` and `wait_for_change` belong to the event loop's thread.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.open_streams = 0
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
        """Tells all streams to end. Safe in signal handlers and other threads, and safe to repeat."""
        self.closing = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all)

    async def stop(self) -> None:
        """Ends the reading thread; the database may be closed after this."""
        self.close()
        self._done.set()
        await asyncio.to_thread(self._thread.join, JOIN_SECONDS)

    async def wait_for_change(self, seconds: float) -> bool:
        """Waits for the next change; False when none came in that time."""
        wake = self._wake
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            return False
        return True

    def read_recent(self, cursor: int, subscription: Subscription) -> Batch | None:
        """What came after the cursor, from the ring; None when the ring does not reach back to it."""
        if self._floor < 0 or not self._floor <= cursor <= self._head:
            return None
        first = bisect_right(self._ring, cursor, key=lambda frame: frame.number)
        read = self._ring[first : first + CHANGES_PER_READ]
        last = read[-1].number if read else cursor
        frames = [frame for frame in read if frame.matches(subscription)]
        return Batch(b"".join(frame.data for frame in frames), max(cursor, last))

    def read_stored(self, cursor: int, subscription: Subscription) -> Batch:
        """What came after the cursor, from the database; blocks."""
        found, reached = _read_batch(self.database, cursor, subscription.sweep_ids)
        frames = (frame for frame in _to_frames(found) if frame.matches(subscription))
        return Batch(b"".join(frame.data for frame in frames), reached)

    def reset_if_behind(self, cursor: int, catch_up: int) -> Batch | None:
        """The event `reset` where more than `catch_up` changes came after the cursor, else None; blocks."""
        with self.database.read() as c:
            newest = changes.read_cursor(c)
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
        """The thread: looks for changes while a stream is open."""
        version, head = None, None
        while not self._done.wait(HUB_POLL_SECONDS):
            if not self.open_streams:
                version = head = None
                continue
            try:
                now = self.database.version()
                if now != version:
                    head = self._read_new(head)
                    version = now
            except Exception:  # the hub must outlive a database that is away for a while
                log.exception("The live stream could not read the database; it tries again.")
                version = None
                self._done.wait(1.0)

    def _read_new(self, head: int | None) -> int:
        """Reads new changes into the ring; returns the number up to which it is now complete."""
        assert self._loop is not None
        floor = None
        if head is None:
            with self.database.read() as c:
                head = floor = changes.read_cursor(c)
        while True:
            found, reached = _read_batch(self.database, head, None)
            if found or floor is not None:
                self._loop.call_soon_threadsafe(self._extend, list(_to_frames(found)), reached, floor)
            head, floor = reached, None
            if len(found) < CHANGES_PER_READ:
                return head


def _read_batch(
    database: Database, cursor: int, sweep_ids: list[int] | None
) -> tuple[tuple[Change, ...], int]:
    """One batch of changes and the cursor reached by it."""
    with database.read() as c:
        # Before the rows: every change numbered up to here is committed, so the next statement sees it.
        now = changes.read_cursor(c)
        found = changes.list_since(c, cursor, sweep_ids, CHANGES_PER_READ)
    if len(found) >= CHANGES_PER_READ:
        return found, found[-1].seq
    return found, max([cursor, now, *(change.seq for change in found)])


def _to_frames(found: Iterable[Change]) -> Iterable[Frame]:
    for change in found:
        yield Frame(change.seq, change.kind, events.sweep_of(change), events.format_change(change))
