"""The catalog: data sets by name, found, decoded once, added and removed; each format has its own reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from learning.data import cache, cifar, mnist_idx, npz, search_paths
from learning.data.cache import Summary
from learning.data.dataset import Dataset
from learning.data.files import locked
from learning.data.formats import Decoded, check
from learning.errors import DatasetError

__all__ = ["Dataset", "DatasetError", "Summary", "add", "load", "remove", "summaries", "summary"]

MAX_NAME = 60
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_DIGITS = Path(__file__).with_name("digits.npz")
_DIGITS_TRAIN = 1500  # the first rows of the archive; the other 297 are the test part


@dataclass(frozen=True)
class _BuiltIn:
    """A data set that is known by name: what its archive holds, where it may lie and how it is read."""

    summary: Summary
    find: Callable[[Path, Path | None], Iterator[Path]]
    read: Callable[[Path], Decoded]


def summaries(home: Path, data: Path | None) -> tuple[Summary, ...]:
    """Every data set that can be loaded: digits, the known ones found here, then the user's own."""
    built_in = [_known_summary(name, home, data) for name in _BUILT_INS]
    own = [cache.summary(home, name) for name in cache.names(home) if name not in _BUILT_INS]
    return tuple(found for found in (*built_in, *own) if found is not None)


def summary(name: str, home: Path, data: Path | None) -> Summary:
    """The facts about one data set; DatasetError when it is unknown or nowhere to be found."""
    check_name(name)
    found = _known_summary(name, home, data) if name in _BUILT_INS else cache.summary(home, name)
    if found is None:
        raise _unknown(name, home, data)
    return found


def load(name: str, home: Path, data: Path | None) -> Dataset:
    """The data set, mapped into memory; decoded into home/data first when that was not done yet.

    All processes that load it share one copy in memory. DatasetError when there is none or its files are bad.
    """
    check_name(name)
    try:
        return cache.read_or_decode(home, name, lambda: _decode(name, home, data))
    except OSError as error:
        raise DatasetError(f"The data set {name} cannot be kept in {home / 'data'} ({error}).") from error


def add(file: Path, name: str, home: Path, called: str = "") -> Summary:
    """Check a user's .npz and keep its arrays under `name`; nothing is kept of a file that does not fit.

    `called` is the file's name where its user has it, if it is another one here.
    """
    check_vacant(name, home)
    decoded = npz.read(file, f"added from {called or file.name}", called=called)
    try:
        with locked(cache.lock_path(home, name)):
            check_vacant(name, home)  # again: somebody may have been quicker
            cache.write(home, name, decoded)
    except OSError as error:
        raise DatasetError(f"The data set {name} cannot be kept in {home / 'data'} ({error}).") from error
    return summary(name, home, None)


def remove(name: str, home: Path) -> None:
    """Forget a data set's decoded arrays. Built-in ones are decoded again when they are next asked for."""
    check_name(name)
    if name not in cache.names(home):
        raise DatasetError(f"There is no data set called {name!r} to remove.")
    cache.remove(home, name)


def check_vacant(name: str, home: Path) -> None:
    """DatasetError, when a new data set cannot have that name."""
    check_name(name)
    if name.casefold().replace("-", "_") in _BUILT_INS:
        raise DatasetError(f"The name {name!r} belongs to a data set of Lossdeck's own; take another one.")
    if name.casefold() in (taken.casefold() for taken in cache.names(home)):
        raise DatasetError(
            f"There is a data set called {name!r} already; take another name, or delete that one first."
        )


def stored_at(name: str, home: Path) -> float:
    """When the arrays that now have this name were stored, UTC seconds; 0 when there are none."""
    return cache.stored_at(home, check_name(name))


def is_built_in(name: str) -> bool:
    """Whether the data set is one of Lossdeck's own, there or not."""
    return name in _BUILT_INS


