"""What all readers of data set files share: the decoded arrays, their checks and guarded reading."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.errors import DatasetError

Array = NDArray[Any]

MAX_CLASSES = 1000
MAX_CLASS_NAME = 60  # letters
MAX_DATASET_BYTES = 2 << 30  # bytes of arrays that one data set may unpack to
READ_BYTES = 1 << 20  # bytes read at a time, so that a file which lies about its size never fills the memory
_CHECK_ROWS = 4096  # rows that are checked at a time


@dataclass(frozen=True, eq=False)
class DecodedDataset:
    """The arrays of one data set.

    `check_decoded` makes X_* (N, D) uint8 or float32 and y_* (N,) int64 in 0..C-1.
    """

    X_train: Array
    y_train: Array
    X_test: Array | None
    y_test: Array | None
    image_shape: tuple[int, int, int] | None
    classes: tuple[str, ...]
    source: str


class Stream(Protocol):
    """A binary file, or a stream that unpacks one."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int, /) -> int: ...
    def tell(self) -> int: ...


class GuardedReader(io.RawIOBase):
    """A file that refuses large single reads and any position past its budget.

    The standard library's archive readers believe an archive about the length of its directory and headers.
    """

    def __init__(self, file: Stream, budget: int) -> None:
        self._file = file
        self._budget = budget

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0 and offset > self._budget:
            raise DatasetError(f"The archive claims more than {format_size(self._budget)}.")
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if size > READ_BYTES or self._file.tell() > self._budget:
            raise DatasetError("The archive's own tables claim more than an archive of its kind can hold.")
        return self._file.read(size if size >= 0 else READ_BYTES)


def read_exactly(file: Stream, size: int, what: str) -> bytearray:
    """Read `size` bytes in chunks, so that memory grows only as data comes.

    Raises DatasetError if the file ends early.
    """
    data = bytearray()
    while len(data) < size:
        piece = file.read(min(READ_BYTES, size - len(data)))
        if not piece:
            raise DatasetError(f"{what} ends after {len(data):,} of the {size:,} bytes it promises.")
        data += piece
    return data


def check_decoded(decoded: DecodedDataset, what: str) -> DecodedDataset:
    """The same data set with rows and labels in their stored types. Raises DatasetError if it does not fit.

    Rows come as (N, D), (N, h, w) or (N, h, w, c) of numbers. Whole numbers from 0 to 255 become uint8, all
    others float32. Labels are whole numbers from 0 to C-1 and the training part has each of them.
    `classes` may come empty: the classes are then called by their numbers. `what` names the file.
    """
    _check_dimensions(decoded, what)
    y_train = _check_labels(decoded.y_train, len(decoded.X_train), f"the training labels of {what}")
    classes = _check_classes(decoded.classes, y_train, what)
    parts, image_shape = [decoded.X_train], decoded.image_shape
    y_test = None
    if decoded.X_test is not None and decoded.y_test is not None:
        y_test = _check_test_labels(decoded.y_test, len(decoded.X_test), len(classes), what)
        parts.append(decoded.X_test)
        if decoded.X_test.shape[1:] != decoded.X_train.shape[1:]:
            raise DatasetError(
                f"Test rows of {what} have the shape {decoded.X_test.shape[1:]}, "
                f"training rows {decoded.X_train.shape[1:]}."
            )
    image_shape = image_shape or _find_image_shape(decoded.X_train.shape, what)
    rows = _convert_rows(parts, what)
    test = rows[1] if len(rows) > 1 else None
    return DecodedDataset(rows[0], y_train, test, y_test, image_shape, classes, decoded.source)


