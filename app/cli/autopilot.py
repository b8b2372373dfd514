"""The command `autopilot`: it queues a whole search, from the checks to the winner, and prints each stage."""

import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Data, DatabaseUrl, Home, Json, configure, usage_error
from app.cli.sweep_progress import WorkerLiveness, explain_interrupt
from app.operations.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from app.schemas.autopilots import AutopilotOut
    from store.config import Config
    from store.db.database import Database


def autopilot(
    dataset: Annotated[str, typer.Option(help="Data set; see `lossdeck data list`.")] = "digits",
    trials: Annotated[int, typer.Option(help="Of the coarse search; the next have half as many.")] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same trials, same curves.")] = 0,
    preflight: Annotated[
        bool, typer.Option("--preflight/--no-preflight", help="Whether the checks come first, and must pass.")
    ] = True,
    name: Annotated[str | None, typer.Option(help="Name of the autopilot.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end, a line for each step.")] = False,
    as_json: Json = False,
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Search from the first check to the winner.

    Preflight, coarse, fine and finer search, each from what the one before found; at the end the winner is
    tried on the test part, once. Prints the number of the autopilot; with --wait a line for each step, and
    then the exit code is 1 if it did not come to its end and 3 when there is no worker.

    \b
    Examples:
      lossdeck autopilot --wait
      lossdeck autopilot --dataset cifar10 --wait --json
    """
    from pydantic import ValidationError

    from app.operations.process_supervisor import upgrade_database
    from app.schemas.autopilots import AutopilotIn
    from app.usecases import sweep_plan
    from app.usecases.autopilot_view import view_autopilot
    from store.db.database import Database
    from store.jobs import autopilots

    config = configure(home=home, data=data, database_url=database_url)
    try:
        body = AutopilotIn(dataset=dataset, trials=trials, seed=seed, preflight=preflight, name=name)
    except ValidationError as error:
        raise usage_error(error) from error
    new = sweep_plan.plan_autopilot(body, config)
    upgrade_database(config)
    with closing(Database.open(config)) as database:
        with database.write() as connection:
            row = autopilots.create(connection, new, time.time())
            result = view_autopilot(connection, row, config)
        with explain_interrupt(f"Autopilot {row.id}"):
            print(f"Autopilot {row.id} on {dataset}, queued.", file=sys.stderr)
            if wait:
                result = follow_autopilot(database, row.id, config, print_stages=not as_json)
    if as_json:
        print(result.model_dump_json(ensure_ascii=True))
    elif not wait:
        print(row.id)
    raise typer.Exit(DONE if result.state in ("running", "finished") else FAILED)


def follow_autopilot(
    database: "Database", id: int, config: "Config", *, print_stages: bool
) -> "AutopilotOut":
    """Waits for the end, printing each new stage on stdout and a summary on stderr.

    Raises NoWorker when no worker is alive.
    """
    from app.usecases.autopilot_view import view_autopilot
    from store.jobs import autopilots

    liveness, printed = WorkerLiveness(f"Autopilot {id}"), 0
    while True:
        with database.read() as connection:
            row = autopilots.get(connection, id)
            assert row is not None  # nothing deletes autopilots
            result = view_autopilot(connection, row, config)
        for stage in row.stages[printed:] if print_stages else ():
            print(f"{stage.name:<10}{' '.join(stage.why.splitlines())}", flush=True)
        printed = len(row.stages)
        if row.state != "running":
            break
        liveness.wait(database)
    print(summary(result), file=sys.stderr)
    return result


def summary(result: "AutopilotOut") -> str:
    """How an autopilot ended: its best trial, its test accuracy, and the note about that."""
    text = f"Autopilot {result.id} {result.state}: {result.reason}"
    if result.best is None:
        return text
    best = result.best
    text += f" Best: trial #{best.number} of sweep {best.sweep_id}, val accuracy {best.best_val_acc:.4f}"
    note = result.test_note or ""
    if result.test is None:
        return f"{text}. {note}".rstrip()
    test = result.test
    look = f"look {test.number} at the test part of {test.dataset}"
    return f"{text}; test accuracy {test.accuracy:.4f} ({look}). {note}".rstrip()
