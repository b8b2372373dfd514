"""Serves the files that pages load: those of static/, and plotly.js of the installed plotly package.

Addresses contain a hash of all files, so browsers keep what they have and never mix two editions.
"""

import gzip
import hashlib
import mimetypes
import posixpath
import re
from functools import cache
from pathlib import Path

import plotly
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.http.problems import Problem

STATIC = Path(__file__).parents[2] / "static"
FILES = {
    file.relative_to(STATIC).as_posix(): file.read_bytes() for file in STATIC.rglob("*") if file.is_file()
}
PACKAGE_DATA = Path(plotly.__file__).parent / "package_data"
FOREVER = "public, max-age=31536000, immutable"
GZIP_LEVEL = 6  # 0.1 s once, 1.5 MB instead of 4.8

router = APIRouter(include_in_schema=False)
_IMPORTED = re.compile(r'(?:\bfrom|^import) "(\.[\w./]+)"', re.MULTILINE)


def _hash_files() -> str:
    digest = hashlib.sha256()
    for name, body in sorted(FILES.items()):
        digest.update(name.encode() + b"\0" + body)
    return digest.hexdigest()[:12]


EDITION = _hash_files()


def asset_url(name: str) -> str:
    """The address of a file of static/, such as "core/dom.js"."""
    return f"/static/{EDITION}/{name}"


@cache
def find_modules(name: str) -> tuple[str, ...]:
    """A module and all that it imports, directly or not, in the order in which they are found."""
    found = [name]
    for importer in found:  # grows meanwhile
        paths = _IMPORTED.findall(FILES[importer].decode())
        imported = [posixpath.normpath(posixpath.join(posixpath.dirname(importer), path)) for path in paths]
        found += [module for module in dict.fromkeys(imported) if module not in found]
    return tuple(found)


def read_plotly_version() -> str:
    """The version of plotly.js in the package, from the file's first lines."""
    with (PACKAGE_DATA / "plotly.min.js").open(encoding="utf-8") as file:
        head = file.read(200)
    return head.partition("plotly.js v")[2].split()[0]


PLOTLY_PATH = f"/static/plotly-{read_plotly_version()}.min.js"


@router.get(PLOTLY_PATH)
def serve_plotly(request: Request) -> Response:
    """plotly.js; its version is in the address, so browsers may keep it forever."""
    headers = {"cache-control": FOREVER, "vary": "accept-encoding"}
    gzipped = "gzip" in request.headers.get("accept-encoding", "")
    body = _compress_plotly() if gzipped else (PACKAGE_DATA / "plotly.min.js").read_bytes()
    if gzipped:
        headers["content-encoding"] = "gzip"
    return Response(body, headers=headers, media_type="text/javascript")


@router.get("/static/{path:path}")
async def serve_file(path: str, request: Request) -> Response:
    """Files of static/: cached forever under the address of their edition, else checked at each visit."""
    edition, _, name = ("", "", path) if path in FILES else path.partition("/")
    if name not in FILES:
        raise Problem(404, f"There is no file {name[:50]!r} here.")
    headers = {"cache-control": FOREVER if edition == EDITION else "no-cache"}
    return Response(FILES[name], headers=headers, media_type=mimetypes.guess_type(name)[0])


@cache
def _compress_plotly() -> bytes:
    return gzip.compress((PACKAGE_DATA / "plotly.min.js").read_bytes(), GZIP_LEVEL, mtime=0)
