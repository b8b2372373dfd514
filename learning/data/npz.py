"""A reader of users' .npz files that checks every header before it loads an array, and never unpickles."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from learning.data.decoding import (
    MAX_CLASS_NAME,
    MAX_CLASSES,
    MAX_DATASET_BYTES,
    DecodedDataset,
    GuardedReader,
    check_decoded,
    format_size,
    read_exactly,
)
from learning.errors import DatasetError

Array = NDArray[Any]

_MAX_MEMBERS = 64
_BOMB_BYTES, _BOMB_RATIO = 32 << 20, 300  # an array above this size that was packed this much is a bomb
_MAX_HEADER_BYTES = 10_000  # of the text that describes an array
_PARTS = (("x_train", "y_train"), ("x_val", "y_val"), ("x_test", "y_test"))
_WANTED_ARRAYS = "X and y, or x_train and y_train (and x_val, y_val, x_test, y_test if there are such parts)"
_NPZ_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    SyntaxError,
    RuntimeError,
    struct.error,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True)
class _Header:
    """The header of an array; `info` is its entry in the archive's directory."""

    info: zipfile.ZipInfo
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    length: int  # of the header itself, in bytes


def read(path: Path, source: str, cap: int = MAX_DATASET_BYTES, file_name: str = "") -> DecodedDataset:
    """Read a .npz with X, y or x_train, y_train[, x_val, y_val][, x_test, y_test], in upper or lower case.

    Validation rows join the end of the training part: Lossdeck draws its own validation rows. An array
    `classes` of texts names the classes. Other arrays are ignored. Raises DatasetError for anything else,
    and for more than `cap` bytes of arrays; its message names the file `file_name`, or by its own name.
    """
    what = file_name or path.name
    try:
        with path.open("rb") as file, zipfile.ZipFile(GuardedReader(file, 1 << 62)) as archive:
            arrays = _read_arrays(archive, what, cap)
    except _NPZ_ERRORS as error:
        raise DatasetError(f"{what} is no readable .npz file ({_describe_error(error)}).") from error
    return check_decoded(_assemble(arrays, source, what), what)


def _read_arrays(archive: zipfile.ZipFile, what: str, cap: int) -> dict[str, Array]:
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise DatasetError(f"{what} holds {len(infos):,} arrays; a data set has at most {_MAX_MEMBERS}.")
    headers = {name: _check_header(archive, info, what) for name, info in _find_wanted(infos, what).items()}
    total = sum(_count_bytes(header) for header in headers.values())
    if total > cap:
        raise DatasetError(
            f"The arrays of {what} take {format_size(total)}; at most {format_size(cap)} are read."
        )
    return {name: _read_array(archive, header, what) for name, header in headers.items()}


def _find_wanted(infos: list[zipfile.ZipInfo], what: str) -> dict[str, zipfile.ZipInfo]:
    known = {"x", "y", "classes"} | {name for part in _PARTS for name in part}
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removesuffix(".npy").casefold()
        if name in known and name in found:
            raise DatasetError(f"{what} has two arrays called {name!r} (capitals do not count).")
        if name in known:
            found[name] = info
    return found


def _check_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: str) -> _Header:
    name = f"{info.filename!r} in {what}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        raise DatasetError(f"{name} is packed in a way that NumPy does not write.")
    if info.file_size > _BOMB_BYTES and info.file_size > _BOMB_RATIO * info.compress_size:
        raise DatasetError(
            f"{name} would grow from {format_size(info.compress_size)} to {format_size(info.file_size)}; "
            "no real images are packed like that."
        )
    with archive.open(info) as file:
        dtype, shape, fortran = _read_header(file)
        header = _Header(info, dtype, shape, fortran, file.tell())
    if dtype.hasobject:
        raise DatasetError(f"{name} holds Python objects; only plain numbers are read.")
    if header.length + _count_bytes(header) != info.file_size:
        raise DatasetError(
            f"{name} says it has {_count_bytes(header):,} bytes of data, which is not what is there."
        )
    return header


def _read_header(file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"array format {version[0]}.{version[1]}")
    shape, fortran, dtype = read(file, max_header_size=_MAX_HEADER_BYTES)
    if any(length < 0 for length in shape):
        raise ValueError("a negative shape")
    return dtype, shape, fortran


def _count_bytes(header: _Header) -> int:
    return math.prod(header.shape) * header.dtype.itemsize


def _read_array(archive: zipfile.ZipFile, header: _Header, what: str) -> Array:
    with archive.open(header.info) as file:
        read_exactly(file, header.length, what)
        data = read_exactly(file, _count_bytes(header), f"{header.info.filename!r} in {what}")
        file.read(1)  # the end, where the checksum is compared
    flat = np.frombuffer(data, header.dtype) if data else np.empty(math.prod(header.shape), header.dtype)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _assemble(arrays: dict[str, Array], source: str, what: str) -> DecodedDataset:
    if {"x", "y"} <= set(arrays) and not {"x_train", "y_train"} & set(arrays):
        arrays = arrays | {"x_train": arrays["x"], "y_train": arrays["y"]}
    if not {"x_train", "y_train"} <= set(arrays):
        raise DatasetError(f"{what} must hold the arrays {_WANTED_ARRAYS}.")
    for X, y in _PARTS:
        if (X in arrays) != (y in arrays):
            raise DatasetError(f"{what} has only one of {X} and {y}.")
    if "x_val" in arrays:
        arrays |= _join_parts(arrays, what)
    test = arrays.get("x_test"), arrays.get("y_test")
    classes = _read_class_names(arrays.get("classes"), what)
    return DecodedDataset(arrays["x_train"], arrays["y_train"], *test, None, classes, source)


def _join_parts(arrays: dict[str, Array], what: str) -> dict[str, Array]:
    """Training and validation rows as one training part."""
    joined = {}
    for train, val in (("x_train", "x_val"), ("y_train", "y_val")):
        if arrays[train].shape[1:] != arrays[val].shape[1:] or 0 in (arrays[train].ndim, arrays[val].ndim):
            raise DatasetError(
                f"{train} {arrays[train].shape} and {val} {arrays[val].shape} of {what} do not fit in shape."
            )
        if arrays[train].dtype.kind not in "buif" or arrays[val].dtype.kind not in "buif":
            raise DatasetError(f"The arrays {train} and {val} of {what} must be numbers.")
        joined[train] = np.concatenate([arrays[train], arrays[val]])
    if len(arrays["x_val"]) != len(arrays["y_val"]):
        raise DatasetError(f"x_val and y_val of {what} have different lengths.")
    return joined


def _read_class_names(names: Array | None, what: str) -> tuple[str, ...]:
    if names is None:
        return ()
    if names.dtype.kind != "U" or names.ndim != 1 or not 2 <= len(names) <= MAX_CLASSES:
        raise DatasetError(f"The array 'classes' of {what} must be a list of 2 to {MAX_CLASSES} texts.")
    texts = tuple(str(name) for name in names)
    if len(set(texts)) < len(texts) or any(
        not text.isprintable() or not 0 < len(text) <= MAX_CLASS_NAME for text in texts
    ):
        raise DatasetError(
            f"The names in 'classes' of {what} must be different texts of 1 to {MAX_CLASS_NAME} letters."
        )
    return texts


def _describe_error(error: BaseException) -> str:
    """The first line of its message: NumPy adds advice that does not apply here."""
    message = str(error).partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
