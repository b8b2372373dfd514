"""`python -m worker`: runs the supervisor, or with --single one worker process."""

import argparse
import logging
import os
import secrets
import sys
from typing import TYPE_CHECKING

from worker import process

if TYPE_CHECKING:
    from store.db.database import Database
    from worker.signals import StopRequest

NICENESS = 5  # on a busy machine the web server comes first


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 ended as asked, 1 the database cannot be used, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    process.limit_blas_before_numpy()
    logging.basicConfig(
        level=logging.INFO, format=f"%(asctime)s %(name)s[{os.getpid()}] %(message)s", datefmt="%H:%M:%S"
    )
    # From here on NumPy may be loaded.
    from learning.errors import DatabaseError
    from store.config import Config
    from store.db.database import Database
    from worker.signals import StopRequest

    stop = StopRequest(options.parent)
    stop.listen(children=not options.single)
    config = Config()
    try:
        database = Database.open(config)
        if not _wait_for_database(database, stop):
            return 0
    except DatabaseError as error:
        print(error, file=sys.stderr)
        return 1
    if options.single:
        from worker.loop import Worker

        process.limit_loaded_blas()
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


def _wait_for_database(database: "Database", stop: "StopRequest") -> bool:
    """Waits until the database answers; False if asked to stop first. Raises DatabaseError."""
    from learning.errors import DatabaseError
    from store.backoff import generate_delays
    from store.db import migrations
    from store.db.errors import is_outage

    for pause in generate_delays():
        try:
            found, needed = migrations.read_version(database), migrations.read_head()
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
