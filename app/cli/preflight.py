"""Owns the command `preflight`: queues the checks before a search, tells what they say (workers run them)."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Data, DatabaseUrl, Home, Json, configure
from app.cli.sweep_progress import Pulse, going_on
from app.operations.exit_codes import DONE, FAILED
from learning.errors import Failure

if TYPE_CHECKING:
    from learning.preflight.check_result import Check
    from learning.settings import Settings
    from store.config import Config
    from store.db.database import Connection, Database
    from store.jobs.preflights import Preflight


def preflight(
    dataset: Annotated[str, typer.Option(help="Data set; see `lossdeck data list`.")] = "digits",
    recipe: Annotated[
        str | None, typer.Option(help="Whose net to check; the coarse search's by default.")
    ] = None,
    sweep: Annotated[
        int | None, typer.Option(help="Check the net of this sweep, on its data set, instead.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights.")] = 0,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow it to its end, a line for each check.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Check a data set and a net before a search.

    The lecture's checks: the data, the first cost, regularisation, gradients, twenty examples learnt by
    heart, learning rates. Prints the number of the preflight; with --wait, a line for each check, and then
    the exit code is 1 if one did not pass and 3 when there is no worker.

    \b
    Examples:
      lossdeck preflight --wait
      lossdeck preflight --dataset cifar10 --wait --json
      lossdeck preflight --sweep 3 --wait
    """
    from app.operations.process_supervisor import upgrade
    from app.schemas.preflights import preflight_json
    from store.db.database import Database
    from store.jobs import preflights

    config = configure(home=home, data=data, database_url=database_url)
    settings = None if sweep is not None else asked(config, dataset, recipe, seed)
    upgrade(config)
    with closing(Database.open(config)) as database:
        with database.write() as connection:
            if settings is None:
                dataset, settings = of_sweep(connection, sweep, config)
            row = preflights.create(connection, dataset, settings, time.time())
        code = DONE
        with going_on(f"Preflight {row.id}"):
            print(f"Preflight {row.id} on {dataset}, queued.", file=sys.stderr)
            if wait:
                row = follow(database, row.id, (lambda check: None) if as_json else tell)
                code = DONE if row.passed else FAILED
    if as_json:
        print(json.dumps(preflight_json(row)))
    elif not wait:
        print(row.id)
    raise typer.Exit(code)


def asked(config: "Config", dataset: str, recipe: str | None, seed: int) -> "Settings":
    """The net that the options name."""
    from pydantic import ValidationError

    from app.cli.sweep import wrong
    from app.schemas.preflights import PreflightIn
    from app.usecases import sweep_plan

    try:
        return sweep_plan.plan_preflight(PreflightIn(dataset=dataset, recipe=recipe, seed=seed), config)
    except ValidationError as error:
        raise wrong(error) from error


def of_sweep(connection: "Connection", number: int | None, config: "Config") -> "tuple[str, Settings]":
    """The data set and the net of a sweep."""
    from app.usecases import preflight_warning
    from store.read import sweeps

    found = sweeps.get(connection, number) if number is not None else None
    if found is None:
        raise Failure(f"There is no sweep {number}.")
    return found.dataset, preflight_warning.choose_net(connection, found, config.home)


def follow(database: "Database", id: int, each: "Callable[[Check], None]") -> "Preflight":
    """Waits for the end of a preflight, calling `each` for a check that is new; sums it up on stderr.

    Raises Failure (3) when no worker lives.
    """
    ended = watch(database, id, each)
    print(summary(ended), file=sys.stderr)
    return ended


def watch(database: "Database", id: int, each: "Callable[[Check], None]") -> "Preflight":
    """Looks until the preflight has ended."""
    from store.db.states import LIVING
    from store.jobs import preflights

    pulse, told = Pulse(f"Preflight {id}"), 0
    while True:
        with database.read() as connection:
            row = preflights.get(connection, id)
        assert row is not None  # nothing deletes preflights
        for check in row.checks[told:]:
            each(check)
        told = max(told, len(row.checks))  # a second attempt begins anew, and says the same
        if row.state not in LIVING:
            return row
        pulse.wait(database)


def tell(check: "Check") -> None:
    """One line on stdout."""
    print(f"{'passed' if check.passed else 'FAILED'}  {check.code:<16} {check.sentence}", flush=True)


def summary(row: "Preflight") -> str:
    """How a preflight ended, in a sentence."""
    from learning.preflight.check_result import verdict

    if row.state != "finished":
        return f"Preflight {row.id} {row.state}{f': {row.reason}' if row.reason else '.'}"
    return f"Preflight {row.id}: {verdict(row.checks)}."
