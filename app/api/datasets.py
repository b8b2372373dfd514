"""Routes for data sets: list them, add and delete one of your own."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile

from app.http.problems import Problem, invalid_field, not_found
from app.http.resources import Resources
from app.schemas.datasets import DatasetOut, DatasetsOut
from app.schemas.fields import MAX_NAME
from learning.data import catalog
from learning.data.catalog import DatasetSummary
from learning.errors import DatasetError
from store.read import sweeps

router = APIRouter(prefix="/api/datasets", tags=["datasets"])


@router.get("", response_model=DatasetsOut)
def list_datasets(resources: Resources) -> dict[str, object]:
    """Every data set that is known; `ready` are those on this machine."""
    return {"datasets": catalog.list_summaries(resources.config.home, resources.config.data)}


@router.get("/{name}", response_model=DatasetOut)
def read_dataset(name: str, resources: Resources) -> DatasetSummary:
    """One data set."""
    for summary in catalog.list_summaries(resources.config.home, resources.config.data):
        if summary.name == name:
            return summary
    raise not_found("data set", name[:MAX_NAME])


@router.post("", status_code=201, response_model=DatasetOut)
def add_dataset(
    resources: Resources,
    response: Response,
    file: Annotated[
        UploadFile, File(description="An .npz with X and y, or x_train, y_train, x_test, y_test.")
    ],
    name: Annotated[str, Form(min_length=1, max_length=200, description="What to call it.")],
) -> DatasetSummary:
    """Add a data set of your own; nothing is kept of a file that does not fit."""
    with _blame_field("name", name):
        catalog.check_vacant(name, resources.config.home)
    resources.config.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=resources.config.home, prefix="upload-") as folder:
        path = Path(folder) / "upload.npz"  # never the client's file name
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target, 1 << 20)
        shown_name = _display_name(file.filename, name)
        with _blame_field("file", file.filename):
            summary = catalog.add(path, name, resources.config.home, file_name=shown_name)
    response.headers["location"] = f"/api/datasets/{summary.name}"
    return summary


@router.delete("/{name}", status_code=204)
def delete_dataset(name: str, resources: Resources) -> Response:
    """Delete a data set of your own that no sweep is running on; weights learnt from it are kept."""
    if catalog.is_built_in(name):
        raise Problem(409, f"{name} is one of Lossdeck's own data sets and cannot be deleted.")
    with resources.database.read() as c:
        needed = sweeps.find_open(c, name)
    if needed is not None:
        raise Problem(409, f"Sweep {needed} still needs the data set {name}; stop or cancel it first.")
    try:
        catalog.remove(name, resources.config.home)
    except DatasetError as error:
        raise not_found("data set", name[:MAX_NAME]) from error
    return Response(status_code=204)


def _display_name(filename: str | None, name: str) -> str:
    """The uploaded file's name without its folders; the data set's name where that is not printable."""
    base = re.split(r"[/\\]", filename or "")[-1].strip()
    return base[:MAX_NAME] if base and base.isprintable() else f"{name}.npz"


@contextmanager
def _blame_field(field: str, value: str | None) -> Iterator[None]:
    """Turns a DatasetError into a problem of this field."""
    try:
        yield
    except DatasetError as error:
        raise invalid_field(field, value, str(error)) from error
