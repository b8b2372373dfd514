"""Error answers as HTML pages, for browsers that asked for a page."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from app.render.templates import render_page

Handler = Callable[[Request, Any], Awaitable[Response]]


def install(app: FastAPI) -> None:
    """Wraps every exception handler of the app; call it after http.problems.install."""
    for kind, handler in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _wrap(handler))


def _wrap(handler: Any) -> Handler:
    """The same answer, as a page if a browser asked for a page."""

    async def handle(request: Request, error: Any) -> Response:
        answer: Response = await handler(request, error)
        if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return answer
        problem = json.loads(bytes(answer.body))
        status = answer.status_code
        return render_page(
            "error.html", status, number=status, title=problem["title"], detail=problem["detail"]
        )

    return handle
