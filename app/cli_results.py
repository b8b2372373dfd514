"""Owns the commands that take results out: export and predict (app.export formats, learning scores)."""

import json
import sys
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.failure import Failure
from app.options import DatabaseUrl, Home, Json, configure

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = (
    "X",
    "x_test",
    "X_test",
    "x",
)  # names under which a file may hold the examples, the first found counts


class Format(StrEnum):
    csv = "csv"
    jsonl = "jsonl"
    html = "html"
    transcript = "transcript"


def export(
    sweep: Annotated[int, typer.Argument(help="The sweep's number.")],
    format: Annotated[
        Format,
        typer.Option(
            help="csv: a row a trial; jsonl: a trial a line, with its epochs; html: a report; "
            "transcript: the lines that the lecture's programs print."
        ),
    ] = Format.csv,
    out: Annotated[Path | None, typer.Option(help="File to write; stdout by default.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a sweep as a file.

    \b
    Examples:
      lossdeck export 3 > coarse.csv
      lossdeck export 3 --format html --out coarse.html
      lossdeck export 3 --format transcript
    """
    from app import export as formats
    from app import report, transcript
    from app.cli_keep import opened
    from store import epochs, sweeps, trials

    config = configure(home=home, database_url=database_url)
    with closing(opened(config)) as database, database.read() as connection:
        row = sweeps.get(connection, sweep)
        if row is None:
            raise Failure(f"There is no sweep {sweep}.")
        rows = trials.of_sweep(connection, sweep)
        curves = () if format == Format.csv else epochs.of_sweep(connection, sweep, 0, sys.maxsize, False)[0]
    if format == Format.csv:
        text = formats.csv_text(rows)
    elif format == Format.jsonl:
        text = formats.jsonl_text(rows, curves)
    elif format == Format.transcript:
        text = transcript.of_sweep(rows, curves, row.trials)
    else:
        text = report.html_text(row, rows, curves)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8", newline="")
        print(f"Wrote {out}.", file=sys.stderr)


def predict(
    trial: Annotated[int, typer.Argument(help="The trial's id, as its page and the export show it.")],
    file: Annotated[Path, typer.Argument(help="An .npz file with X: an example a row, raw as in training.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Classify new examples with a trial's weights.

    A line for each example: its class, and the probability of every class in the data set's order.

    \b
    Examples:
      lossdeck predict 12 new.npz
      lossdeck predict 12 new.npz --json
    """
    from app.prediction import predict_classes

    config = configure(home=home)
    prediction = predict_classes(trial, examples(file), config.home)
    rows = zip(prediction.classes, prediction.probabilities.tolist(), strict=True)
    if as_json:
        print(
            json.dumps(
                [
                    {"class": name, "probabilities": dict(zip(prediction.names, row, strict=True))}
                    for name, row in rows
                ]
            )
        )
        return
    for name, row in rows:
        print(name, *(f"{probability:.6f}" for probability in row))


def examples(file: Path) -> "NDArray[Any]":
    """The examples in a file, (N, ...) as they are."""
    import zipfile

    import numpy as np

    if not file.is_file():
        raise Failure(f"There is no file {file}.")
    try:
        with np.load(file, allow_pickle=False) as archive:
            name = next((name for name in INPUTS if name in archive), None)
            if name is None:
                found = ", ".join(archive) or "nothing"
                raise Failure(f"{file} has none of the arrays {', '.join(INPUTS)}; it has {found}.")
            found_array: NDArray[Any] = archive[name]
            return found_array
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise Failure(f"{file} is not an .npz file of plain arrays.") from error
