"""Responses that are not the JSON of a route's model: that of another model, and files to download."""

from starlette.responses import Response

from app.schemas.fields import Out


def model_response(body: Out, status: int) -> Response:
    """A model that is not the route's usual one."""
    return Response(body.model_dump_json(), status, media_type="application/json")


def attachment_response(content: str | bytes, name: str, media_type: str) -> Response:
    """A file to download under this name."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
