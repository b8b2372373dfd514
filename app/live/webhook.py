"""Webhook: tells one address when a sweep ends or mostly diverges; at least once, each with an id of its own.

A thread of the server reads the feed of changes; a receiver that is slow or away delays only what it is told.
"""

import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from app.schemas import json_values
from app.schemas.sweeps import sweep_json
from store.db.database import Database
from store.jobs import webhook_deliveries
from store.read import sweeps
from store.read.sweeps import Sweep

WEBHOOK_POLL_SECONDS = 1.0
RECEIVER_TIMEOUT_SECONDS = 10.0  # for the receiver's answer
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 300.0  # seconds before an event is sent again
SWEEPS_PER_READ = 100  # sweeps in one read
MIN_BEGUN_TRIALS = 5  # trials that began, before one may say that most diverge

log = logging.getLogger("lossdeck")


class Webhook:
    """Follows the sweeps of one database for one address."""

    def __init__(self, database: Database, url: str) -> None:
        self.database = database
        self.url = url
        self._cursor = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        """Blocks for the one statement that says from where on there is something to tell."""
        with self.database.write() as c:
            self._cursor = webhook_deliveries.cursor(c)
        self._thread.start()

    def stop(self) -> None:
        """Ends after the request that is under way, if one is; does not wait for it."""
        self._done.set()
        self._thread.join(WEBHOOK_POLL_SECONDS)

    def _run(self) -> None:
        version: int | None = None
        while not self._done.is_set():
            try:
                now = self.database.version()
                if now != version:
                    self._look()
                    version = now
            except Exception:  # must outlive a database that is away for a while
                log.exception("The webhook could not read the database; it tries again.")
            self._done.wait(WEBHOOK_POLL_SECONDS)

    def _look(self) -> None:
        """Sends what happened after the cursor."""
        more = True
        while more and not self._done.is_set():
            with self.database.read() as c:
                found = sweeps.after(c, self._cursor, None, SWEEPS_PER_READ)
            for sweep in found:
                for id, event in events_of(sweep):
                    self._tell(id, event, sweep)
                self._cursor = sweep.changed
            more = len(found) == SWEEPS_PER_READ

    def _tell(self, id: str, event: str, sweep: Sweep) -> None:
        with self.database.read() as c:
            if webhook_deliveries.was_sent(c, id):
                return
        body = {"id": id, "event": event, "sweep": sweep_json(sweep)}
        pause = FIRST_RETRY_SECONDS
        while not self._done.is_set():
            reason = _post(self.url, json_values.dump_json(body).encode(), id)
            if reason is None:
                with self.database.write() as c:
                    webhook_deliveries.mark(c, id, sweep.changed)
                return
            log.warning("The webhook did not take %s (%s); it is sent again in %g s.", id, reason, pause)
            self._done.wait(pause)
            pause = min(2 * pause, MAX_RETRY_SECONDS)


def events_of(sweep: Sweep) -> Iterator[tuple[str, str]]:
    """What is to be told of a sweep as it is now: ids, which never change, and names of events."""
    begun = sum(sweep.counts.values()) - sweep.counts["queued"]  # those that diverge end first: not `ended`
    if begun >= MIN_BEGUN_TRIALS and 2 * sweep.counts["diverged"] > begun:
        yield f"sweep-{sweep.id}-diverging", "sweep.diverging"
    if sweep.finished_at is not None and sweep.state in ("finished", "cancelled"):
        yield f"sweep-{sweep.id}-{sweep.state}-{round(1000 * sweep.finished_at)}", f"sweep.{sweep.state}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        """A redirect would send the news to an address that nobody configured."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _post(url: str, body: bytes, id: str) -> str | None:
    """Why it was not taken; None when it was."""
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
