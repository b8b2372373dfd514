"""The cache: decoded data sets as home/data/<name>/*.npy and meta.json; the catalog knows their sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.data.dataset import Dataset, class_counts
from learning.data.files import UNREADABLE, locked, new_folder, remove_folder, write_npy, write_text
from learning.data.formats import Decoded
from learning.errors import DatasetError

Array = NDArray[Any]

VERSION = 1  # raise it when the stored form changes: older caches are then decoded again
_ARRAYS = ("X_train", "y_train", "X_test", "y_test")


@dataclass(frozen=True)
class Summary:
    """What a page says about a data set; `ready`: it can be loaded, without fetching it first.

    Until it is first loaded, the numbers of a known data set are those of its official archive.
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


def folder(home: Path, name: str) -> Path:
    """Where the arrays of a data set lie; the caller has checked the name."""
    return home / "data" / name


def lock_path(home: Path, name: str) -> Path:
    return home / "data" / f".{name}.lock"


def names(home: Path) -> tuple[str, ...]:
    """Names of all cached data sets."""
    return tuple(sorted(path.parent.name for path in (home / "data").glob("[!.]*/meta.json")))


def read(home: Path, name: str) -> Dataset | None:
    """The cached data set, mapped into memory; None when it is not there, damaged or just being replaced."""
    place = folder(home, name)
    stamp = _stamp(place)
    meta = _meta(place)
    if meta is None:
        return None
    try:
        arrays = {key: _mapped(place / f"{key}.npy", file, meta) for key, file in meta.files.items()}
    except UNREADABLE:
        return None
    if _stamp(place) != stamp:  # the arrays may be of two data sets that had this name
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


def summary(home: Path, name: str) -> Summary | None:
    """The summary that was stored with the arrays; None when there is none."""
    meta = _meta(folder(home, name))
    if meta is None:
        return None
    n_train, n_features = meta.files["X_train"].shape
    n_test = meta.files["X_test"].shape[0] if "X_test" in meta.files else 0
    facts = meta.image_shape, meta.classes, meta.class_counts, meta.source
    return Summary(name, True, n_train, n_test, n_features, *facts)


def stored_at(home: Path, name: str) -> float:
    """When a data set was stored, UTC seconds; 0 when there is none."""
    try:
        return (folder(home, name) / "meta.json").stat().st_mtime
    except OSError:
        return 0.0


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


@dataclass(frozen=True)
class _File:
    """What one stored array was when it was written."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int  # of the file


@dataclass(frozen=True)
class _Meta:
    """What meta.json says, in its own types."""

    image_shape: tuple[int, int, int] | None
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    source: str
    files: dict[str, _File]


def _stamp(place: Path) -> str:
    """Another text for every time a data set was stored; empty when there is none."""
    try:
        facts = (place / "meta.json").stat()
    except OSError:
        return ""
    return f"{facts.st_mtime_ns:x}-{facts.st_ino:x}"


def _meta(place: Path) -> _Meta | None:
    """None when there is none, or none that this version wrote whole."""
    try:
        return _parsed(json.loads((place / "meta.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _parsed(meta: dict[str, Any]) -> _Meta:
    if meta["version"] != VERSION:
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


def _mapped(path: Path, written: _File, meta: _Meta) -> Array:
    """One array, mapped. ValueError when it is not what was written (one cut short would kill us)."""
    if path.stat().st_size != written.bytes:
        raise ValueError(path)
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    if (array.shape, array.dtype.str) != (written.shape, written.dtype):
        raise ValueError(path)
    # Labels index arrays later; this check costs microseconds.
    if path.name.startswith("y_") and not (array.min() >= 0 and array.max() < len(meta.classes)):
        raise ValueError(path)
    return array
