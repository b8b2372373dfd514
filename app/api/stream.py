"""The route of the live stream: server-sent events from the hub, which a client can resume by their ids."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from app.http.problems import Problem, invalid_field
from app.http.resources import AppResources, Resources
from app.live import events
from app.live.hub import Batch, LiveHub, Subscription
from app.schemas.fields import MAX_ID, Cursor
from app.text.numbers import is_number, split_numbers
from learning.errors import NotFound
from store.read import changes, sweeps

HEARTBEAT_SECONDS = 10.0  # proxies cut what is silent for longer; for a page, two of silence are a dead link
SEND_SECONDS = 8.0  # after which a client that takes nothing is dropped
RETRY_MILLISECONDS = 1_000  # what a browser waits before it comes back
MAX_STREAMS = 512
MAX_FOLLOWED_SWEEPS = 100  # followed by one stream

BYE = events.format_event("bye", {})
OPENING = format_sse_event(comment="open", retry=RETRY_MILLISECONDS)
HEARTBEAT = events.format_event("alive", {})  # a comment would not reach the page

log = logging.getLogger("lossdeck")
router = APIRouter(prefix="/api", tags=["live"])


class LiveResponse(EventSourceResponse):
    """An event stream that drops a client that stopped reading, and counts itself while it is open."""

    def __init__(self, frames: AsyncIterator[bytes], live: LiveHub, patience: float = SEND_SECONDS) -> None:
        super().__init__(frames, headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        self.live = live
        self.patience = patience  # seconds

    async def stream_response(self, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self.patience):
                await send(message)

        self.live.open_streams += 1
        try:
            await super().stream_response(send_in_time)
        except TimeoutError:
            log.info("A live stream was closed: its client took nothing for %g s.", self.patience)
        finally:
            self.live.open_streams -= 1


# Not response_class=EventSourceResponse: FastAPI would then take the route for a generator of events.
@router.get(
    "/stream", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}}
)
async def stream_events(
    resources: Resources,
    sweeps: Annotated[
        str | None,
        Query(max_length=2_000, description="Whose epochs, trials and state: `1,2`. Left out: the overview."),
    ] = None,
    overview: Annotated[
        bool, Query(description="How all sweeps and workers are, too; so it is where `sweeps` is left out.")
    ] = False,
    once: Annotated[
        bool,
        Query(description="End when all that is new was told: for who cannot hold a stream and asks again."),
    ] = False,
    catch_up: Annotated[
        int | None,
        Query(
            ge=0,
            le=2**62,
            description="The most changes, of all sweeps, to be told of; where more came after the cursor, "
            "`reset` comes instead. Left out: all are told, however many.",
        ),
    ] = None,
    after: Cursor | None = None,
    last_event_id: Annotated[str | None, Header(max_length=30)] = None,
) -> LiveResponse:
    """Server-sent events `epoch`, `trial`, `sweep`, `worker`, `reset`, `alive`, `bye`, their data as JSON.

    The id of an event is a cursor: a stream that starts with it, as Last-Event-ID or `after`, goes on where
    that event was, with no gap and no repeat. Without one it starts now, with the state of what it follows.
    `reset`: rows were deleted, or more changed than you would `catch_up` with; read afresh. `alive`: nothing
    new in ten seconds. `bye`: the server ends; come back.
    """
    if resources.live.open_streams >= MAX_STREAMS:
        raise Problem(
            503, f"{MAX_STREAMS} streams are open already, the most at a time.", headers={"retry-after": "5"}
        )
    ids = _parse_sweeps(sweeps)
    subscription = Subscription(ids, overview or not ids)
    cursor = _start_cursor(last_event_id, after)
    if ids and cursor is None:
        await asyncio.to_thread(_require_sweeps, resources, ids)
    return LiveResponse(stream_frames(resources, cursor, subscription, once, catch_up), resources.live)


async def stream_frames(
    resources: AppResources,
    cursor: int | None,
    subscription: Subscription,
    once: bool,
    catch_up: int | None = None,
    beat: float = HEARTBEAT_SECONDS,
) -> AsyncIterator[bytes]:
    """What one stream sends from its cursor on: until the server closes, or with `once` all that is new."""
    live, now = resources.live, asyncio.get_running_loop().time
    yield OPENING
    if cursor is None:
        start = await asyncio.to_thread(_current_state, resources, subscription)
        cursor = start.cursor
        yield start.data
    elif catch_up is not None and (reset := await asyncio.to_thread(live.reset_if_behind, cursor, catch_up)):
        cursor = reset.cursor
        yield reset.data
    sent_at = now()
    while not live.closing:
        # The ring is not kept up while no stream is open, so a client that polls must not rely on it.
        batch = None if once else live.read_recent(cursor, subscription)
        if batch is None:
            batch = await asyncio.to_thread(live.read_stored, cursor, subscription)
        moved, cursor = batch.cursor > cursor, batch.cursor
        if not moved and once:
            return
        if batch.data or now() - sent_at >= beat:  # heartbeats go on while only other sweeps change
            yield batch.data or HEARTBEAT
            sent_at = now()
        if not moved:
            await live.wait_for_change(max(sent_at + beat - now(), 0))
    yield BYE


def _current_state(resources: AppResources, subscription: Subscription) -> Batch:
    """The cursor now, and the sweeps of the subscription as events, the last of which carries the cursor."""
    with resources.database.read() as c:
        cursor = changes.read_cursor(c)
        if subscription.overview:
            rows = sweeps.list_all(c, 1, 0)[0]
        else:
            rows = tuple(row for id in subscription.sweeps if (row := sweeps.get(c, id)) is not None)
    ordered = sorted(rows, key=lambda row: row.changed)
    numbers = [*(row.changed for row in ordered[:-1]), cursor]  # rise, and end with the cursor
    frames = (
        events.format_event("sweep", row, number) for row, number in zip(ordered, numbers, strict=False)
    )
    return Batch(b"".join(frames), cursor)


def _require_sweeps(resources: AppResources, ids: frozenset[int]) -> None:
    """Raises NotFound for a sweep that does not exist: its stream would be silent."""
    with resources.database.read() as c:
        known = sweeps.get_many(c, sorted(ids))
    if absent := sorted(ids - set(known)):
        raise NotFound("sweep", absent[0])


def _parse_sweeps(text: str | None) -> frozenset[int]:
    """The sweeps of `1,2`."""
    if not text:
        return frozenset()
    found = split_numbers(text, digits=10)
    if len(found) > MAX_FOLLOWED_SWEEPS or None in found:
        raise invalid_field(
            "sweeps",
            text,
            f"sweeps is {text[:50]!r}; give at most {MAX_FOLLOWED_SWEEPS} numbers, such as 1,2.",
        )
    return frozenset(number for number in found if number is not None and 0 < number <= MAX_ID)


def _start_cursor(last_event_id: str | None, after: int | None) -> int | None:
    """Last-Event-ID overrides `after`, which a browser repeats unchanged; one that is not ours is ignored."""
    if last_event_id and is_number(last_event_id, digits=18):
        return int(last_event_id)
    return after
