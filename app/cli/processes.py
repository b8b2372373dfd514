"""The commands that run Lossdeck: up, serve, worker, migrate."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Data, DatabaseUrl, Home, Host, Port, Workers, configure, environment
from app.http import token_file
from app.operations.exit_codes import DONE
from learning.errors import WrongUsage

if TYPE_CHECKING:
    from store.config import Config


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="If there is no sweep yet, queue the coarse search on the digits.")
    ] = False,
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
) -> None:
    """Start the server and the workers; Ctrl-C stops both.

    \b
    Examples:
      lossdeck up
      lossdeck up --demo --port 9000 --workers 2
      LOSSDECK_TOKEN=... lossdeck up --host 0.0.0.0
    """
    config = configure_server(
        home=home, data=data, database_url=database_url, host=host, port=port, workers=workers
    )
    from app.operations.process_supervisor import run

    raise typer.Exit(run(config, environment(config), demo))


def serve(
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Start the server alone; workers may run elsewhere.

    \b
    Examples:
      lossdeck serve
      DATABASE_URL=postgresql://lossdeck@db/lossdeck lossdeck serve --port 9000
    """
    config = configure_server(home=home, data=data, database_url=database_url, host=host, port=port)
    from app.operations.process_supervisor import print_address, upgrade_database
    from app.serve import serve as run

    upgrade_database(config)  # here, where a database that is refused is one sentence
    raise typer.Exit(run(config, lambda: print_address(config)))


def worker(
    home: Home = None, data: Data = None, database_url: DatabaseUrl = None, workers: Workers = None
) -> None:
    """Start the workers alone: processes that train what is queued.

    \b
    Examples:
      lossdeck worker
      lossdeck worker --workers 8
    """
    config = configure(home=home, data=data, database_url=database_url, workers=workers)
    if config.workers == 0:
        raise WrongUsage("LOSSDECK_WORKERS is 0, which leaves no worker to start; make it 1 or more.")
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "worker"], environment(config))


def migrate(home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database to the newest schema; does nothing when it is.

    \b
    Examples:
      lossdeck migrate
      lossdeck migrate --home /srv/lossdeck
    """
    from app.operations.process_supervisor import upgrade_database

    upgrade_database(configure(home=home, database_url=database_url))
    raise typer.Exit(DONE)


def configure_server(**options: object) -> "Config":
    """The config of a server, with its token. Raises WrongUsage, Failure for an open or a busy address."""
    from app.http.guard import is_loopback

    config = configure(**options)
    config = config.model_copy(update={"token": token_file.effective_token(config)})
    if not config.token and not is_loopback(config.host):
        raise WrongUsage(
            f"Listening on {config.host} opens Lossdeck to the network, which takes a token: "
            "run `lossdeck token` once or set LOSSDECK_TOKEN."
        )
    from app.operations.doctor_checks import require_free_port

    require_free_port(config.host, config.port)
    return config
