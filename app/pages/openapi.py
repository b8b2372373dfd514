"""The OpenAPI document with the Problem schema, and a page that shows it and loads nothing from elsewhere."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse

from app.http.problems import MEDIA_TYPE
from app.render.templates import render

Schema = dict[str, Any]

_REF = "#/components/schemas/"
PROBLEM_SCHEMA: Schema = {
    "title": "Problem",
    "description": "An error, as RFC 9457 says it.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "The phrase of the status"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what would do, in a sentence"},
        "errors": {
            "type": "array",
            "description": "For bad input: each field that is wrong",
            "items": {
                "type": "object",
                "required": ["field", "value", "message"],
                "properties": {"field": {"type": "string"}, "value": {}, "message": {"type": "string"}},
            },
        },
        "request_id": {
            "type": "string",
            "description": "For status 500: what to look for in the server's log",
        },
    },
}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "Refused; `errors` names each bad field",
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{_REF}Problem"}}},
    }
}

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def show_docs(request: Request) -> HTMLResponse:
    """Every route with its parameters, its body and its answers."""
    document = request.app.openapi()
    schemas = document["components"]["schemas"]
    return HTMLResponse(
        render(
            "rest_api.html",
            document=document,
            groups=group_operations(document),
            schemas=schemas,
            describe_type=describe_type,
        )
    )


def install(app: FastAPI) -> None:
    """Adds the Problem schema to the document."""

    def openapi() -> Schema:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def group_operations(document: Schema) -> Mapping[str, list[Schema]]:
    """The operations by their tag, in the order of the routes."""
    groups: dict[str, list[Schema]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            entry = operation | {"method": method.upper(), "path": path}
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(entry)
    return groups


def describe_type(schema: Schema) -> str:
    """A schema's type in a few words, such as `list of TrialOut` or `number or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REF)
    if "anyOf" in schema:
        return " or ".join(describe_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {describe_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))
