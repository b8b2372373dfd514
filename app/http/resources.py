"""What every request may use: the configuration, the database, the weight files and the live hub."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.live.hub import LiveHub
from store.config import Config
from store.db.checkpoints_and_weights import Files
from store.db.database import Database


@dataclass(frozen=True, slots=True)
class AppResources:
    """Opened once for each server, by app.main.create_app."""

    config: Config
    database: Database
    files: Files
    live: LiveHub


def get_resources(request: Request) -> AppResources:
    """The resources of the server that answers this request, which are attributes of `app.state`."""
    state = request.app.state
    return AppResources(state.config, state.database, state.files, state.live)


Resources = Annotated[AppResources, Depends(get_resources)]
