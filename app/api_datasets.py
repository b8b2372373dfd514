"""Routes of data sets: what is known, and adding one of your own."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import JSONResponse

from app import bodies, wire
from app.answers import Answer, created
from app.problems import missing
from app.state import Parts
from learning import catalog

router = APIRouter(prefix="/api/datasets", tags=["datasets"])


@router.get("", response_model=bodies.DatasetsOut)
def listed(parts: Parts) -> JSONResponse:
    """Every data set that is known; `ready` are those on this machine."""
    found = catalog.summaries(parts.config.home, parts.config.data)
    return Answer({"datasets": [wire.dataset(summary) for summary in found]})


@router.get("/{name}", response_model=bodies.DatasetOut)
def show(name: str, parts: Parts) -> JSONResponse:
    """One data set."""
    for summary in catalog.summaries(parts.config.home, parts.config.data):
        if summary.name == name:
            return Answer(wire.dataset(summary))
    raise missing("data set", name[: bodies.MAX_NAME])


@router.post("", status_code=201, response_model=bodies.DatasetOut)
def add(
    parts: Parts,
    file: Annotated[
        UploadFile, File(description="An .npz with X and y, or x_train, y_train, x_test, y_test.")
    ],
    name: Annotated[str, Form(min_length=1, max_length=64, description="What to call it.")],
) -> JSONResponse:
    """Add a data set of your own; nothing is kept of a file that does not fit."""
    parts.config.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parts.config.home, prefix="upload-") as folder:
        path = Path(folder) / "upload.npz"  # never the client's file name
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target, 1 << 20)
        summary = catalog.add(path, name, parts.config.home)
    return created(f"/api/datasets/{summary.name}", wire.dataset(summary))
