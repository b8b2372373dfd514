"""The command `repeat`: queues a trial again over seeds and says what they show."""

import json
import sys
import time
from contextlib import closing
from typing import Annotated

import typer

from app.cli import trial_argument
from app.cli.options import Data, DatabaseUrl, Home, Json, configure
from app.operations.exit_codes import DONE


def repeat(
    trial: trial_argument.Which,
    seeds: Annotated[int, typer.Option(help="How many other seeds to train it from.")] = 5,
    wait: Annotated[bool, typer.Option("--wait", help="Follow them and say how they spread.")] = False,
    as_json: Json = False,
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Train a trial again over seeds.

    Queues a sweep with the trial's settings and other seeds, and prints its number. With --wait it
    follows them, and then says the mean, the standard deviation, and how lucky the trial was.

    \b
    Examples:
      lossdeck repeat 1/8 --wait
      lossdeck repeat 1/8 --seeds 10 --wait --json
    """
    from pydantic import ValidationError

    from app.cli.maintenance import opened
    from app.cli.sweep import wrong
    from app.cli.sweep_progress import follow
    from app.schemas.repeats import RepeatsIn
    from app.schemas.sweeps import sweep_json
    from app.text.formats import format_trial
    from app.usecases import repeats, sweep_plan
    from app.usecases.repeats import repeats_json
    from store.actions import sweep_actions
    from store.read import sweeps

    config = configure(home=home, data=data, database_url=database_url)
    try:
        body = RepeatsIn(seeds=seeds)
    except ValidationError as error:
        raise wrong(error) from error
    with closing(opened(config)) as database:
        with database.write() as c:
            row = trial_argument.named(c, trial)
            of = sweeps.get(c, row.sweep_id)
            assert of is not None  # by foreign key
            new = sweep_plan.plan_repeats(body, row, of, repeats.find_tried_seeds(c, of, row), config)
            made = sweep_actions.create(c, new, time.time(), workers=config.workers)
        print(f"Sweep {made.id}: {format_trial(row)} from {seeds} other seeds, queued.", file=sys.stderr)
        code = follow(database, made.id, print_lines=not as_json) if wait else DONE
        with database.read() as c:
            found = repeats.summarize_repeats(c, made) if wait else None
    if found is not None:
        print(found.sentence, file=sys.stderr)
    if as_json:
        print(json.dumps(repeats_json(found) if found else sweep_json(made)))
    elif not wait:
        print(made.id)
    raise typer.Exit(code)
