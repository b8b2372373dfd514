"""Disk: locks between processes, and files that appear whole or not at all; not what is in them."""

from __future__ import annotations

import fcntl
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What reading a damaged .npy or .npz raises; RuntimeError is zipfile's for a password or an unknown method.
UNREADABLE = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; others (threads too) wait. The system frees it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_npy(path: Path, array: NDArray[Any]) -> None:
    """Write one array and see it to the disk."""
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        _sync(file.fileno())


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a neighbouring file first, so that `path` is never half of one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            _sync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text and see it to the disk."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        _sync(file.fileno())


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path` (replacing it) when the block ends well, and vanishes when not.

    The caller holds the lock of `path`; what an earlier, killed writer left is swept away.
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
    """Remove a folder and all in it, if it is there. Readers that mapped its files keep them."""
    if path.is_dir():
        shutil.rmtree(path)


def _sync(number: int) -> None:
    os.fsync(number)
