"""The successful HTTP responses: JSON, 201 Created and file downloads; app.http.problems has the errors."""

from starlette.responses import JSONResponse, Response

from app.schemas import json_values


class StrictJSONResponse(JSONResponse):
    """JSON as json_values writes it: NaN raises ValueError, half a surrogate pair becomes `?`."""

    def render(self, content: object) -> bytes:
        return json_values.dump_json(content).encode("utf-8", "replace")


def created_response(location: str, body: object) -> StrictJSONResponse:
    """201 with the address of the new resource."""
    return StrictJSONResponse(body, status_code=201, headers={"location": location})


def attachment_response(content: str | bytes, name: str, media_type: str) -> Response:
    """A file to download under this name."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
