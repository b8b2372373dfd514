"""Readers of CIFAR-10 as its authors publish it: binary or pickled batches, unpacked or in the archive."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learning.data.cifar_pickle import MAX_PICKLE_BYTES, read_pickled
from learning.data.decoding import DecodedDataset, GuardedReader, check_decoded, format_size, read_exactly
from learning.errors import DatasetError

Bytes = NDArray[np.uint8]
Batch = tuple[Bytes, Bytes]  # images (10000, 3072) channel-first, labels (10000,)
Parse = Callable[[bytes, str], Batch]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHAPE = (32, 32, 3)
ROWS = 10_000  # in one batch; five are the training part, the sixth the test part
PIXELS = 32 * 32 * 3
BINARY_FOLDER, PICKLED_FOLDER = "cifar-10-batches-bin", "cifar-10-batches-py"
BINARY_ARCHIVE, PICKLED_ARCHIVE = "cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"
BINARY_FILES = (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin")
PICKLED_FILES = (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")
SOURCE = "CIFAR-10, https://www.cs.toronto.edu/~kriz/cifar.html"

_BATCH_BYTES = ROWS * (1 + PIXELS)
_ARCHIVE_BUDGET = 512 << 20  # unpacked bytes; the real archives hold 185 MB
_ARCHIVE_MEMBERS = 64


def read_folder(folder: Path) -> DecodedDataset:
    """Read an unpacked folder of either layout. Raises DatasetError if it is not whole."""
    if folder.name == BINARY_FOLDER:
        return _decode(
            _read_folder_files(folder, BINARY_FILES, _BATCH_BYTES), BINARY_FILES, parse_binary, folder
        )
    return _decode(
        _read_folder_files(folder, PICKLED_FILES, MAX_PICKLE_BYTES), PICKLED_FILES, parse_pickled, folder
    )


def read_archive(archive: Path) -> DecodedDataset:
    """Read an official .tar.gz without unpacking it. Raises DatasetError if it is anything else."""
    if archive.name == BINARY_ARCHIVE:
        files = _read_archive_files(archive, BINARY_FOLDER, BINARY_FILES, _BATCH_BYTES)
        return _decode(files, BINARY_FILES, parse_binary, archive)
    files = _read_archive_files(archive, PICKLED_FOLDER, PICKLED_FILES, MAX_PICKLE_BYTES)
    return _decode(files, PICKLED_FILES, parse_pickled, archive)


def parse_binary(data: bytes, what: str) -> Batch:
    """Parse a binary batch: 10,000 records of a label byte and 3,072 pixel bytes."""
    if len(data) != _BATCH_BYTES:
        raise DatasetError(
            f"{what} has {len(data):,} bytes; a binary batch of CIFAR-10 has {_BATCH_BYTES:,}."
        )
    records = np.frombuffer(data, np.uint8).reshape(ROWS, 1 + PIXELS)
    return _check_labels(records[:, 1:], records[:, 0], what)


def parse_pickled(data: bytes, what: str) -> Batch:
    """Parse a pickled batch. Only plain values and byte arrays are ever built from it."""
    images, labels = read_pickled(data, (ROWS, PIXELS), what)
    return _check_labels(images, labels, what)


def _check_labels(images: Bytes, labels: Bytes, what: str) -> Batch:
    if labels.max() >= len(CLASSES):
        raise DatasetError(f"{what} has the label {labels.max()}; CIFAR-10 has the labels 0 to 9.")
    return images, labels


def _decode(
    files: Iterator[tuple[str, bytes]], names: tuple[str, ...], parse: Parse, place: Path
) -> DecodedDataset:
    X, y = np.empty((6 * ROWS, PIXELS), np.uint8), np.empty(6 * ROWS, np.uint8)
    seen = set()
    for name, data in files:
        images, labels = parse(data, f"{name} in {place}")
        start = names.index(name) * ROWS
        y[start : start + ROWS] = labels
        # The archive keeps a plane for each channel; rows here are h, w, c.
        X[start : start + ROWS] = images.reshape(ROWS, 3, 32, 32).transpose(0, 2, 3, 1).reshape(ROWS, PIXELS)
        seen.add(name)
    missing = [name for name in names if name not in seen]
    if missing:
        raise DatasetError(f"{place} lacks {', '.join(missing)}.")
    train = 5 * ROWS
    return check_decoded(
        DecodedDataset(X[:train], y[:train], X[train:], y[train:], SHAPE, CLASSES, SOURCE), str(place)
    )


def _read_folder_files(folder: Path, names: tuple[str, ...], limit: int) -> Iterator[tuple[str, bytes]]:
    for name in names:
        path = folder / name
        if not path.is_file():
            continue
        if path.stat().st_size > limit:
            raise DatasetError(f"{path} has more than {format_size(limit)}, which no batch of CIFAR-10 has.")
        yield name, path.read_bytes()


def _read_archive_files(
    archive: Path, folder: str, names: tuple[str, ...], limit: int
) -> Iterator[tuple[str, bytes]]:
    """The batches in the order of the archive; other members are skipped unread."""
    wanted = {f"{folder}/{name}": name for name in names}
    try:
        with gzip.open(archive) as unpacked:
            guarded = GuardedReader(unpacked, _ARCHIVE_BUDGET)
            with tarfile.open(fileobj=guarded, mode="r:") as tar:
                for number, member in enumerate(tar):
                    if number >= _ARCHIVE_MEMBERS:
                        raise DatasetError(f"{archive} has more than {_ARCHIVE_MEMBERS} members.")
                    name = wanted.pop(member.name.removeprefix("./"), None)
                    if name is not None:
                        yield name, _read_member(tar, member, limit, archive)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, OverflowError) as error:
        raise DatasetError(f"{archive} is no whole .tar.gz archive ({error}).") from error


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo, limit: int, archive: Path) -> bytes:
    file = tar.extractfile(member) if member.isreg() else None
    if file is None or member.size > limit:
        raise DatasetError(f"{member.name} in {archive} is no plain file of at most {format_size(limit)}.")
    return bytes(read_exactly(file, member.size, f"{member.name} in {archive}"))
