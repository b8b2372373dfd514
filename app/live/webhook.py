"""The webhook: posts to one address when a sweep ends or when most of its trials diverge.

Each event is sent at least once and has an id of its own. A thread of the server reads the changes and sends
the events, so a receiver that is slow or down delays nothing else.
"""

import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from app.schemas.fields import Out
from app.schemas.sweeps import SweepOut
from learning.states import SWEEP_STATES
from store.backoff import generate_delays
from store.db.database import Database
from store.jobs import webhook_deliveries
from store.read import sweeps
from store.read.sweeps import Sweep

WEBHOOK_POLL_SECONDS = 1.0
RECEIVER_TIMEOUT_SECONDS = 10.0  # for the receiver's answer
FIRST_RETRY_DELAY, LONGEST_RETRY_DELAY = 1.0, 300.0  # seconds; about doubles with each refusal
SWEEPS_PER_READ = 100
MIN_BEGUN_TRIALS = 5  # before "most diverge" means anything

log = logging.getLogger("lossdeck")


class Webhook:
    """Sends the events of one database to one address."""

    def __init__(self, database: Database, url: str) -> None:
        self.database = database
        self.url = url
        self._cursor = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        """Blocks for one statement: it reads the cursor after which changes are sent."""
        with self.database.write() as c:
            self._cursor = webhook_deliveries.get_cursor(c)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the current request; waits a second at most."""
        self._done.set()
        self._thread.join(WEBHOOK_POLL_SECONDS)

    def _run(self) -> None:
        version: int | None = None
        while not self._done.is_set():
            try:
                now = self.database.version()
                if now != version:
                    self._send_new()
                    version = now
            except Exception:  # must outlive a database that is away for a while
                log.exception("The webhook could not read the database; it tries again.")
            self._done.wait(WEBHOOK_POLL_SECONDS)

    def _send_new(self) -> None:
        """Sends what happened after the cursor."""
        more = True
        while more and not self._done.is_set():
            with self.database.read() as c:
                found = sweeps.list_since(c, self._cursor, None, SWEEPS_PER_READ)
            for sweep in found:
                for id, event in events_of(sweep):
                    self._deliver(id, event, sweep)
                self._cursor = sweep.changed
            more = len(found) == SWEEPS_PER_READ

    def _deliver(self, id: str, event: str, sweep: Sweep) -> None:
        with self.database.read() as c:
            if webhook_deliveries.is_delivered(c, id):
                return
        body = WebhookBodyOut(id=id, event=event, sweep=SweepOut.of(sweep)).model_dump_json().encode()
        for delay in generate_delays(FIRST_RETRY_DELAY, LONGEST_RETRY_DELAY):
            if self._done.is_set():
                return
            reason = _post(self.url, body, id)
            if reason is None:
                with self.database.write() as c:
                    webhook_deliveries.mark_delivered(c, id, sweep.changed)
                return
            log.warning("The webhook did not take %s (%s); it is sent again in %.1f s.", id, reason, delay)
            self._done.wait(delay)


class WebhookBodyOut(Out):
    """What the receiver is sent."""

    id: str
    event: str
    sweep: SweepOut


def events_of(sweep: Sweep) -> Iterator[tuple[str, str]]:
    """The id and the name of each event that a sweep has reached; an id never changes."""
    begun = sum(sweep.counts.values()) - sweep.counts["queued"]  # those that diverge end first: not `ended`
    if begun >= MIN_BEGUN_TRIALS and 2 * sweep.counts["diverged"] > begun:
        yield f"sweep-{sweep.id}-diverging", "sweep.diverging"
    if sweep.finished_at is not None and SWEEP_STATES[sweep.state].ended:
        yield f"sweep-{sweep.id}-{sweep.state}-{round(1000 * sweep.finished_at)}", f"sweep.{sweep.state}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        """A redirect would send the event to an address that nobody configured."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _post(url: str, body: bytes, id: str) -> str | None:
    """Sends an event; returns why the receiver did not take it, or None."""
    headers = {"content-type": "application/json", "user-agent": "lossdeck", "x-lossdeck-event": id}
    request = urllib.request.Request(url, body, headers)
    try:
        with _OPENER.open(request, timeout=RECEIVER_TIMEOUT_SECONDS) as answer:
            answer.read(1_000)
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except (OSError, ValueError) as error:
        return str(error)
    return None
