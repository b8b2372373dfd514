"""Owns the backup archive: a tar file with the database, weights, checkpoints and users' data sets."""

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from learning.data.download import OFFICIAL
from learning.errors import Failure
from store.config import Config
from store.db import backup
from store.db.database import Database

DATABASE = "lossdeck.db"
FOLDERS = ("models", "checkpoints", "data")  # of the home folder
EMBEDDED = "digits"


def write(home: Path, database: Database, target: Path) -> int:
    """Writes the archive, whole or not at all, while everything runs on; answers its size in bytes.

    Data sets that `data get` can fetch again are left out. A checkpoint that vanishes meanwhile costs its
    group the epochs since the beginning, no more.
    """
    if not target.absolute().parent.is_dir():
        raise Failure(f"{target} cannot be written: there is no folder {target.parent}.")
    part = target.with_name(f".{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=home, prefix=".backup-") as folder:
            copy = Path(folder) / DATABASE
            backup.write(database, copy)
            with tarfile.open(part, "w") as archive:
                archive.add(copy, DATABASE)
                for path in kept(home):
                    add(archive, path, str(path.relative_to(home)))
        part.chmod(0o600)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def kept(home: Path) -> Iterator[Path]:
    """The files beside the database that belong into a backup."""
    skipped = {EMBEDDED, *OFFICIAL}
    for folder in FOLDERS:
        for path in sorted((home / folder).rglob("*")):
            parts = path.relative_to(home).parts
            hidden = any(part.startswith(".") for part in parts)
            known = folder == "data" and (len(parts) < 3 or parts[1] in skipped)
            if path.is_file() and not path.is_symlink() and not hidden and not known:
                yield path


def add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Adds a file, unless it has just been removed."""
    try:
        archive.add(path, name)
    except FileNotFoundError:
        return


def restore(source: Path, config: Config) -> int:
    """Puts an archive back into a home folder without a database; answers how many files it held.

    Raises Failure and DatabaseError; the home is then as it was.
    """
    home = config.home
    backup.check_vacant(config)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".restore-") as folder:
        count = unpack(source, Path(folder))
        backup.check(Path(folder) / DATABASE)
        for name in FOLDERS:
            if (Path(folder) / name).is_dir():
                shutil.copytree(Path(folder) / name, home / name, dirs_exist_ok=True)
        backup.restore(Path(folder) / DATABASE, config)  # last: with it the home is whole
    return count


def unpack(source: Path, folder: Path) -> int:
    """Unpacks plain files with names of ours, nothing else; answers how many."""
    try:
        with tarfile.open(source, "r:") as archive:
            members = archive.getmembers()
            for member in members:
                check(member, source)
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.extractfile(member) as content, target.open("wb") as file:  # type: ignore[union-attr]
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError) as error:
        raise Failure(f"{source} is not a backup, or it is cut off: {error}.") from error
    if DATABASE not in {member.name for member in members}:
        raise Failure(f"{source} is not a backup: it holds no {DATABASE}.")
    return len(members)


def check(member: tarfile.TarInfo, source: Path) -> None:
    """Raises Failure for what no backup of ours holds: links, devices, names that lead out of the folder."""
    path = PurePosixPath(member.name)
    ours = member.name == DATABASE or (path.parts[:1] and path.parts[0] in FOLDERS and ".." not in path.parts)
    if not member.isreg() or path.is_absolute() or not ours:
        raise Failure(f"{source} is not a backup of Lossdeck: it holds {member.name!r}.")
