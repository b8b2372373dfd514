"""The commands that look after a home folder: backup, restore, prune."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import DatabaseUrl, Home, configure, open_database
from learning.errors import Failure, WrongUsage

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
    with closing(open_database(config)) as database:
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
    from app.operations import file_pruning

    config = configure(home=home, database_url=database_url)
    with closing(open_database(config)) as database:
        if older_than is not None:
            ids = file_pruning.find_old_sweeps(database, older_than)
            print(f"{len(ids)} sweeps ended more than {older_than} days ago.", file=sys.stderr)
            if ids and not dry_run:
                confirm_deletion(len(ids), yes)
                file_pruning.delete_sweeps(database, ids)
        paths = file_pruning.find_unused_files(config.home, database)
        size = sum(path.stat().st_size for path in paths if path.exists())
        if not dry_run:
            file_pruning.remove_files(paths)
    print(
        f"{'Would remove' if dry_run else 'Removed'} {len(paths)} files, {size / MEGABYTE:.1f} MB.",
        file=sys.stderr,
    )


def confirm_deletion(count: int, yes: bool) -> None:
    """Asks before sweeps are deleted. Raises WrongUsage where nobody can be asked and --yes is missing."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUsage("Deleting sweeps takes --yes when nobody can be asked.")
    if not typer.confirm(f"Delete {count} sweeps with all their trials and curves?", err=True):
        raise Failure("Nothing was deleted.")
