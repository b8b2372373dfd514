"""A reader of IDX files: MNIST and Fashion-MNIST as their authors publish them, plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from learning.data.decoding import DecodedDataset, check_decoded, format_size, read_exactly
from learning.errors import DatasetError

Bytes = NDArray[np.uint8]

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
DIGIT_CLASSES = tuple("0123456789")
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
MAX_FILE_BYTES = 256 << 20  # of one unpacked file; the real ones have 47 MB at most


def read_folder(folder: Path, classes: tuple[str, ...], source: str) -> DecodedDataset:
    """Read a folder with all four files. Raises DatasetError if one is missing or not whole."""
    paths = [find_file(folder, name) for name in IDX_FILES]
    missing = [name for name, path in zip(IDX_FILES, paths, strict=True) if path is None]
    if missing:
        raise DatasetError(f"{folder} lacks {', '.join(missing)} (plain or with .gz).")
    X_train, y_train, X_test, y_test = (read_file(path) for path in paths if path is not None)
    for X, y in ((X_train, y_train), (X_test, y_test)):
        if X.ndim != 3 or y.ndim != 1:
            raise DatasetError(
                f"{folder} has images where labels should be, or labels where images should be."
            )
    return check_decoded(DecodedDataset(X_train, y_train, X_test, y_test, None, classes, source), str(folder))


def find_file(folder: Path, name: str) -> Path | None:
    """Find a file by its usual names (`-idx3-` is sometimes spelt `.idx3-`), the plain one first."""
    spelt = (name, name.replace("-idx", ".idx"))
    return next((path for n in spelt for path in (folder / n, folder / f"{n}.gz") if path.is_file()), None)


def read_file(path: Path) -> Bytes:
    """The array of one file, uint8 of one to three dimensions."""
    try:
        with cast("IO[bytes]", gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            return _read_array(file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read ({error}).") from error


def _read_array(file: IO[bytes], path: Path) -> Bytes:
    """Format: two zero bytes, type (8: bytes), number of dimensions, each a big-endian 32-bit word; data."""
    zeros, kind, dimensions = struct.unpack(">HBB", read_exactly(file, 4, str(path)))
    if zeros != 0 or kind != 8 or not 1 <= dimensions <= 3:
        raise DatasetError(f"{path} is no IDX file of bytes.")
    shape = struct.unpack(f">{dimensions}I", read_exactly(file, 4 * dimensions, str(path)))
    size = 1
    for length in shape:
        size *= length
    if size > MAX_FILE_BYTES:
        raise DatasetError(
            f"{path} claims {format_size(size)}; at most {format_size(MAX_FILE_BYTES)} are read."
        )
    data = read_exactly(file, size, str(path))
    if file.read(1):
        raise DatasetError(f"{path} goes on after the {size:,} bytes it promises.")
    return np.frombuffer(data, np.uint8).reshape(shape)
