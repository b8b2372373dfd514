"""Parameters: a query parameter that an address does not know is refused, not ignored (checks no values)."""

from fastapi import Request

from app.http.problems import invalid_fields
from learning.errors import FieldError


def reject_unknown_params(request: Request) -> None:
    """A dependency of routes: raises a Problem, 422, that names what the route does not take."""
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
