"""The command `export`: a sweep as a file."""

import sys
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import Data, DatabaseUrl, Home, configure, open_database
from learning.errors import Failure


class ExportFormat(StrEnum):
    csv = "csv"
    jsonl = "jsonl"
    html = "html"
    transcript = "transcript"


def export(
    sweep: Annotated[int, typer.Argument(help="The sweep's number.")],
    format: Annotated[
        ExportFormat,
        typer.Option(
            help="csv: a row a trial; jsonl: a trial a line, with its epochs; html: a report; "
            "transcript: the lines that the lecture's programs print."
        ),
    ] = ExportFormat.csv,
    out: Annotated[Path | None, typer.Option(help="File to write; stdout by default.")] = None,
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a sweep as a file.

    \b
    Examples:
      lossdeck export 3 > coarse.csv
      lossdeck export 3 --format html --out coarse.html
      lossdeck export 3 --format transcript
    """
    from app.reports import sweep_html, tables, transcript
    from app.usecases import findings
    from store.queue import epochs
    from store.read import sweeps, trials

    config = configure(home=home, data=data, database_url=database_url)
    with closing(open_database(config)) as database:
        with database.read() as connection:
            row = sweeps.get(connection, sweep)
            if row is None:
                raise Failure(f"There is no sweep {sweep}.")
            rows = trials.list_by_sweep(connection, sweep)
            all_epochs = (sweep, 0, sys.maxsize, False)
            curves = () if format == ExportFormat.csv else epochs.list_by_sweep(connection, *all_epochs)[0]
        sweep_findings = findings.find_in_sweep(row, database, config) if format == ExportFormat.html else ()
    if format == ExportFormat.csv:
        text = tables.format_csv(rows)
    elif format == ExportFormat.jsonl:
        text = tables.format_jsonl(rows, curves)
    elif format == ExportFormat.transcript:
        text = transcript.format_sweep(rows, curves, row.trials)
    else:
        text = sweep_html.render_report(row, rows, curves, sweep_findings)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8", newline="")
        print(f"Wrote {out}.", file=sys.stderr)
