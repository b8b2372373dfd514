"""The catalog of data sets: find, load, add and remove them by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from learning.data import cache, cifar, mnist_idx, npz, search_paths
from learning.data.cache import DatasetSummary
from learning.data.dataset import Dataset
from learning.data.decoding import DecodedDataset, check_decoded
from learning.data.files import lock_file
from learning.errors import DatasetError

__all__ = [
    "Dataset",
    "DatasetError",
    "DatasetSummary",
    "add",
    "find_summary",
    "list_summaries",
    "load",
    "remove",
]

MAX_NAME_LETTERS = 60
_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_DIGITS_FILE = Path(__file__).with_name("digits.npz")
_DIGITS_TRAIN_ROWS = 1500  # the first rows of the archive; the other 297 are the test part


@dataclass(frozen=True)
class _BuiltIn:
    """A data set we know by name: what its archive holds, where to look for it and how to read it."""

    summary: DatasetSummary
    find: Callable[[Path, Path | None], Iterator[Path]]
    read: Callable[[Path], DecodedDataset]


def list_summaries(home: Path, data: Path | None) -> tuple[DatasetSummary, ...]:
    """All data sets that can be loaded: digits, the built-in ones found here, then the user's own."""
    built_in = [_find_built_in_summary(name, home, data) for name in _BUILT_INS]
    own = [cache.read_summary(home, name) for name in cache.list_names(home) if name not in _BUILT_INS]
    return tuple(found for found in (*built_in, *own) if found is not None)


def find_summary(name: str, home: Path, data: Path | None) -> DatasetSummary:
    """Raises DatasetError if the data set is unknown or not on this machine."""
    check_name(name)
    found = _find_built_in_summary(name, home, data) if name in _BUILT_INS else cache.read_summary(home, name)
    if found is None:
        raise _unknown_dataset(name, home, data)
    return found


def load(name: str, home: Path, data: Path | None) -> Dataset:
    """The data set, mapped into memory. It is decoded into home/data the first time.

    All processes that load it share one copy in memory. Raises DatasetError if it is missing or damaged.
    """
    check_name(name)
    try:
        return cache.read_or_decode(home, name, lambda: _decode(name, home, data))
    except OSError as error:
        raise DatasetError(f"The data set {name} cannot be kept in {home / 'data'} ({error}).") from error


def add(file: Path, name: str, home: Path, file_name: str = "") -> DatasetSummary:
    """Check a user's .npz and store its arrays under `name`. A file that does not fit leaves nothing behind.

    `file_name` is the name to show for the file, if not its own: an upload lies in a temporary file.
    """
    check_vacant(name, home)
    decoded = npz.read(file, f"added from {file_name or file.name}", file_name=file_name)
    try:
        with lock_file(cache.lock_path(home, name)):
            check_vacant(name, home)  # again: somebody may have been quicker
            cache.write(home, name, decoded)
    except OSError as error:
        raise DatasetError(f"The data set {name} cannot be kept in {home / 'data'} ({error}).") from error
    return find_summary(name, home, None)


def remove(name: str, home: Path) -> None:
    """Delete a data set's decoded arrays. A built-in one is decoded again when it is next loaded."""
    check_name(name)
    if name not in cache.list_names(home):
        raise DatasetError(f"There is no data set called {name!r} to remove.")
    cache.remove(home, name)


def check_vacant(name: str, home: Path) -> None:
    """Raises DatasetError if a new data set cannot have this name."""
    check_name(name)
    if name.casefold().replace("-", "_") in _BUILT_INS:
        raise DatasetError(f"The name {name!r} belongs to a data set of Lossdeck's own; take another one.")
    if name.casefold() in (taken.casefold() for taken in cache.list_names(home)):
        raise DatasetError(
            f"There is a data set called {name!r} already; take another name, or delete that one first."
        )


def read_stored_time(name: str, home: Path) -> float:
    """When the arrays of this name were stored, in UTC seconds; 0 if there are none."""
    return cache.read_stored_time(home, check_name(name))


def is_built_in(name: str) -> bool:
    """Whether it is one of Lossdeck's own, on this machine or not."""
    return name in _BUILT_INS


def check_name(name: str) -> str:
    """The name itself. Raises DatasetError unless it can also be the name of a folder."""
    if not _NAME_PATTERN.fullmatch(name) or len(name) > MAX_NAME_LETTERS:
        raise DatasetError(
            f"The name {name[:80]!r} must be 1 to {MAX_NAME_LETTERS} letters, digits, - and _, "
            "beginning with a letter or digit."
        )
    return name


