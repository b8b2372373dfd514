"""Refuse query parameters that a route does not have, instead of ignoring them."""

from fastapi import Request

from app.http.problems import invalid_fields
from learning.errors import FieldError


def reject_unknown_params(request: Request) -> None:
    """A dependency of routes. Raises a Problem, 422, with an error for each unknown parameter."""
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    taken = f"it takes {', '.join(known)}" if known else "it takes none"
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise invalid_fields(
            [
                FieldError(
                    name, request.query_params[name], f"{name} is no parameter of this address; {taken}."
                )
                for name in unknown
            ]
        )
