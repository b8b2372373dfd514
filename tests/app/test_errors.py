"""The tree of errors is as its module draws it, and the doors use the statuses and exit codes drawn there."""

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.http import problems
from app.operations import exit_codes
from learning import errors
from learning.errors import LossdeckError

_LINE = re.compile(r"^(?P<stem>[│ ]*[├└]── )?(?P<name>\w+) +(?P<status>\d{3}|-)? *(?P<exit>\d)?")


def drawn() -> dict[str, tuple[str, str, str]]:
    """By name: its parent, status and exit code; what a line leaves out is its parent's."""
    rows: dict[str, tuple[str, str, str]] = {}
    above = [("", "", "")]  # the branch down to the line before
    for line in (errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0].splitlines():
        found = _LINE.match(line)
        assert found, line
        depth = len(found["stem"] or "") // 4
        del above[depth + 1 :]
        parent, status, code = above[-1]
        row = (found["status"] or status, found["exit"] or code)
        if depth:
            rows[found["name"]] = (parent, *row)
        above.append((found["name"], *row))
    return rows


def kinds(kind: type[LossdeckError] = LossdeckError) -> list[type[LossdeckError]]:
    return [found for child in kind.__subclasses__() for found in (child, *kinds(child))]


def made(kind: type[LossdeckError]) -> LossdeckError:
    """An error of this kind, without the arguments of its own constructor."""
    error = kind.__new__(kind)
    error.args = ("It cannot be.",)
    error.errors = (errors.FieldError("lr", -1, "It cannot be."),)  # type: ignore[attr-defined]
    error.field = "filter"  # type: ignore[attr-defined]
    return error


def test_the_module_draws_every_kind() -> None:
    parents = {kind.__name__: kind.__bases__[0].__name__ for kind in kinds()}
    assert {name: parent for name, (parent, _, _) in drawn().items()} == parents


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_the_command_line_ends_with_the_drawn_exit_code_and_the_sentence(kind: type[LossdeckError]) -> None:
    assert str(exit_codes.exit_code(made(kind))) == drawn()[kind.__name__][2]
    assert exit_codes.explain(made(kind)) == "It cannot be."


@pytest.mark.parametrize(
    "kind",
    [kind for kind in kinds() if not issubclass(kind, errors.Failure)],  # only commands raise that
    ids=lambda kind: kind.__name__,
)
def test_a_route_answers_with_the_drawn_status(kind: type[LossdeckError]) -> None:
    status = drawn()[kind.__name__][1]
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def fail() -> None:
        raise made(kind)

    answer = TestClient(app, raise_server_exceptions=False).get("/")
    assert str(answer.status_code) == status
