"""Assets: the files pages load, out of static/ and, for plotly.js, out of the installed plotly package."""

import gzip
from functools import cache
from pathlib import Path

import plotly
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

PACKAGE_DATA = Path(plotly.__file__).parent / "package_data"
FOREVER = "public, max-age=31536000, immutable"
GZIP_LEVEL = 6  # 0.1 s once, 1.5 MB instead of 4.8

router = APIRouter(include_in_schema=False)
_files = StaticFiles(directory=Path(__file__).parent.parent / "static")


def plotly_version() -> str:
    """The version of plotly.js in the package, out of the file's own first lines."""
    with (PACKAGE_DATA / "plotly.min.js").open(encoding="utf-8") as file:
        head = file.read(200)
    return head.partition("plotly.js v")[2].split()[0]


PLOTLY_PATH = f"/static/plotly-{plotly_version()}.min.js"


@router.get(PLOTLY_PATH)
def plotly_js(request: Request) -> Response:
    """plotly.js; its version is in the address, so browsers may keep it for ever."""
    headers = {"cache-control": FOREVER, "vary": "accept-encoding"}
    packed = "gzip" in request.headers.get("accept-encoding", "")
    body = _packed() if packed else (PACKAGE_DATA / "plotly.min.js").read_bytes()
    if packed:
        headers["content-encoding"] = "gzip"
    return Response(body, headers=headers, media_type="text/javascript")


@router.get("/static/{path:path}")
async def static(path: str, request: Request) -> Response:
    """Our own files: asked for again at each visit, sent only when they changed."""
    answer = await _files.get_response(path, request.scope)
    answer.headers["cache-control"] = "no-cache"
    return answer


@cache
def _packed() -> bytes:
    return gzip.compress((PACKAGE_DATA / "plotly.min.js").read_bytes(), GZIP_LEVEL, mtime=0)
