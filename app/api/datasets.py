"""Routes of data sets: what is known, adding and deleting one of your own."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import JSONResponse, Response

from app.http.problems import Problem, invalid_field, not_found
from app.http.resources import Resources
from app.http.responses import StrictJSONResponse, created_response
from app.schemas.datasets import DatasetOut, DatasetsOut, dataset_json
from app.schemas.fields import MAX_NAME
from learning.data import catalog
from learning.errors import DatasetError
from store.read import sweeps

router = APIRouter(prefix="/api/datasets", tags=["datasets"])


@router.get("", response_model=DatasetsOut)
def list_datasets(parts: Resources) -> JSONResponse:
    """Every data set that is known; `ready` are those on this machine."""
    found = catalog.summaries(parts.config.home, parts.config.data)
    return StrictJSONResponse({"datasets": [dataset_json(summary) for summary in found]})


@router.get("/{name}", response_model=DatasetOut)
def read_dataset(name: str, parts: Resources) -> JSONResponse:
    """One data set."""
    for summary in catalog.summaries(parts.config.home, parts.config.data):
        if summary.name == name:
            return StrictJSONResponse(dataset_json(summary))
    raise not_found("data set", name[:MAX_NAME])


@router.post("", status_code=201, response_model=DatasetOut)
def add_dataset(
    parts: Resources,
    file: Annotated[
        UploadFile, File(description="An .npz with X and y, or x_train, y_train, x_test, y_test.")
    ],
    name: Annotated[str, Form(min_length=1, max_length=200, description="What to call it.")],
) -> JSONResponse:
    """Add a data set of your own; nothing is kept of a file that does not fit."""
    with _blame_field("name", name):
        catalog.check_vacant(name, parts.config.home)
    parts.config.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parts.config.home, prefix="upload-") as folder:
        path = Path(folder) / "upload.npz"  # never the client's file name
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target, 1 << 20)
        with _blame_field("file", file.filename):
            summary = catalog.add(path, name, parts.config.home, called=_display_name(file.filename, name))
    return created_response(f"/api/datasets/{summary.name}", dataset_json(summary))


@router.delete("/{name}", status_code=204)
def delete_dataset(name: str, parts: Resources) -> Response:
    """Delete a data set of your own that no sweep is running on; weights learnt from it are kept."""
    if catalog.is_built_in(name):
        raise Problem(409, f"{name} is one of Lossdeck's own data sets and cannot be deleted.")
    with parts.database.read() as c:
        needed = sweeps.open_on(c, name)
    if needed is not None:
        raise Problem(409, f"Sweep {needed} still needs the data set {name}; stop or cancel it first.")
    try:
        catalog.remove(name, parts.config.home)
    except DatasetError as error:
        raise not_found("data set", name[:MAX_NAME]) from error
    return Response(status_code=204)


def _display_name(filename: str | None, name: str) -> str:
    """The file's own name without folders, fit to be shown; after the data set where that is not text."""
    own = re.split(r"[/\\]", filename or "")[-1].strip()
    return own[:MAX_NAME] if own and own.isprintable() else f"{name}.npz"


@contextmanager
def _blame_field(field: str, value: str | None) -> Iterator[None]:
    """What is wrong with a data set is told of that field."""
    try:
        yield
    except DatasetError as error:
        raise invalid_field(field, value, str(error)) from error
