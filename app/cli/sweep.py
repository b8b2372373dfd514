"""The command `sweep`: queues the sweep of a recipe or a file."""

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Data, DatabaseUrl, Home, Json, configure, usage_error
from app.operations.exit_codes import DONE
from learning.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.schemas.sweeps import SweepIn
    from app.usecases.preflight_warning import PreflightWarning
    from store.actions.sweep_actions import NewSweep
    from store.config import Config
    from store.db.database import Database
    from store.read.sweeps import Sweep


def sweep(
    what: Annotated[
        str, typer.Argument(metavar="RECIPE|FILE", help="A recipe's name, or a JSON file (- is stdin).")
    ],
    dataset: Annotated[str | None, typer.Option(help="Data set; see `lossdeck data list`.")] = None,
    trials: Annotated[int | None, typer.Option(help="How many trials to draw.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same trials, same curves.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the sweep.")] = None,
    stopping: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="End trials early: halving, median, patience, or the rule as JSON with its numbers.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow it to its end, a line for each trial.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Queue a sweep for the workers and print its number.

    The file holds the same JSON as the body of POST /api/sweeps; options override what it says. With --wait,
    each trial that ends prints a line as in the lecture; 3 is the exit code when there is no worker.

    \b
    Examples:
      lossdeck sweep coarse --dataset digits --wait
      lossdeck sweep fine --dataset cifar10 --trials 40 --seed 7
      lossdeck sweep coarse --stopping halving --wait
      lossdeck sweep mine.json --name "wider nets" --json
    """
    from app.cli.sweep_progress import explain_interrupt, follow_sweep
    from app.operations.process_supervisor import upgrade_database
    from app.schemas.sweeps import SweepOut
    from app.usecases import sweep_plan
    from store.db.database import Database
    from store.read import sweeps

    config = configure(home=home, data=data, database_url=database_url)
    body = read_body(
        what, dataset=dataset, trials=trials, seed=seed, name=name, stopping=parse_stopping(stopping)
    )
    new = sweep_plan.plan_sweep(body, config)
    upgrade_database(config)
    code = DONE
    with closing(Database.open(config)) as database:
        row, warnings = store_sweep(database, new, config)
        with explain_interrupt(f"Sweep {row.id}"):
            print_queued(row, new, warnings)
            if wait:
                code = follow_sweep(database, row.id, print_lines=not as_json)
                with database.read() as connection:
                    row = sweeps.get(connection, row.id) or row
    if as_json:
        print(SweepOut.of(row).model_dump_json(ensure_ascii=True))
    elif not wait:
        print(row.id)
    raise typer.Exit(code)


def read_body(what: str, **options: object) -> "SweepIn":
    """The request body that the argument and the options describe. Raises WrongUsage."""
    from pydantic import ValidationError

    from app.schemas.sweeps import SweepIn
    from learning.search.recipes import RECIPES

    given = {name: value for name, value in options.items() if value is not None}
    if what == "-" or what.endswith(".json") or Path(what).is_file():
        content = read_json_object(what)
    elif what in RECIPES:
        content = {"recipe": what}
    else:
        raise WrongUsage(f"{what!r} is neither a recipe ({', '.join(RECIPES)}) nor a file.")
    try:
        return SweepIn.model_validate(content | given)
    except ValidationError as error:
        raise usage_error(error) from error


def parse_stopping(text: str | None) -> object:
    """The stopping rule as the body has it; a name alone stands for the rule with its default numbers."""
    if text is None or not text.lstrip().startswith("{"):
        return None if text is None else {text: {}}
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise WrongUsage(f"--stopping is not JSON: {error}.") from error


def read_json_object(name: str) -> dict[str, object]:
    """The JSON object in a file, or on stdin for `-`. Raises WrongUsage."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested too deeply
        raise WrongUsage(f"{name} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise WrongUsage(f"{name} must hold one JSON object, as the body of POST /api/sweeps.")
    return content


def store_sweep(
    database: "Database", new: "NewSweep", config: "Config"
) -> "tuple[Sweep, Sequence[PreflightWarning]]":
    """Stores a sweep with its trials, queued; also returns which preflights are missing for it."""
    from app.usecases import preflight_warning
    from store.actions import sweep_actions

    with database.write() as connection:
        row = sweep_actions.create(connection, new, time.time(), workers=config.workers)
        return row, preflight_warning.find_warnings(connection, new, new.trials, config.home)


def print_queued(row: "Sweep", new: "NewSweep", warnings: "Sequence[PreflightWarning]") -> None:
    """Prints on stderr what was queued, the recipe's note and the warnings."""
    from learning.search.recipes import RECIPES

    print(f"Sweep {row.id}: {len(new.trials)} trials on {row.dataset}, queued.", file=sys.stderr)
    if new.recipe:
        print(fill(RECIPES[new.recipe].note, 100), file=sys.stderr)
    for warning in warnings:
        command = f"To check: lossdeck preflight --sweep {row.id} --wait"
        print(fill(f"{warning.sentence} {command}", 100), file=sys.stderr)
