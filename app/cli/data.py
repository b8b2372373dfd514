"""The commands about data sets: data list, data get, data add."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Data, Home, Json, configure
from learning.errors import Failure

if TYPE_CHECKING:
    from learning.data.catalog import DatasetSummary

program = typer.Typer(
    help="List, fetch and add data sets.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@program.command("list")
def list_datasets(home: Home = None, data: Data = None, as_json: Json = False) -> None:
    """List the data sets, and those that can be fetched.

    \b
    Examples:
      lossdeck data list
      lossdeck data list --data /srv/images --json
    """
    from learning.data import catalog
    from learning.data.download import OFFICIAL

    config = configure(home=home, data=data)
    summaries = catalog.list_summaries(config.home, config.data)
    if as_json:
        print(json.dumps([to_dict(summary) for summary in summaries]))
        return
    for summary in summaries:
        print(format_line(summary))
    for name in sorted(OFFICIAL.keys() - {summary.name for summary in summaries}):
        print(f"{name:<16} is not on this machine: lossdeck data get {name}", file=sys.stderr)


@program.command()
def get(
    name: Annotated[str, typer.Argument(help="cifar10, mnist or fashion_mnist.")],
    url: Annotated[
        str | None, typer.Option(help="Folder address of a mirror, instead of the official one.")
    ] = None,
    home: Home = None,
) -> None:
    """Fetch a data set from its official address.

    Goes on where an earlier try stopped, and checks the MD5 sums.

    \b
    Examples:
      lossdeck data get cifar10
      lossdeck data get mnist --url http://mirror.local/mnist
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from learning.data import catalog, download, search_paths

    config = configure(home=home)
    if name not in download.OFFICIAL:
        raise Failure(
            f"There is no data set {name!r} to fetch; there are {', '.join(sorted(download.OFFICIAL))}."
        )
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(name, total=None)
        download.fetch(
            name,
            search_paths.downloads_folder(config.home),
            url or download.OFFICIAL[name],
            lambda done, total: progress.update(bar, completed=done, total=total),
        )
    print(format_line(catalog.find_summary(name, config.home, config.data)))


@program.command()
def add(
    file: Annotated[Path, typer.Argument(help="An .npz file with X and y, or x_train and y_train, ...")],
    name: Annotated[
        str | None, typer.Option(help="Its name from now on; the file's name by default.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Add a data set of your own.

    It is checked and kept in the home folder.

    \b
    Examples:
      lossdeck data add flowers.npz
      lossdeck data add /tmp/export.npz --name flowers
    """
    from learning.data import catalog

    config = configure(home=home)
    if not file.is_file():
        raise Failure(f"There is no file {file}.")
    summary = catalog.add(file, name or file.stem, config.home)
    print(json.dumps(to_dict(summary)) if as_json else format_line(summary))


def to_dict(summary: "DatasetSummary") -> dict[str, object]:
    return {
        "name": summary.name,
        "ready": summary.ready,
        "n_train": summary.n_train,
        "n_test": summary.n_test,
        "n_features": summary.n_features,
        "image_shape": list(summary.image_shape) if summary.image_shape else None,
        "classes": list(summary.classes),
        "class_counts": list(summary.class_counts),
        "source": str(summary.source),
    }


def format_line(summary: "DatasetSummary") -> str:
    shape = (
        "x".join(map(str, summary.image_shape)) if summary.image_shape else f"{summary.n_features} features"
    )
    return (
        f"{summary.name:<16} {summary.n_train:>7,} train {summary.n_test:>7,} test  {shape:<12} "
        f"{len(summary.classes):>4} classes  {summary.source}"
    )
