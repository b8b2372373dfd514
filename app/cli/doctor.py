"""The commands `token` and `doctor`: the server's token, and checks of this installation."""

import dataclasses
import json
import sys
from typing import Annotated

import typer

from app.cli.options import Data, DatabaseUrl, Home, Host, Json, Port, configure
from app.http import token_file
from app.operations.exit_codes import DONE, FAILED
from learning.errors import Failure, WrongUsage


def token(
    new: Annotated[bool, typer.Option("--new", help="Make a new one in place of the kept one.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the kept one.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Make it if need be, but do not print it.")] = False,
    home: Home = None,
) -> None:
    """Print the server's token; make one if there is none.

    LOSSDECK_TOKEN counts if it is set, else the file `token` in the home folder, which this
    command makes (256 random bits, readable by you alone). Once there is a token, the server asks everybody
    for it, from its next start on: in the header `Authorization: Bearer TOKEN`, or in the form at /login.

    \b
    Examples:
      lossdeck token
      lossdeck token --new
      curl -H "Authorization: Bearer $(lossdeck token)" http://127.0.0.1:8000/api/sweeps
    """
    config = configure(home=home)
    if new and remove:
        raise WrongUsage("--new and --remove exclude each other.")
    if config.token and (new or remove):
        raise Failure("LOSSDECK_TOKEN is set and counts; change it there.")
    if remove:
        existed = token_file.remove(config.home)
        print("Removed the token." if existed else "There was no token.", file=sys.stderr)
        return
    exists = config.token or (not new and token_file.read(config.home))
    text = token_file.replace(config.home) if new else config.token or token_file.ensure(config.home)
    if not exists:
        print("Made a token; the server asks for it from its next start on.", file=sys.stderr)
    if not quiet:
        print(text)


def doctor(
    only: Annotated[
        str | None, typer.Option(help="Names of checks, separated by commas; all by default.")
    ] = None,
    home: Home = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    host: Host = None,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Check this installation.

    A line for each check, and what to do about each problem; the exit code is 1 if there is one.

    \b
    Examples:
      lossdeck doctor
      lossdeck doctor --only database,workers --json
    """
    from app.operations.doctor_checks import CHECKS, run_checks

    config = configure(home=home, data=data, database_url=database_url, host=host, port=port)
    names = only.split(",") if only else list(CHECKS)
    if unknown := sorted(set(names) - set(CHECKS)):
        raise WrongUsage(f"There is no check {', '.join(unknown)}; there are {', '.join(CHECKS)}.")
    checks = run_checks(config, names)
    if as_json:
        print(json.dumps([dataclasses.asdict(check) | {"ok": check.ok} for check in checks]))
    else:
        for check in checks:
            print(f"{'ok     ' if check.ok else 'problem'}  {check.name:<9} {check.found}")
            if not check.ok:
                print(f"{'':<19}to do: {check.advice}")
    raise typer.Exit(DONE if all(check.ok for check in checks) else FAILED)
