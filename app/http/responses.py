"""Answers: the kinds of HTTP answer that routes give when all went well (errors: problems)."""

from starlette.responses import JSONResponse, Response

from app.schemas import json_values


class StrictJSONResponse(JSONResponse):
    """JSON as wire writes it: refuses NaN, and half a surrogate pair cannot break it."""

    def render(self, content: object) -> bytes:
        return json_values.dump_json(content).encode("utf-8", "replace")


def created_response(address: str, body: object) -> StrictJSONResponse:
    """201 with the address of what is new."""
    return StrictJSONResponse(body, status_code=201, headers={"location": address})


def attachment_response(content: str | bytes, name: str, media_type: str) -> Response:
    """A file to keep, under that name."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