def format_size(count: int) -> str:
    """A number of bytes as text: 2 GiB, 30 MiB, 12 KiB."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"


def _check_dimensions(decoded: DecodedDataset, what: str) -> None:
    for X in (decoded.X_train, decoded.X_test):
        if X is not None and X.ndim < 2:
            raise DatasetError(
                f"Rows of {what} must be (N, features), (N, height, width) or (N, height, width, channels); "
                f"their shape is {X.shape}."
            )


def _check_labels(y: Array, rows: int, what: str) -> NDArray[np.int64]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]  # as Keras keeps them
    if y.ndim != 1 or len(y) != rows:
        raise DatasetError(
            f"{_capitalise(what)} must be one for each of the {rows:,} rows; their shape is {y.shape}."
        )
    if rows == 0:
        raise DatasetError(f"{_capitalise(what)} are empty.")
    if y.dtype.kind not in "uif":
        raise DatasetError(f"{_capitalise(what)} must be whole numbers; their type is {y.dtype}.")
    if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == np.floor(y)).all()):
        raise DatasetError(f"{_capitalise(what)} must be whole numbers; some are fractions or not finite.")
    low, high = y.min().item(), y.max().item()
    if low < 0 or high >= MAX_CLASSES:
        raise DatasetError(
            f"{_capitalise(what)} run from {low:.15g} to {high:.15g}; classes are numbered from 0 to at most "
            f"{MAX_CLASSES - 1}."
        )
    return y.astype(np.int64)


def _check_classes(names: tuple[str, ...], y: NDArray[np.int64], what: str) -> tuple[str, ...]:
    count = len(names) or int(y.max()) + 1
    if y.max() >= count:
        raise DatasetError(
            f"{what} names {count} classes, but has the label {y.max()} (labels count from 0)."
        )
    if y.min() == y.max():
        raise DatasetError(
            f"All training labels of {what} are {y.max()}; telling classes apart takes two of them."
        )
    missing = np.flatnonzero(np.bincount(y, minlength=count) == 0)
    if len(missing) and missing[0] == 0 and len(missing) == y.min():
        raise DatasetError(
            f"The training labels of {what} count from {y.min()} to {y.max()}; they must count from 0, "
            f"so take {y.min()} from each."
        )
    if len(missing):
        raise DatasetError(
            f"No training row of {what} has the label {missing[0]}; labels must be 0 to C-1 with each in use."
        )
    return names or tuple(str(label) for label in range(count))


def _check_test_labels(y: Array, rows: int, count: int, what: str) -> NDArray[np.int64]:
    labels = _check_labels(y, rows, f"the test labels of {what}")
    if labels.max() >= count:
        raise DatasetError(
            f"The test labels of {what} reach {labels.max()}; training has the classes 0 to {count - 1}."
        )
    return labels


def _find_image_shape(shape: tuple[int, ...], what: str) -> tuple[int, int, int] | None:
    if len(shape) == 2:
        return None
    if len(shape) == 3:
        return shape[1], shape[2], 1
    if len(shape) == 4 and shape[3] <= 4:
        return shape[1], shape[2], shape[3]
    raise DatasetError(
        f"Rows of {what} must be (N, features), (N, height, width) or (N, height, width, 1 to 4 channels); "
        f"their shape is {shape}."
    )


def _convert_rows(parts: list[Array], what: str) -> list[Array]:
    """All parts flattened, in the smallest stored type that holds every value of every part."""
    for X in parts:
        if X.size == 0:
            raise DatasetError(f"The rows of {what} are empty; their shape is {X.shape}.")
        if X.dtype.kind not in "buif":
            raise DatasetError(f"The rows of {what} must be numbers; their type is {X.dtype}.")
    flat = [X.reshape(len(X), -1) for X in parts]
    if all(X.dtype.kind in "bui" and X.min() >= 0 and X.max() <= 255 for X in flat):
        return [X.astype(np.uint8, copy=False) for X in flat]
    return [_convert_to_floats(X, what) for X in flat]


def _convert_to_floats(X: Array, what: str) -> NDArray[np.float32]:
    out = np.empty(X.shape, np.float32)
    for block, into in zip(_split_blocks(X), _split_blocks(out), strict=True):
        with np.errstate(over="ignore", invalid="ignore"):
            into[:] = block
        if not np.isfinite(into).all():
            raise DatasetError(f"Some values of {what} are NaN, infinite or too large for 32-bit floats.")
    return out


def _split_blocks(X: Array) -> Iterator[Array]:
    for start in range(0, len(X), _CHECK_ROWS):
        yield X[start : start + _CHECK_ROWS]


def _capitalise(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
