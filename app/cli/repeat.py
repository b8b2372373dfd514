"""The command `repeat`: it queues a trial again from other seeds and prints how their results spread."""

import sys
import time
from contextlib import closing
from typing import Annotated

import typer

from app.cli.options import (
    Data,
    DatabaseUrl,
    Home,
    Json,
    TrialArgument,
    configure,
    find_trial,
    open_database,
    usage_error,
)
from app.operations.exit_codes import DONE


def repeat(
    trial: TrialArgument,
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

    from app.cli.sweep_progress import follow_sweep
    from app.schemas.repeats import RepeatsIn, RepeatsOut
    from app.schemas.sweeps import SweepOut
    from app.text.formats import format_trial
    from app.usecases import repeats, sweep_plan
    from store.actions import sweep_actions
    from store.read import sweeps

    config = configure(home=home, data=data, database_url=database_url)
    try:
        body = RepeatsIn(seeds=seeds)
    except ValidationError as error:
        raise usage_error(error) from error
    with closing(open_database(config)) as database:
        with database.write() as c:
            row = find_trial(c, trial)
            sweep = sweeps.get(c, row.sweep_id)
            assert sweep is not None  # by foreign key
            new = sweep_plan.plan_repeats(body, row, sweep, repeats.find_tried_seeds(c, sweep, row), config)
            made = sweep_actions.create(c, new, time.time(), workers=config.workers)
        print(f"Sweep {made.id}: {format_trial(row)} from {seeds} other seeds, queued.", file=sys.stderr)
        code = follow_sweep(database, made.id, print_lines=not as_json) if wait else DONE
        with database.read() as c:
            result = repeats.summarize_repeats(c, made) if wait else None
    if result is not None:
        print(result.sentence, file=sys.stderr)
    if as_json:
        shown = RepeatsOut.of(result) if result else SweepOut.of(made)
        print(shown.model_dump_json(ensure_ascii=True))
    elif not wait:
        print(made.id)
    raise typer.Exit(code)
