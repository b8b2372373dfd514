"""State: the parts that every request may use, opened once for each server (owns no rows and no routes)."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.live.hub import Live
from store.config import Config
from store.db.database import Database
from store.db.weight_files import Files


@dataclass(frozen=True, slots=True)
class State:
    """One server's open parts."""

    config: Config
    database: Database
    files: Files
    live: Live


def state(request: Request) -> State:
    """The parts of the server that answers this request; they are attributes of `app.state` too."""
    parts = request.app.state
    return State(parts.config, parts.database, parts.files, parts.live)


Parts = Annotated[State, Depends(state)]
