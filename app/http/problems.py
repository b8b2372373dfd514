"""Error responses: every error becomes an RFC 9457 `application/problem+json`."""

import json
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from app.http.head_requests import STREAM_PATH
from app.text.validation_messages import describe_error, truncate
from learning.errors import (
    MAX_VALUE_CHARACTERS,
    Conflict,
    Damaged,
    DatasetError,
    FieldError,
    FilterError,
    IdempotencyConflict,
    Invalid,
    NotFound,
    NotInstalled,
    format_value,
)

MEDIA_TYPE = "application/problem+json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_ERRORS = 50  # bad fields listed in one response
MAX_ERRORS_IN_DETAIL = 5  # messages repeated in `detail`

log = logging.getLogger("lossdeck")


class Problem(Exception):  # noqa: N818  the RFC's word
    """An answer with an error status; `detail` is one whole sentence."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers


def not_found(noun: str, number: int | str) -> Problem:
    """404 for something that does not exist."""
    return Problem(404, f"There is no {noun} {number}.")


def invalid_field(field: str, value: object, message: str) -> Problem:
    """422 for one field."""
    return Problem(422, message, [FieldError(field, value, message)])


def invalid_fields(errors: Sequence[FieldError], total: int | None = None) -> Problem:
    """422 for several fields; `detail` has the first messages, and how many of `total` it leaves out."""
    messages = [truncate(error.message) for error in errors[:MAX_ERRORS_IN_DETAIL]]
    more = (total or len(errors)) - len(messages)
    return Problem(422, " ".join([*messages, *([f"And {more} more."] if more else [])]), errors)


def to_response(problem: Problem, **extra: object) -> Response:
    """The HTTP response. ASCII only, so that even half a surrogate pair in a value can be sent back."""
    body: dict[str, object] = {
        "type": "about:blank",  # the status says it all; its title is the HTTP phrase
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = [_error_json(error) for error in problem.errors[:MAX_ERRORS]]
    text = json.dumps(body | extra, ensure_ascii=True, allow_nan=False)
    return Response(text, problem.status, dict(problem.headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Turn every error that a route raises into a problem response."""

    def register(kind: type[Exception], to_problem: Any) -> None:
        async def handle(_request: Request, error: Exception) -> Response:
            return to_response(to_problem(error))

        app.add_exception_handler(kind, handle)

    register(Problem, lambda error: error)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    register(RequestValidationError, _from_validation)
    register(Invalid, lambda error: invalid_fields(error.errors))
    register(FilterError, lambda error: invalid_field(error.field, None, str(error)))
    register(DatasetError, lambda error: invalid_field("dataset", None, str(error)))
    register(NotInstalled, lambda error: Problem(501, str(error)))
    register(Damaged, lambda error: Problem(500, str(error)))
    register(NotFound, lambda error: Problem(404, str(error)))
    register(Conflict, lambda error: Problem(409, str(error)))
    register(IdempotencyConflict, _from_idempotency)


def internal_error(error: Exception, request_id: str, where: str) -> Response:
    """500: the traceback goes to the log, its number to the client."""
    log.error("request %s: %s failed", request_id, where, exc_info=error)
    detail = f"Something went wrong in the server; its log tells more under request {request_id}."
    return to_response(Problem(500, detail), request_id=request_id)


async def _handle_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return to_response(_method_not_allowed(request) if error.status_code == 405 else _from_http(error))


def _method_not_allowed(request: Request) -> Problem:
    """405 with every method of the address; Starlette's own names only those of one route."""
    allowed = [method for method in METHODS if _accepts(request, method)]
    if "GET" in allowed and request.url.path != STREAM_PATH:
        allowed.insert(1, "HEAD")
    detail = f"{request.method[:20]} is not possible at this address; it takes {', '.join(allowed)}."
    return Problem(405, detail, headers={"allow": ", ".join(allowed)})


def _accepts(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


def _from_http(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    details = {
        404: "There is nothing at this address.",
        413: "The body of the request is too large.",
    }
    given = str(error.detail)
    if given == "There was an error parsing the body":  # the framework's, for what its parser gives up on
        given = "The body cannot be read: it is nested too deeply, or is not what its Content-Type says."
    detail = given if given != phrase else details.get(error.status_code, f"{phrase}.")
    return Problem(error.status_code, detail, headers=error.headers)


def _from_validation(error: RequestValidationError) -> Problem:
    errors = error.errors()
    return invalid_fields([_field_error(item) for item in errors[:MAX_ERRORS]], len(errors))


def _field_error(item: Mapping[str, Any]) -> FieldError:
    """The field, value and message of one of pydantic's errors."""
    if item["type"] == "json_invalid":
        reason = item.get("ctx", {}).get("error", "")
        return FieldError(
            "body", None, f"The body is not valid JSON: {reason} at character {item['loc'][-1]}."
        )
    field = _field_path(item["loc"][1:]) or str(item["loc"][0])
    if isinstance(item["input"], bytes):
        message = "The body must be JSON, sent with the header Content-Type: application/json."
        return FieldError("body", None, message)
    value = None if item["type"] == "missing" else item["input"]
    return FieldError(field, value, describe_error(field, item))


def _field_path(location: Iterable[object]) -> str:
    """`points[3].lr` for ("points", 3, "lr")."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _from_idempotency(_error: IdempotencyConflict) -> Problem:
    return Problem(
        422, "This Idempotency-Key was already used with another body; use a new key for a new request."
    )


def _error_json(error: FieldError) -> dict[str, object]:
    return {
        "field": truncate(error.field),
        "value": _value_json(error.value),
        "message": truncate(error.message),
    }


def _value_json(value: object) -> object:
    """The value itself where it is short and has JSON, else its beginning as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        if len(json.dumps(value, allow_nan=False)) <= MAX_VALUE_CHARACTERS:
            return value
    except (TypeError, ValueError, RecursionError):
        return format_value(value)
    return format_value(value)
