"""Owns `python -m worker`: the supervisor, or with --single one worker process (does the work of neither)."""

import argparse
import logging
import os
import secrets
import sys
from typing import TYPE_CHECKING

from worker import threads

if TYPE_CHECKING:
    from store.db.database import Database
    from worker.signals import Stop

NICENESS = 5  # pages and the live stream come first on a busy machine


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 ended as asked, 1 the database cannot be used, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    threads.limit_before_numpy()
    logging.basicConfig(
        level=logging.INFO, format=f"%(asctime)s %(name)s[{os.getpid()}] %(message)s", datefmt="%H:%M:%S"
    )
    # From here on NumPy may be loaded.
    from learning.errors import DatabaseError
    from store.config import Config
    from store.db.database import Database
    from worker.signals import Stop

    stop = Stop(options.parent)
    stop.listen(children=not options.single)
    config = Config()
    try:
        database = Database.open(config)
        if not _wait_for(database, stop):
            return 0
    except DatabaseError as error:
        print(error, file=sys.stderr)
        return 1
    if options.single:
        from worker.loop import Worker

        threads.limit_loaded()
        os.nice(NICENESS)
        Worker(database, config, options.token or secrets.token_hex(8), stop).work()
    else:
        from worker.supervisor import Supervisor

        Supervisor(database, config, stop).run()
    database.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m worker", description="Keeps LOSSDECK_WORKERS processes alive that train queued sweeps."
    )
    parser.add_argument("--single", action="store_true", help="be one worker process instead")
    parser.add_argument(
        "--token", help="the name under which a single worker holds its groups (random by default)"
    )
    parser.add_argument(
        "--parent", type=int, help="finish the epoch and end when this is not the parent's pid any more"
    )
    return parser


def _wait_for(database: "Database", stop: "Stop") -> bool:
    """Waits until the database answers; False if asked to end first. Raises DatabaseError if it is no use."""
    from learning.errors import DatabaseError
    from store.db import migrations
    from store.db.errors import is_outage
    from worker.pauses import pauses

    for pause in pauses():
        try:
            found, needed = migrations.current(database), migrations.head()
            break
        except Exception as error:
            if not is_outage(error):
                raise
            logging.warning("waiting for the database: %s", error)
        if stop.wait(pause):
            return False
    if found != needed:
        has = f"has schema version {found}" if found else "is empty"
        raise DatabaseError(
            f"The database {has} and this program needs version {needed}; run `lossdeck migrate`."
        )
    return True


if __name__ == "__main__":
    sys.exit(main())
