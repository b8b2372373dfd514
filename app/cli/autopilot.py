"""Owns the command `autopilot`: queues a search from checks to winner and tells its steps (takes none)."""

import json
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import Data, DatabaseUrl, Home, Json, configure
from app.cli.sweep_progress import Pulse, going_on
from app.operations.exit_codes import DONE, FAILED

if TYPE_CHECKING:
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

    from app.cli.sweep import wrong
    from app.operations.process_supervisor import upgrade
    from app.schemas.autopilots import AutopilotIn
    from app.usecases import sweep_plan
    from app.usecases.autopilot_view import view_autopilot
    from store.db.database import Database
    from store.jobs import autopilots

    config = configure(home=home, data=data, database_url=database_url)
    try:
        body = AutopilotIn(dataset=dataset, trials=trials, seed=seed, preflight=preflight, name=name)
    except ValidationError as error:
        raise wrong(error) from error
    new = sweep_plan.plan_autopilot(body, config)
    upgrade(config)
    with closing(Database.open(config)) as database:
        with database.write() as connection:
            row = autopilots.create(connection, new, time.time())
            found = view_autopilot(connection, row, config)
        with going_on(f"Autopilot {row.id}"):
            print(f"Autopilot {row.id} on {dataset}, queued.", file=sys.stderr)
            if wait:
                found = follow(database, row.id, config, tell_lines=not as_json)
    if as_json:
        print(json.dumps(found))
    elif not wait:
        print(row.id)
    raise typer.Exit(DONE if found["state"] in ("running", "finished") else FAILED)


def follow(database: "Database", id: int, config: "Config", tell_lines: bool) -> dict[str, Any]:
    """Waits for the end, telling each step as it is taken; sums it up on stderr.

    Raises Failure (3) when no worker lives.
    """
    from app.usecases.autopilot_view import view_autopilot
    from store.jobs import autopilots

    pulse, told = Pulse(f"Autopilot {id}"), 0
    while True:
        with database.read() as connection:
            row = autopilots.get(connection, id)
            assert row is not None  # nothing deletes autopilots
            found = view_autopilot(connection, row, config)
        for stage in row.stages[told:] if tell_lines else ():
            print(f"{stage.name:<10}{' '.join(stage.why.splitlines())}", flush=True)
        told = len(row.stages)
        if row.state != "running":
            break
        pulse.wait(database)
    print(summary(found), file=sys.stderr)
    return found


def summary(found: dict[str, Any]) -> str:
    """How an autopilot ended, in a sentence or two, and what there is to say about its test accuracy."""
    words = f"Autopilot {found['id']} {found['state']}: {found['reason']}"
    if found["best"] is None:
        return words
    best = found["best"]
    words += (
        f" Best: trial #{best['number']} of sweep {best['sweep_id']}, val accuracy {best['best_val_acc']:.4f}"
    )
    note = found["test_note"] or ""
    if found["test"] is None:
        return f"{words}. {note}".rstrip()
    test = found["test"]
    looks = f"look {test['number']} at the test part of {test['dataset']}"
    return f"{words}; test accuracy {test['accuracy']:.4f} ({looks}). {note}".rstrip()
