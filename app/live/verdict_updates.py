"""A thread of the server that judges stale verdicts anew, so that no request has to."""

import logging
import threading

from store.backoff import generate_delays
from store.config import Config
from store.db.database import Database
from store.jobs.verdicts import StaleVerdicts

VERDICT_POLL_SECONDS = 0.5  # between looks at the database's version, which are cheap
LONGEST_DELAY = 60.0  # seconds before it is tried again
JOIN_SECONDS = 2.0

log = logging.getLogger("lossdeck")


class VerdictUpdates:
    """The thread of one server."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._verdicts = database, StaleVerdicts(database, config)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="verdicts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; the database may be closed after this."""
        self._done.set()
        self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        seen, delays = None, generate_delays(VERDICT_POLL_SECONDS, LONGEST_DELAY)
        while not self._done.is_set():
            try:
                version = self._database.version()
                while version != seen and not self._done.is_set() and self._verdicts.refresh():
                    pass
                seen, delays = version, generate_delays(VERDICT_POLL_SECONDS, LONGEST_DELAY)
                self._done.wait(VERDICT_POLL_SECONDS)
            except Exception:  # must outlive a database that is away for a while
                log.exception("The verdicts could not be brought up to date; it is tried again.")
                self._done.wait(next(delays))
