"""What commands share: options, the trial argument, and the Config and database they name."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.text.validation_messages import describe_error
from learning.errors import Failure, WrongUsage

if TYPE_CHECKING:
    from pydantic import ValidationError

    from store.config import Config
    from store.db.database import Connection, Database
    from store.read.trials import Trial

Home = Annotated[
    Path | None,
    typer.Option(
        help="Folder for everything Lossdeck writes. [LOSSDECK_HOME; default ./var]", show_default=False
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder that is searched first for data sets. [LOSSDECK_DATA]", show_default=False),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="Database, if not SQLite in the home folder. [DATABASE_URL]", show_default=False),
]
Host = Annotated[
    str | None,
    typer.Option(help="Address to listen on. [LOSSDECK_HOST; default 127.0.0.1]", show_default=False),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Port to listen on. [LOSSDECK_PORT; default 8000]", show_default=False
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Worker processes. [LOSSDECK_WORKERS; default: one for each core]", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
TrialArgument = Annotated[
    str,
    typer.Argument(
        metavar="TRIAL",
        help="SWEEP/NUMBER as the pages count: 1/8 is #8 of sweep 1. "
        "Or the id that the API and exports show.",
    ),
]

_TRIAL_NAME = re.compile(r"(?:([0-9]{1,9})/)?([0-9]{1,9})")


def configure(**options: object) -> "Config":
    """Config from the options that were given (not None) and, for the others, the environment.

    Raises WrongUsage that names every bad value and where it came from.
    """
    from pydantic import ValidationError

    from store.config import Config

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Config(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise WrongUsage(" ".join(_explain_values(error, given))) from error


def environment(config: "Config") -> dict[str, str]:
    """The environment for a child process that must see the same config."""
    variables = {
        "LOSSDECK_HOME": str(config.home.resolve()),
        "LOSSDECK_DATA": str(config.data.resolve()) if config.data else "",
        "DATABASE_URL": config.database_url or "",
        "LOSSDECK_WORKERS": str(config.workers),
    }
    others = {name: value for name, value in os.environ.items() if name not in variables}
    return others | {name: value for name, value in variables.items() if value}


def open_database(config: "Config") -> "Database":
    """Opens the database, which must exist and have this version's schema. Raises Failure."""
    from store.db import migrations
    from store.db.database import Database

    if config.database_url is None and not (config.home / "lossdeck.db").is_file():
        raise Failure(
            f"There is no database in {config.home}; `lossdeck up` makes one, --home names another folder."
        )
    database = Database.open(config)
    if migrations.read_version(database) != migrations.read_head():
        database.close()
        raise Failure("The database has another schema than this version needs; run `lossdeck migrate`.")
    return database


def is_trial_name(text: str) -> bool:
    """Whether the text has the form of a trial's name or id; the trial need not exist."""
    return _TRIAL_NAME.fullmatch(text) is not None


def find_trial(c: "Connection", text: str) -> "Trial":
    """The trial with that name (SWEEP/NUMBER) or id. Raises WrongUsage, Failure."""
    from store.read import trials

    match = _TRIAL_NAME.fullmatch(text)
    if match is None:
        raise WrongUsage(f"A trial is named as SWEEP/NUMBER, such as 1/8, or by its id, not {text!r}.")
    sweep, number = match.groups()
    trial = trials.get(c, int(number)) if sweep is None else trials.get_by_number(c, int(sweep), int(number))
    if trial is None:
        where = "" if sweep is None else f" in sweep {sweep}"
        raise Failure(f"There is no trial {number}{where}.")
    return trial


def usage_error(error: "ValidationError") -> WrongUsage:
    """The bad fields of a request body as one usage error."""
    sentences = [
        describe_error(".".join(map(str, detail["loc"])) or "The body", detail) for detail in error.errors()
    ]
    return WrongUsage(" ".join(sentences))


def _explain_values(error: "ValidationError", given: dict[str, object]) -> list[str]:
    sentences = []
    for detail in error.errors():
        name = str(detail["loc"][0]).lower().removeprefix("lossdeck_")
        variable = "DATABASE_URL" if name == "database_url" else f"LOSSDECK_{name.upper()}"
        where = f"--{name.replace('_', '-')}" if name in given else variable
        sentences.append(describe_error(where, detail))
    return sentences
