"""The commands that keep a home in order: backup, restore, prune."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import DatabaseUrl, Home, configure
from learning.errors import Failure, WrongUsage

if TYPE_CHECKING:
    from store.config import Config
    from store.db.database import Database

MEGABYTE = 1_000_000


def backup(
    file: Annotated[Path, typer.Argument(help="The tar file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write everything to keep into one file.

    That is the database, weights, checkpoints and your own data sets; the server and the workers may run on.
    With PostgreSQL use pg_dump instead.

    \b
    Examples:
      lossdeck backup lossdeck-2026-11-23.tar
      lossdeck backup /mnt/nightly.tar --force
    """
    from app.operations import backup_archive

    config = configure(home=home, database_url=database_url)
    if file.exists() and not force:
        raise Failure(f"{file} is there already; name another or add --force.")
    with closing(opened(config)) as database:
        size = backup_archive.write(config.home, database, file)
    print(f"Wrote {file}, {size / MEGABYTE:.1f} MB.", file=sys.stderr)


def restore(
    file: Annotated[Path, typer.Argument(help="A file written by `lossdeck backup`.")], home: Home = None
) -> None:
    """Put a backup into a home folder.

    The folder must have no database yet; the next `lossdeck up` goes on from where the backup was made.

    \b
    Examples:
      lossdeck restore lossdeck-2026-11-23.tar --home ./restored
    """
    from app.operations import backup_archive

    if not file.is_file():
        raise Failure(f"There is no file {file}.")
    config = configure(home=home)
    count = backup_archive.restore(file, config)
    print(f"Restored {count} files into {config.home}.", file=sys.stderr)


def prune(
    older_than: Annotated[
        int | None, typer.Option(min=0, help="Also delete sweeps that ended more than so many days ago.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete sweeps without asking.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Remove files that no sweep needs, and old sweeps.

    \b
    Examples:
      lossdeck prune --dry-run
      lossdeck prune --older-than 90 --yes
    """
    from app.operations import file_pruning as work

    config = configure(home=home, database_url=database_url)
    with closing(opened(config)) as database:
        if older_than is not None:
            ids = work.old_sweeps(database, older_than)
            print(f"{len(ids)} sweeps ended more than {older_than} days ago.", file=sys.stderr)
            if ids and not dry_run:
                confirm(len(ids), yes)
                work.delete(database, ids)
        paths = work.leftovers(config.home, database)
        size = sum(path.stat().st_size for path in paths if path.exists())
        if not dry_run:
            work.remove(paths)
    print(
        f"{'Would remove' if dry_run else 'Removed'} {len(paths)} files, {size / MEGABYTE:.1f} MB.",
        file=sys.stderr,
    )


def confirm(count: int, yes: bool) -> None:
    """Asks before sweeps are deleted; without a terminal to ask in, --yes is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUsage("Deleting sweeps takes --yes when nobody can be asked.")
    if not typer.confirm(f"Delete {count} sweeps with all their trials and curves?", err=True):
        raise Failure("Nothing was deleted.")


def opened(config: "Config") -> "Database":
    """The database of this config, which must be there and have this version's schema."""
    from store.db import migrations
    from store.db.database import Database

    if config.database_url is None and not (config.home / "lossdeck.db").is_file():
        raise Failure(
            f"There is no database in {config.home}; `lossdeck up` makes one, --home names another folder."
        )
    database = Database.open(config)
    if migrations.current(database) != migrations.head():
        database.close()
        raise Failure("The database has another schema than this version needs; run `lossdeck migrate`.")
    return database
