"""Writes and restores the backup archive: a tar of the database, weights, checkpoints and own data sets."""

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from learning.data.download import OFFICIAL
from learning.errors import Failure
from store.config import Config
from store.db import backup
from store.db.database import Database

DATABASE_NAME = "lossdeck.db"
FOLDERS = ("models", "checkpoints", "data")  # of the home folder
EMBEDDED_DATASET = "digits"


def write(home: Path, database: Database, target: Path) -> int:
    """Writes the archive, whole or not at all, while everything runs on; returns its size in bytes.

    Data sets that `data get` can fetch again are left out. A group whose checkpoint vanishes meanwhile
    starts again from its first epoch after a restore, nothing worse.
    """
    if not target.absolute().parent.is_dir():
        raise Failure(f"{target} cannot be written: there is no folder {target.parent}.")
    part = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=home, prefix=".backup-") as folder:
            copy = Path(folder) / DATABASE_NAME
            backup.write(database, copy)
            with tarfile.open(part, "w") as archive:
                archive.add(copy, DATABASE_NAME)
                for path in find_files(home):
                    add_file(archive, path, str(path.relative_to(home)))
        part.chmod(0o600)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def find_files(home: Path) -> Iterator[Path]:
    """The files that belong in a backup beside the database."""
    skipped = {EMBEDDED_DATASET, *OFFICIAL}
    for folder in FOLDERS:
        for path in sorted((home / folder).rglob("*")):
            parts = path.relative_to(home).parts
            hidden = any(part.startswith(".") for part in parts)
            fetchable = folder == "data" and (len(parts) < 3 or parts[1] in skipped)
            if path.is_file() and not path.is_symlink() and not hidden and not fetchable:
                yield path


def add_file(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Adds a file, unless it has just been removed."""
    try:
        archive.add(path, name)
    except FileNotFoundError:
        return


def restore(source: Path, config: Config) -> int:
    """Puts an archive back into a home folder without a database; returns how many files it held.

    Raises Failure, DatabaseError; the home is then unchanged.
    """
    home = config.home
    backup.check_vacant(config)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".restore-") as folder:
        count = unpack(source, Path(folder))
        backup.check(Path(folder) / DATABASE_NAME)
        for name in FOLDERS:
            if (Path(folder) / name).is_dir():
                shutil.copytree(Path(folder) / name, home / name, dirs_exist_ok=True)
        backup.restore(Path(folder) / DATABASE_NAME, config)  # last: with it the home is whole
    return count


def _without_modes(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """The filter for data; the files get the modes that the user's umask gives."""
    return tarfile.data_filter(member, folder).replace(mode=None, mtime=None, deep=False)  # type: ignore[arg-type]


def unpack(source: Path, folder: Path) -> int:
    """Unpacks an archive that holds nothing but a backup's own files; returns how many. Raises Failure."""
    try:
        with tarfile.open(source, "r:") as archive:
            members = archive.getmembers()
            for member in members:
                if not is_ours(member):
                    raise Failure(f"{source} is not a backup of Lossdeck: it holds {member.name!r}.")
            archive.extractall(folder, filter=_without_modes)
    except (tarfile.TarError, EOFError) as error:
        raise Failure(f"{source} is not a backup, or it is cut off: {error}.") from error
    if DATABASE_NAME not in {member.name for member in members}:
        raise Failure(f"{source} is not a backup: it holds no {DATABASE_NAME}.")
    return len(members)


def is_ours(member: tarfile.TarInfo) -> bool:
    """Whether a backup may hold it: a regular file, the database's or below one of the folders.

    Links are refused here: the filter lets those pass that stay inside, and can be led out by them in older
    Pythons. Names that lead outside are left to the filter.
    """
    return member.isreg() and (member.name == DATABASE_NAME or member.name.partition("/")[0] in FOLDERS)
