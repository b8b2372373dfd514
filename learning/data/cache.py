"""The cache of decoded data sets: arrays and meta.json under home/data/<name>."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.data.dataset import Dataset, count_classes
from learning.data.decoding import DecodedDataset
from learning.data.files import READ_ERRORS, lock_file, remove_folder, replace_folder, write_npy, write_text
from learning.errors import DatasetError

Array = NDArray[Any]

CACHE_VERSION = 1  # raise it when the stored form changes; older caches are then decoded again
_ARRAYS = ("X_train", "y_train", "X_test", "y_test")


@dataclass(frozen=True)
class DatasetSummary:
    """Facts about a data set. It is `ready` when it can be loaded without a download.

    Until a built-in data set is first loaded, the numbers are those of its official archive.
    """

    name: str
    ready: bool
    n_train: int
    n_test: int
    n_features: int
    image_shape: tuple[int, int, int] | None
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]  # of the training part
    source: str


def dataset_folder(home: Path, name: str) -> Path:
    """The folder of a data set's arrays. The caller has checked the name."""
    return home / "data" / name


def lock_path(home: Path, name: str) -> Path:
    return home / "data" / f".{name}.lock"


def list_names(home: Path) -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in (home / "data").glob("[!.]*/meta.json")))


def read(home: Path, name: str) -> Dataset | None:
    """The cached data set, mapped into memory; None if it is missing, damaged or being replaced."""
    place = dataset_folder(home, name)
    stamp = _read_stamp(place)
    meta = _read_meta(place)
    if meta is None:
        return None
    try:
        arrays = {key: _map_array(place / f"{key}.npy", file, meta) for key, file in meta.files.items()}
    except READ_ERRORS:
        return None
    if _read_stamp(place) != stamp:  # the arrays may be of two data sets that had this name
        return None
    return Dataset(
        name=name,
        X_train=arrays["X_train"],
        y_train=arrays["y_train"],
        X_test=arrays.get("X_test"),
        y_test=arrays.get("y_test"),
        image_shape=meta.image_shape,
        classes=meta.classes,
        source=meta.source,
        folder=place,
        stamp=stamp,
    )


def read_summary(home: Path, name: str) -> DatasetSummary | None:
    """The summary stored with the arrays; None if there is none."""
    meta = _read_meta(dataset_folder(home, name))
    if meta is None:
        return None
    n_train, n_features = meta.files["X_train"].shape
    n_test = meta.files["X_test"].shape[0] if "X_test" in meta.files else 0
    facts = meta.image_shape, meta.classes, meta.class_counts, meta.source
    return DatasetSummary(name, True, n_train, n_test, n_features, *facts)


def read_stored_time(home: Path, name: str) -> float:
    """When the arrays were stored, in UTC seconds; 0 if there are none."""
    try:
        return (dataset_folder(home, name) / "meta.json").stat().st_mtime
    except OSError:
        return 0.0


def read_or_decode(home: Path, name: str, decode: Callable[[], DecodedDataset]) -> Dataset:
    """The cached data set. If it is missing or damaged, one process decodes it while the others wait."""
    found = read(home, name)
    if found is not None:
        return found
    with lock_file(lock_path(home, name)):
        found = read(home, name)
        if found is None:
            write(home, name, decode())
            found = read(home, name)
    if found is None:
        raise DatasetError(f"The data set {name} could not be read back from {dataset_folder(home, name)}.")
    return found


def write(home: Path, name: str, decoded: DecodedDataset) -> None:
    """Store a data set; its folder appears all at once. The caller holds the lock."""
    with replace_folder(dataset_folder(home, name)) as place:
        files = {}
        for key in _ARRAYS:
            array = getattr(decoded, key)
            if array is not None:
                write_npy(place / f"{key}.npy", array)
                size = (place / f"{key}.npy").stat().st_size
                files[key] = {"shape": list(array.shape), "dtype": array.dtype.str, "bytes": size}
        counts = count_classes(decoded.y_train, len(decoded.classes))
        shape = list(decoded.image_shape) if decoded.image_shape else None
        meta = {
            "version": CACHE_VERSION,
            "image_shape": shape,
            "classes": list(decoded.classes),
            "class_counts": counts,
        }
        write_text(
            place / "meta.json", json.dumps(meta | {"source": decoded.source, "files": files}, indent=1)
        )


def remove(home: Path, name: str) -> None:
    """Delete a data set. Processes that have it mapped keep their copy."""
    with lock_file(lock_path(home, name)):
        remove_folder(dataset_folder(home, name))


@dataclass(frozen=True)
class _File:
    """A stored array as it was written."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int  # of the file


@dataclass(frozen=True)
class _Meta:
    """The contents of meta.json."""

    image_shape: tuple[int, int, int] | None
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    source: str
    files: dict[str, _File]


def _read_stamp(place: Path) -> str:
    """A text that differs each time a data set is stored; empty if there is none."""
    try:
        facts = (place / "meta.json").stat()
    except OSError:
        return ""
    return f"{facts.st_mtime_ns:x}-{facts.st_ino:x}"


def _read_meta(place: Path) -> _Meta | None:
    """None if meta.json is missing, damaged or of another version."""
    try:
        return _parse_meta(json.loads((place / "meta.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _parse_meta(meta: dict[str, Any]) -> _Meta:
    if meta["version"] != CACHE_VERSION:
        raise ValueError(meta["version"])
    written = meta["files"].items()
    files = {key: _File(tuple(file["shape"]), file["dtype"], file["bytes"]) for key, file in written}
    if not {"X_train", "y_train"} <= set(files) <= set(_ARRAYS) or len(files["X_train"].shape) != 2:
        raise ValueError(files)
    shape = None
    if meta["image_shape"]:
        height, width, channels = meta["image_shape"]
        shape = height, width, channels
    return _Meta(shape, tuple(meta["classes"]), tuple(meta["class_counts"]), meta["source"], files)


def _map_array(path: Path, written: _File, meta: _Meta) -> Array:
    """Map one array. Raises ValueError if it is not as written: reading past a short file would kill us."""
    if path.stat().st_size != written.bytes:
        raise ValueError(path)
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    if (array.shape, array.dtype.str) != (written.shape, written.dtype):
        raise ValueError(path)
    # Labels index arrays later; this check costs microseconds.
    if path.name.startswith("y_") and not (array.min() >= 0 and array.max() < len(meta.classes)):
        raise ValueError(path)
    return array
