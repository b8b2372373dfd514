"""The program `lossdeck`: its commands, its exit codes, and how it reports errors.

Numbers go to stdout, everything else to stderr. Exit codes: 0 done, 1 something failed, 2 wrong usage, 3 no
worker to wait for, 130 interrupted. Whatever is slow to import is imported by the command that needs it.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer import exceptions

from app.cli import autopilot, data, doctor, export, maintenance, model, preflight, processes, repeat, sweep
from app.operations.exit_codes import DONE, FAILED, INTERRUPTED, exit_code, explain
from app.text import validation_messages

program = typer.Typer(
    name="lossdeck",
    help="The cross-validation command center: submit a hyper-parameter search, watch every loss curve live, "
    "read what is wrong with it.",
    epilog="Start with: lossdeck up --demo",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: tuple[Callable[..., None], ...] = (
    processes.up,
    processes.serve,
    processes.worker,
    processes.migrate,
    sweep.sweep,
    preflight.preflight,
    autopilot.autopilot,
    repeat.repeat,
    export.export,
    model.model,
    model.predict,
    maintenance.backup,
    maintenance.restore,
    maintenance.prune,
    doctor.token,
    doctor.doctor,
)
for command in COMMANDS:
    program.command()(command)
program.add_typer(data.program, name="data")


def print_version(wanted: bool) -> None:
    """Prints the version and exits if --version was given."""
    if wanted:
        from importlib import metadata

        print(f"lossdeck {metadata.version('lossdeck')}")
        raise typer.Exit


@program.callback()
def accept_options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Options before any command."""


def main() -> None:
    """The program `lossdeck`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; an error the user can fix is one sentence on stderr."""
    try:
        code = int(program(args=arguments, prog_name="lossdeck", standalone_mode=False) or DONE)
        sys.stdout.flush()  # here, where a reader that has left can still be noticed
        return code
    except exceptions.TyperException as error:
        return print_error(explain_usage(error), error.exit_code)
    except (KeyboardInterrupt, exceptions.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # As in `lossdeck export 1 | head`. What is still buffered must go somewhere when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        return print_error(sentence, exit_code(error))


def explain_usage(error: exceptions.TyperException) -> str:
    """What is wrong with a command line, in one sentence, and which --help describes it."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "lossdeck"
    sentence = _explain_value(error) or error.format_message()
    return f"{sentence}{'' if sentence.endswith(('.', '?')) else '.'} See {command} --help."


def _explain_value(error: exceptions.TyperException) -> str | None:
    """What is wrong with the value of an option or argument; None if the error is of another kind."""
    param, errors = getattr(error, "param", None), getattr(error.__cause__, "errors", None)
    if param is None or errors is None:
        return None
    name, found = param.get_error_hint().strip("'"), errors()[0]
    if found["type"] == "value_error":
        return f"{name}: {found['ctx']['error']}"
    return validation_messages.describe_error(name, found)


def print_error(sentence: str, code: int) -> int:
    """Prints why the command failed and returns its exit code."""
    print(f"lossdeck: {sentence}", file=sys.stderr)
    return code
