"""Prunes a home folder: old sweeps, and files that no row needs any more."""

import re
import time
from collections.abc import Iterable
from pathlib import Path

from store.actions import sweep_actions
from store.db.database import Database
from store.read import files_in_use, sweeps

DAY_SECONDS = 86_400.0
SETTLED_SECONDS = 3_600.0  # a younger file may belong to a row that is just being written
CHECKPOINT = re.compile(r"(\d+)/.+")
MODEL = re.compile(r"(\d+)\.npz")


def find_old_sweeps(database: Database, days: int) -> tuple[int, ...]:
    """Sweeps that ended more than so many days ago."""
    with database.read() as connection:
        return sweeps.list_ended_before(connection, time.time() - days * DAY_SECONDS)


def delete_sweeps(database: Database, ids: Iterable[int]) -> None:
    """Deletes sweeps with their trials and epochs; their files become unused files."""
    for id in ids:
        with database.write() as connection:
            sweep_actions.delete(connection, id)


def find_unused_files(home: Path, database: Database) -> tuple[Path, ...]:
    """Checkpoints and weights that no row needs, and files that a killed process left half written."""
    # First the files, then the rows: what appears between the two is not listed.
    checkpoints = find_settled_files(home / "checkpoints")
    models = find_settled_files(home / "models")
    with database.read() as connection:
        groups = files_in_use.find_groups(connection)
        trials = files_in_use.find_trials(connection)
    return tuple(
        [
            path
            for path in checkpoints
            if is_unused(str(path.relative_to(home / "checkpoints")), CHECKPOINT, groups)
        ]
        + [path for path in models if is_unused(path.name, MODEL, trials)]
    )


def find_settled_files(folder: Path) -> list[Path]:
    """The files in a folder that were last written more than SETTLED_SECONDS ago."""
    limit = time.time() - SETTLED_SECONDS
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_mtime < limit]


def is_unused(name: str, pattern: re.Pattern[str], ids: set[int]) -> bool:
    """Whether a file is half written, or belongs to an id that is not in `ids`."""
    if name.rpartition("/")[2].startswith("."):
        return name.endswith(".part")
    match = pattern.fullmatch(name)
    return match is not None and int(match[1]) not in ids


def remove_files(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
