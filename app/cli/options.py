"""Owns the options that commands share, and how they and the environment make a Config (reads no files)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.text.validation_messages import describe_error
from learning.errors import WrongUsage

if TYPE_CHECKING:
    from pydantic import ValidationError

    from store.config import Config

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


def configure(**options: object) -> "Config":
    """Config from the options that were given (not None) and, for the others, the environment.

    Raises Failure that names every bad value and where it came from.
    """
    from pydantic import ValidationError

    from store.config import Config

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Config(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise WrongUsage(" ".join(_sentences(error, given))) from error


def environment(config: "Config") -> dict[str, str]:
    """The environment for a child process that must see the same config."""
    named = {
        "LOSSDECK_HOME": str(config.home.resolve()),
        "LOSSDECK_DATA": str(config.data.resolve()) if config.data else "",
        "DATABASE_URL": config.database_url or "",
        "LOSSDECK_WORKERS": str(config.workers),
    }
    kept = {name: value for name, value in os.environ.items() if name not in named}
    return kept | {name: value for name, value in named.items() if value}


def _sentences(error: "ValidationError", given: dict[str, object]) -> list[str]:
    sentences = []
    for detail in error.errors():
        name = str(detail["loc"][0]).lower().removeprefix("lossdeck_")
        variable = "DATABASE_URL" if name == "database_url" else f"LOSSDECK_{name.upper()}"
        where = f"--{name.replace('_', '-')}" if name in given else variable
        sentences.append(describe_error(where, detail))
    return sentences