def _find_built_in_summary(name: str, home: Path, data: Path | None) -> DatasetSummary | None:
    cached = cache.read_summary(home, name)
    if cached is not None:
        return cached
    built_in = _BUILT_INS[name]
    return built_in.summary if next(built_in.find(home, data), None) is not None else None


def _decode(name: str, home: Path, data: Path | None) -> DecodedDataset:
    """Read the first source that is whole. If none is, raise what is wrong with the first."""
    if name not in _BUILT_INS:
        if (cache.dataset_folder(home, name)).is_dir():
            raise DatasetError(
                f"The stored arrays of {name} are damaged; remove the data set and add it again."
            )
        raise _unknown_dataset(name, home, data)
    first: DatasetError | None = None
    for place in _BUILT_INS[name].find(home, data):
        try:
            return _BUILT_INS[name].read(place)
        except DatasetError as error:
            first = first or error
    raise first or _unknown_dataset(name, home, data)


def _unknown_dataset(name: str, home: Path, data: Path | None) -> DatasetError:
    if name in _BUILT_INS:
        return DatasetError(
            f"The data set {name} is not on this machine; fetch it with `lossdeck data get {name}`, "
            "or put its files into the folder that LOSSDECK_DATA names."
        )
    known = ", ".join(found.name for found in list_summaries(home, data))
    return DatasetError(f"There is no data set called {name!r}; there are {known}.")


def _read_digits(path: Path) -> DecodedDataset:
    with np.load(path, allow_pickle=False) as file:
        X, y = file["X"], file["y"]
    n = _DIGITS_TRAIN_ROWS
    parts = DecodedDataset(X[:n], y[:n], X[n:], y[n:], (8, 8, 1), mnist_idx.DIGIT_CLASSES, _DIGITS_SOURCE)
    return check_decoded(parts, "digits")


def _read_cifar10(place: Path) -> DecodedDataset:
    return cifar.read_folder(place) if place.is_dir() else cifar.read_archive(place)


def _read_mnist(place: Path) -> DecodedDataset:
    return (
        mnist_idx.read_folder(place, mnist_idx.DIGIT_CLASSES, _MNIST_SOURCE)
        if place.is_dir()
        else npz.read(place, _MNIST_SOURCE)
    )


def _read_fashion(place: Path) -> DecodedDataset:
    return mnist_idx.read_folder(place, mnist_idx.FASHION_CLASSES, _FASHION_SOURCE)


def _find_fashion(home: Path, data: Path | None) -> Iterator[Path]:
    return search_paths.find_mnist(home, data, search_paths.FASHION_FOLDERS)


_DIGITS_SOURCE = "UCI optdigits test part, CC BY 4.0, https://doi.org/10.24432/C50P49"
_MNIST_SOURCE = "MNIST, http://yann.lecun.com/exdb/mnist/"
_FASHION_SOURCE = "Fashion-MNIST, https://github.com/zalandoresearch/fashion-mnist"
_DIGITS_COUNTS = (151, 151, 150, 153, 148, 152, 151, 149, 146, 149)
_MNIST_COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)


def _official(
    name: str,
    rows: tuple[int, int],
    shape: tuple[int, int, int],
    classes: tuple[str, ...],
    counts: tuple[int, ...],
    source: str,
) -> DatasetSummary:
    return DatasetSummary(name, True, *rows, shape[0] * shape[1] * shape[2], shape, classes, counts, source)


_BUILT_INS = {
    "digits": _BuiltIn(
        _official("digits", (1500, 297), (8, 8, 1), mnist_idx.DIGIT_CLASSES, _DIGITS_COUNTS, _DIGITS_SOURCE),
        lambda home, data: iter([_DIGITS_FILE]),
        _read_digits,
    ),
    "cifar10": _BuiltIn(
        _official("cifar10", (50_000, 10_000), cifar.SHAPE, cifar.CLASSES, (5000,) * 10, cifar.SOURCE),
        search_paths.find_cifar10,
        _read_cifar10,
    ),
    "mnist": _BuiltIn(
        _official(
            "mnist", (60_000, 10_000), (28, 28, 1), mnist_idx.DIGIT_CLASSES, _MNIST_COUNTS, _MNIST_SOURCE
        ),
        search_paths.find_mnist,
        _read_mnist,
    ),
    "fashion_mnist": _BuiltIn(
        _official(
            "fashion_mnist",
            (60_000, 10_000),
            (28, 28, 1),
            mnist_idx.FASHION_CLASSES,
            (6000,) * 10,
            _FASHION_SOURCE,
        ),
        _find_fashion,
        _read_fashion,
    ),
}
