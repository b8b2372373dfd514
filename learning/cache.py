"""The cache: decoded data sets as home/data/<name>/*.npy and meta.json; the catalog knows their sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.dataset import Dataset, DatasetError, class_counts
from learning.disk import UNREADABLE, locked, new_folder, remove_folder, write_npy, write_text
from learning.formats import Decoded

Array = NDArray[Any]

VERSION = 1  # raise it when the stored form changes: older caches are then decoded again
_ARRAYS = ("X_train", "y_train", "X_test", "y_test")


@dataclass(frozen=True)
class Summary:
    """What a page says about a data set; `ready`: it can be loaded, without fetching it first."""

    name: str
    ready: bool
    n_train: int
    n_test: int
    n_features: int
    image_shape: tuple[int, int, int] | None
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]  # of the training part
    source: str


def folder(home: Path, name: str) -> Path:
    """Where the arrays of a data set lie; the caller has checked the name."""
    return home / "data" / name


def lock_path(home: Path, name: str) -> Path:
    return home / "data" / f".{name}.lock"


def names(home: Path) -> tuple[str, ...]:
    """Names of all cached data sets."""
    return tuple(sorted(path.parent.name for path in (home / "data").glob("[!.]*/meta.json")))


def read(home: Path, name: str) -> Dataset | None:
    """The cached data set, mapped into memory; None when it is not there or damaged."""
    place = folder(home, name)
    meta = _meta(place)
    if meta is None:
        return None
    try:
        arrays = {key: _mapped(place / f"{key}.npy", meta["files"][key]) for key in meta["files"]}
        return _dataset(name, place, meta, arrays)
    except (*UNREADABLE, TypeError):
        return None


def summary(home: Path, name: str) -> Summary | None:
    """The summary that was stored with the arrays; None when there is none."""
    meta = _meta(folder(home, name))
    if meta is None:
        return None
    train, test = meta["files"]["X_train"]["shape"], meta["files"].get("X_test", {"shape": [0]})["shape"]
    return Summary(
        name=name,
        ready=True,
        n_train=train[0],
        n_test=test[0],
        n_features=train[1],
        image_shape=_shape(meta),
        classes=tuple(meta["classes"]),
        class_counts=tuple(meta["class_counts"]),
        source=meta["source"],
    )


def read_or_decode(home: Path, name: str, decode: Callable[[], Decoded]) -> Dataset:
    """The cached data set; decoded first when it is missing or damaged, by one process while others wait."""
    found = read(home, name)
    if found is not None:
        return found
    with locked(lock_path(home, name)):
        found = read(home, name)
        if found is None:
            write(home, name, decode())
            found = read(home, name)
    if found is None:
        raise DatasetError(f"The data set {name} could not be read back from {folder(home, name)}.")
    return found


def write(home: Path, name: str, decoded: Decoded) -> None:
    """Store a data set; the folder appears whole. The caller holds the lock."""
    with new_folder(folder(home, name)) as place:
        files = {}
        for key in _ARRAYS:
            array = getattr(decoded, key)
            if array is not None:
                write_npy(place / f"{key}.npy", array)
                size = (place / f"{key}.npy").stat().st_size
                files[key] = {"shape": list(array.shape), "dtype": array.dtype.str, "bytes": size}
        counts = class_counts(decoded.y_train, len(decoded.classes))
        shape = list(decoded.image_shape) if decoded.image_shape else None
        meta = {
            "version": VERSION,
            "image_shape": shape,
            "classes": list(decoded.classes),
            "class_counts": counts,
        }
        write_text(
            place / "meta.json", json.dumps(meta | {"source": decoded.source, "files": files}, indent=1)
        )


def remove(home: Path, name: str) -> None:
    """Forget a data set. Processes that mapped it keep what they mapped."""
    with locked(lock_path(home, name)):
        remove_folder(folder(home, name))


def _meta(place: Path) -> dict[str, Any] | None:
    try:
        meta = json.loads((place / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(meta, dict) and meta.get("version") == VERSION
    wanted = {"image_shape", "classes", "class_counts", "source", "files"}
    return meta if whole and wanted <= set(meta) and {"X_train", "y_train"} <= set(meta["files"]) else None


def _mapped(path: Path, written: dict[str, Any]) -> Array:
    """One array, mapped. ValueError when it is not what was written (one cut short would kill us)."""
    if path.stat().st_size != written["bytes"]:
        raise ValueError(path)
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    if list(array.shape) != written["shape"] or array.dtype.str != written["dtype"]:
        raise ValueError(path)
    return array


def _dataset(name: str, place: Path, meta: dict[str, Any], arrays: dict[str, Array]) -> Dataset:
    for key in ("y_train", "y_test"):
        # Labels index arrays later; the check costs microseconds.
        if key in arrays and not (arrays[key].min() >= 0 and arrays[key].max() < len(meta["classes"])):
            raise ValueError(key)
    X_test, y_test = arrays.get("X_test"), arrays.get("y_test")
    classes, source = tuple(meta["classes"]), meta["source"]
    return Dataset(
        name, arrays["X_train"], arrays["y_train"], X_test, y_test, _shape(meta), classes, source, place
    )


def _shape(meta: dict[str, Any]) -> tuple[int, int, int] | None:
    if not meta["image_shape"]:
        return None
    height, width, channels = meta["image_shape"]
    return height, width, channels
