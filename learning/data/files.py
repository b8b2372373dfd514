"""Locks between processes, and files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What reading a damaged .npy or .npz raises; RuntimeError is zipfile's for a password or an unknown method.
READ_ERRORS = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


def lock_file(path: Path) -> AbstractContextManager[object]:
    """Hold the lock file `path`; other processes and threads wait. The system frees it if the holder dies.

    Raises OSError where the file cannot be made or its file system cannot lock.
    """
    from filelock import FileLock

    return FileLock(path, fallback_to_soft=False)  # a soft lock would outlive its holder


def write_npy(path: Path, array: NDArray[Any]) -> None:
    """Write one array and flush it to the disk."""
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        os.fsync(file.fileno())


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a neighbouring file first, so that `path` is never half written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text and flush it to the disk."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        os.fsync(file.fileno())


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that replaces `path` when the block succeeds, and is removed when it fails.

    The caller holds the lock of `path`. What a killed writer left behind is removed.
    """
    partial = path.with_name(f".{path.name}.part")
    remove_folder(partial)
    partial.mkdir(parents=True)
    try:
        yield partial
        remove_folder(path)
        partial.rename(path)
    finally:
        remove_folder(partial)


def remove_folder(path: Path) -> None:
    """Remove a folder with its contents, if it exists. Readers that have its files mapped keep them."""
    if path.is_dir():
        shutil.rmtree(path)
