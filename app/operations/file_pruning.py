"""Owns pruning: old sweeps and files that no row needs any more (store.read.files_in_use says which)."""

import re
import time
from collections.abc import Iterable
from pathlib import Path

from store.actions import sweep_actions
from store.db.database import Database
from store.read import files_in_use as needed

DAY = 86_400.0  # seconds
SETTLED = 3_600.0  # seconds; a younger file may belong to a row that is just being written
CHECKPOINT = re.compile(r"(\d+)/.+")
MODEL = re.compile(r"(\d+)\.npz")


def old_sweeps(database: Database, days: int) -> tuple[int, ...]:
    """Sweeps that ended more than so many days ago."""
    with database.read() as connection:
        return needed.ended_before(connection, time.time() - days * DAY)


def delete(database: Database, ids: Iterable[int]) -> None:
    """Deletes sweeps with their trials and epochs; their files are leftovers from then on."""
    for id in ids:
        with database.write() as connection:
            sweep_actions.delete(connection, id)


def leftovers(home: Path, database: Database) -> tuple[Path, ...]:
    """Checkpoints and weights that no row needs, and files that a killed process left half written."""
    # First the files, then the rows: what appears between the two is not listed.
    checkpoints = settled(home / "checkpoints")
    models = settled(home / "models")
    with database.read() as connection:
        groups, trials = needed.groups_in_use(connection), needed.trials_with_models(connection)
    return tuple(
        [
            path
            for path in checkpoints
            if unneeded(str(path.relative_to(home / "checkpoints")), CHECKPOINT, groups)
        ]
        + [path for path in models if unneeded(path.name, MODEL, trials)]
    )


def settled(folder: Path) -> list[Path]:
    """The files in a folder that have not been touched for a while."""
    limit = time.time() - SETTLED
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_mtime < limit]


def unneeded(name: str, pattern: re.Pattern[str], ids: set[int]) -> bool:
    """Whether a file is half written, or belongs to a number that is not among the ids."""
    if name.rpartition("/")[2].startswith("."):
        return name.endswith(".part")
    match = pattern.fullmatch(name)
    return match is not None and int(match[1]) not in ids


def remove(paths: Iterable[Path]) -> None:
    """Removes the files."""
    for path in paths:
        path.unlink(missing_ok=True)
