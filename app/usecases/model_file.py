"""Model files: write trained nets as .npz or .safetensors, and read them.

A file of one net holds its arrays (W1, b1, ..., "preprocess.mean", ...) and `about`, a JSON text with its
settings, its classes and where it comes from. In a file of several nets each array's name begins with the
number of its net ("0.W1"), and `about` lists the nets. Texts are arrays in an .npz and metadata in a
.safetensors.
"""

import importlib.util
import io
import itertools
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from learning.errors import Failure, Invalid, NotInstalled
from learning.settings import Settings
from learning.training.net import Array
from learning.training.prediction import TrainedNet, predict_probabilities
from store.read.trials import Trial

Format = Literal["npz", "safetensors"]
ABOUT = "about"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One trained net: its arrays, and `about` them."""

    arrays: Mapping[str, Array]
    about: Mapping[str, Any]

    def net(self) -> TrainedNet:
        """The net, ready to predict."""
        return TrainedNet.from_arrays(self.arrays, Settings.restore(self.about["settings"]))


def has_safetensors() -> bool:
    """Whether the package for that format is installed."""
    return importlib.util.find_spec("safetensors") is not None


def file_name(trial: Trial, format: str) -> str:
    """The name of the file of a trial's net, by its sweep and its number there."""
    return f"sweep-{trial.sweep_id}-trial-{trial.number}.{format}"


def to_bytes(models: Sequence[Model], format: Format) -> bytes:
    """The file's content; the same nets give the same file. Raises NotInstalled."""
    if len(models) == 1:
        arrays, about = dict(models[0].arrays), models[0].about
    else:
        arrays = {f"{n}.{name}": a for n, model in enumerate(models) for name, a in model.arrays.items()}
        about = {"nets": [model.about for model in models]}
    text = json.dumps(about, allow_nan=False)
    return _safetensors(arrays, text) if format == "safetensors" else _npz(arrays, text)


def read(path: Path) -> tuple[Model, ...]:
    """The nets in a file. Raises Failure for one that is not such a file, NotInstalled."""
    if not path.is_file():
        raise Failure(f"There is no file {path}.")
    content = path.read_bytes()
    arrays, text = (
        _read_safetensors(path, content) if path.suffix == ".safetensors" else _read_npz(path, content)
    )
    try:
        about = json.loads(text)
        models = _split_nets(arrays, about["nets"]) if "nets" in about else (Model(arrays, about),)
        if not models:
            raise _no_model(path)
        for model in models:
            _check(model)
    except (KeyError, IndexError, TypeError, ValueError, Invalid) as error:
        raise _no_model(path) from error
    return models


def _npz(arrays: Mapping[str, Array], about: str) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{ABOUT: np.array(about)}, **arrays)
    return buffer.getvalue()


def _safetensors(arrays: Mapping[str, Array], about: str) -> bytes:
    _need_safetensors()
    from safetensors.numpy import save

    texts = {name: str(array) for name, array in arrays.items() if array.dtype.kind == "U"}
    numbers = {name: np.array(array, order="C") for name, array in arrays.items() if name not in texts}
    return save(numbers, texts | {ABOUT: about})


def _read_npz(path: Path, content: bytes) -> tuple[dict[str, Array], str]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays: dict[str, Array] = dict(archive)
        return arrays, str(arrays.pop(ABOUT))
    except (ValueError, OSError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise _no_model(path) from error


def _read_safetensors(path: Path, content: bytes) -> tuple[dict[str, Array], str]:
    _need_safetensors()
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load

    try:
        with safe_open(path, framework="numpy") as file:
            texts = dict(file.metadata() or {})
        about = texts.pop(ABOUT)
        return load(content) | {name: np.array(text) for name, text in texts.items()}, about
    except (SafetensorError, KeyError) as error:
        raise _no_model(path) from error


def _need_safetensors() -> None:
    if not has_safetensors():
        raise NotInstalled("The format safetensors needs a package: pip install 'lossdeck[safetensors]'.")


def _split_nets(arrays: Mapping[str, Array], abouts: Sequence[Mapping[str, Any]]) -> tuple[Model, ...]:
    """The nets of a file that holds several."""
    models = []
    for n, about in enumerate(abouts):
        prefix = f"{n}."
        own = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        models.append(Model(own, about))
    return tuple(models)


def _check(model: Model) -> None:
    """Raises KeyError or ValueError for arrays that do not fit the settings and classes."""
    net = model.net()
    sizes = [net.n_features, *net.settings.hidden, len(model.about["classes"])]
    for layer, shape in enumerate(itertools.pairwise(sizes), start=1):
        if net.weights[f"W{layer}"].shape != shape or net.weights[f"b{layer}"].shape != shape[1:]:
            raise ValueError(f"W{layer} has another shape.")
    predict_probabilities(net, np.zeros((1, net.n_features), np.float32))  # its preprocessing fits


def _no_model(path: Path) -> Failure:
    return Failure(
        f"{path} is not a model file of Lossdeck: those come from `lossdeck model` or a trial's page."
    )
