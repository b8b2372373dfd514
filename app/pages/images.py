"""PNG files of training images and of first-layer weights."""

from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter
from starlette.responses import Response

from app.http.problems import not_found
from app.http.resources import AppResources, Resources
from app.render import png
from app.schemas.fields import Id
from learning.data import catalog
from learning.data.dataset import sample_images
from learning.errors import Damaged
from learning.training.checkpoint_state import TrainingState
from store.read import files_in_use, sweeps, trials
from store.read.trials import Trial

SAMPLES_PER_CLASS = 12  # sample images of each class
WEIGHT_COLUMNS = 10  # of first-layer weights in one picture

router = APIRouter(include_in_schema=False)


@router.get("/datasets/{name}/classes/{label}.png")
def show_class_samples(name: str, label: int, resources: Resources) -> Response:
    """The first training images of one class, in a row."""
    images = sample_images(
        catalog.load(name, resources.config.home, resources.config.data), SAMPLES_PER_CLASS
    )
    if images is None or not 0 <= label < len(images):
        raise not_found("picture of class", label)
    return _png_response(
        png.tile_images(_keep_grey_or_rgb(images[label]), SAMPLES_PER_CLASS), "private, max-age=3600"
    )


@router.get("/trials/{id}/weights.png")
def show_weights(id: Id, resources: Resources) -> Response:
    """The first-layer weights of a trial, each hidden unit scaled on its own; 204 if none are stored."""
    with resources.database.read() as c:
        trial = trials.get(c, id)
        sweep = sweeps.get(c, trial.sweep_id) if trial is not None else None
    if trial is None or sweep is None:
        raise not_found("trial", id)
    shape = catalog.find_summary(sweep.dataset, resources.config.home, resources.config.data).image_shape
    first = load_first_layer(trial, resources)
    if shape is None or first is None:
        return Response(status_code=204)
    images = png.scale_to_bytes(first.T.reshape(-1, *shape), per_image=True)
    return _png_response(png.tile_images(_keep_grey_or_rgb(images), WEIGHT_COLUMNS), "private, max-age=3600")


def load_first_layer(trial: Trial, resources: AppResources) -> npt.NDArray[np.floating[Any]] | None:
    """W1 (D, H) of the stored model, else of the group's last checkpoint; None if neither has the trial."""
    try:
        model = resources.files.load_model(trial.id)
        if model is not None:
            return np.asarray(model[0]["W1"])
        with resources.database.read() as c:
            refs = files_in_use.find_checkpoints(c, trial.id)
        for ref in refs:
            state = TrainingState.from_arrays(resources.files.load_checkpoint(ref))
            if trial.id in state.keys:
                return np.asarray(state.weights(trial.id)["W1"])
        return None
    except (Damaged, KeyError):  # the trial left the group, or a newer checkpoint just replaced this one
        return None


def _keep_grey_or_rgb(images: png.Pixels) -> png.Pixels:
    """Grey and RGB images unchanged; of any other number of channels only the first."""
    return images if images.shape[3] in (1, 3) else images[:, :, :, :1]


def _png_response(pixels: png.Pixels, keep: str) -> Response:
    return Response(png.encode(pixels), media_type="image/png", headers={"cache-control": keep})