def check_name(name: str) -> str:
    """The name itself, when it can be the name of a folder too; else DatasetError."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise DatasetError(
            f"The name {name[:80]!r} must be 1 to {MAX_NAME} letters, digits, - and _, "
            "beginning with a letter or digit."
        )
    return name


def _known_summary(name: str, home: Path, data: Path | None) -> Summary | None:
    cached = cache.summary(home, name)
    if cached is not None:
        return cached
    built_in = _BUILT_INS[name]
    return built_in.summary if next(built_in.find(home, data), None) is not None else None


def _decode(name: str, home: Path, data: Path | None) -> Decoded:
    """Read the first whole source of a data set; when none is whole, tell what is wrong with the first."""
    if name not in _BUILT_INS:
        if (cache.folder(home, name)).is_dir():
            raise DatasetError(
                f"The stored arrays of {name} are damaged; remove the data set and add it again."
            )
        raise _unknown(name, home, data)
    first: DatasetError | None = None
    for place in _BUILT_INS[name].find(home, data):
        try:
            return _BUILT_INS[name].read(place)
        except DatasetError as error:
            first = first or error
    raise first or _unknown(name, home, data)


def _unknown(name: str, home: Path, data: Path | None) -> DatasetError:
    if name in _BUILT_INS:
        return DatasetError(
            f"The data set {name} is not on this machine; fetch it with `lossdeck data get {name}`, "
            "or put its files into the folder that LOSSDECK_DATA names."
        )
    known = ", ".join(found.name for found in summaries(home, data))
    return DatasetError(f"There is no data set called {name!r}; there are {known}.")


def _read_digits(path: Path) -> Decoded:
    with np.load(path, allow_pickle=False) as file:
        X, y = file["X"], file["y"]
    n = _DIGITS_TRAIN
    parts = Decoded(X[:n], y[:n], X[n:], y[n:], (8, 8, 1), mnist_idx.DIGITS, _DIGITS_SOURCE)
    return check(parts, "digits")


def _read_cifar10(place: Path) -> Decoded:
    return cifar.read_folder(place) if place.is_dir() else cifar.read_archive(place)


def _read_mnist(place: Path) -> Decoded:
    return (
        mnist_idx.read_folder(place, mnist_idx.DIGITS, _MNIST_SOURCE)
        if place.is_dir()
        else npz.read(place, _MNIST_SOURCE)
    )


def _read_fashion(place: Path) -> Decoded:
    return mnist_idx.read_folder(place, mnist_idx.FASHION, _FASHION_SOURCE)


def _find_fashion(home: Path, data: Path | None) -> Iterator[Path]:
    return search_paths.mnist(home, data, search_paths.FASHION_FOLDERS)


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
) -> Summary:
    return Summary(name, True, *rows, shape[0] * shape[1] * shape[2], shape, classes, counts, source)


_BUILT_INS = {
    "digits": _BuiltIn(
        _official("digits", (1500, 297), (8, 8, 1), mnist_idx.DIGITS, _DIGITS_COUNTS, _DIGITS_SOURCE),
        lambda home, data: iter([_DIGITS]),
        _read_digits,
    ),
    "cifar10": _BuiltIn(
        _official("cifar10", (50_000, 10_000), cifar.SHAPE, cifar.CLASSES, (5000,) * 10, cifar.SOURCE),
        search_paths.cifar10,
        _read_cifar10,
    ),
    "mnist": _BuiltIn(
        _official("mnist", (60_000, 10_000), (28, 28, 1), mnist_idx.DIGITS, _MNIST_COUNTS, _MNIST_SOURCE),
        search_paths.mnist,
        _read_mnist,
    ),
    "fashion_mnist": _BuiltIn(
        _official(
            "fashion_mnist", (60_000, 10_000), (28, 28, 1), mnist_idx.FASHION, (6000,) * 10, _FASHION_SOURCE
        ),
        _find_fashion,
        _read_fashion,
    ),
}
