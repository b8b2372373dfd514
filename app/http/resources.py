"""State: the parts that every request may use, opened once for each server (owns no rows and no routes)."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.live.hub import LiveHub
from store.config import Config
from store.db.database import Database
from store.db.weight_files import Files


@dataclass(frozen=True, slots=True)
class AppResources:
    """One server's open parts."""

    config: Config
    database: Database
    files: Files
    live: LiveHub


def get_resources(request: Request) -> AppResources:
    """The parts of the server that answers this request; they are attributes of `app.state` too."""
    parts = request.app.state
    return AppResources(parts.config, parts.database, parts.files, parts.live)


Resources = Annotated[AppResources, Depends(get_resources)]
