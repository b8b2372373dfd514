"""The command `preflight`: it queues the checks before a search and prints what they find."""

import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Data, DatabaseUrl, Home, Json, configure, usage_error
from app.cli.sweep_progress import WorkerLiveness, explain_interrupt
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
    from app.operations.process_supervisor import upgrade_database
    from app.schemas.preflights import PreflightOut
    from store.db.database import Database
    from store.jobs import preflights

    config = configure(home=home, data=data, database_url=database_url)
    settings = None if sweep is not None else plan_settings(config, dataset, recipe, seed)
    upgrade_database(config)
    with closing(Database.open(config)) as database:
        with database.write() as connection:
            if settings is None:
                dataset, settings = read_sweep_settings(connection, sweep, config)
            row = preflights.create(connection, dataset, settings, time.time())
        code = DONE
        with explain_interrupt(f"Preflight {row.id}"):
            print(f"Preflight {row.id} on {dataset}, queued.", file=sys.stderr)
            if wait:
                row = follow_preflight(database, row.id, (lambda check: None) if as_json else print_check)
                code = DONE if row.passed else FAILED
    if as_json:
        print(PreflightOut.of(row).model_dump_json(ensure_ascii=True))
    elif not wait:
        print(row.id)
    raise typer.Exit(code)


def plan_settings(config: "Config", dataset: str, recipe: str | None, seed: int) -> "Settings":
    """The settings of the net that the options name. Raises WrongUsage."""
    from pydantic import ValidationError

    from app.schemas.preflights import PreflightIn
    from app.usecases import sweep_plan

    try:
        return sweep_plan.plan_preflight(PreflightIn(dataset=dataset, recipe=recipe, seed=seed), config)
    except ValidationError as error:
        raise usage_error(error) from error


def read_sweep_settings(
    connection: "Connection", number: int | None, config: "Config"
) -> "tuple[str, Settings]":
    """The data set of a sweep, and the settings of its net."""
    from app.usecases import preflight_warning
    from store.read import sweeps

    sweep = sweeps.get(connection, number) if number is not None else None
    if sweep is None:
        raise Failure(f"There is no sweep {number}.")
    return sweep.dataset, preflight_warning.choose_net(connection, sweep, config.home)


def follow_preflight(database: "Database", id: int, show: "Callable[[Check], None]") -> "Preflight":
    """Waits for the end of a preflight, calling `show` with each new check; prints a summary on stderr.

    Raises NoWorker when no worker is alive.
    """
    ended = watch_preflight(database, id, show)
    print(summary(ended), file=sys.stderr)
    return ended


def watch_preflight(database: "Database", id: int, show: "Callable[[Check], None]") -> "Preflight":
    """Reads the preflight again and again until it has ended, calling `show` with each new check."""
    from learning.states import TRIAL_STATES
    from store.jobs import preflights

    liveness, shown = WorkerLiveness(f"Preflight {id}"), 0
    while True:
        with database.read() as connection:
            row = preflights.get(connection, id)
        assert row is not None  # nothing deletes preflights
        for check in row.checks[shown:]:
            show(check)
        shown = max(shown, len(row.checks))  # a second attempt begins anew, with the same results
        if TRIAL_STATES[row.state].ended:
            return row
        liveness.wait(database)


def print_check(check: "Check") -> None:
    print(f"{'passed' if check.passed else 'FAILED'}  {check.code:<16} {check.sentence}", flush=True)


def summary(row: "Preflight") -> str:
    """How a preflight ended, in a sentence."""
    from learning.preflight.check_result import summarise_checks

    if row.state != "finished":
        return f"Preflight {row.id} {row.state}{f': {row.reason}' if row.reason else '.'}"
    return f"Preflight {row.id}: {summarise_checks(row.checks)}."
