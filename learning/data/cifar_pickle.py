"""A reader of the pickled batches of CIFAR-10 that can build nothing but plain values."""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.errors import DatasetError

Bytes = NDArray[np.uint8]

MAX_PICKLE_BYTES = 40 << 20  # bytes; the real batches have 31 MB
_MAX_OPCODES = 500_000  # the real batches have about 60,000
_MAX_MEMO = 200_000  # the unpickler makes a table as long as the largest number a file names
# Everything a dict of strings, numbers, lists and one array needs, in any protocol.
_OPCODE_NAMES = """
PROTO FRAME STOP MARK POP DUP PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET NONE NEWTRUE
NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 STRING BINSTRING SHORT_BINSTRING BINBYTES
SHORT_BINBYTES BINBYTES8 UNICODE BINUNICODE SHORT_BINUNICODE EMPTY_LIST LIST APPEND APPENDS
EMPTY_DICT DICT SETITEM SETITEMS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 GLOBAL STACK_GLOBAL REDUCE
BUILD
"""
_OPCODES = frozenset(_OPCODE_NAMES.split())


def read_pickled(data: bytes, shape: tuple[int, int], what: str) -> tuple[Bytes, Bytes]:
    """Images (uint8, of `shape`) and labels (uint8, one per row) of a batch; `what` names the file.

    Raises DatasetError for anything else. Nothing that the file asks to call is ever called.
    """
    try:
        _check_opcodes(data)
        batch = _Unpickler(io.BytesIO(data), encoding="latin-1").load()
        return _read_images(_get_field(batch, "data"), shape), _read_labels(
            _get_field(batch, "labels"), shape[0]
        )
    except _UnsafePickle as error:
        raise DatasetError(f"{what} is no pickled batch of CIFAR-10: {error}.") from error
    except Exception as error:  # a damaged pickle may raise whatever the unpickler's parts raise
        raise DatasetError(f"{what} is no whole pickle ({type(error).__name__}: {error}).") from error


class _UnsafePickle(Exception):  # noqa: N818  caught in this file only
    """A pickle that asks for more than a batch needs."""


class _Dtype:
    """Stand-in for numpy.dtype that keeps its arguments."""

    __slots__ = ("name",)

    def __init__(self, name: object, *rest: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        pass  # byte order and the like; a byte has none


class _Array:
    """Stand-in for numpy.ndarray that keeps shape, type and bytes as the file gives them."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


def _reconstruct(*unused: object) -> _Array:
    return _Array()


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _UnsafePickle("it encodes something else than text as latin1")
    return text.encode("latin-1")


# The four names that such a pickle may hold, and what stands for each: none of them is NumPy's own.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in _ALLOWED:
            raise _UnsafePickle(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any, /) -> Any:
        raise _UnsafePickle("it refers to objects outside the file")


def _check_opcodes(data: bytes) -> None:
    """Walk the pickle without running it: only harmless instructions, and not absurdly many."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if opcode.name not in _OPCODES:
            raise _UnsafePickle(f"it uses the instruction {opcode.name}")
        if count >= _MAX_OPCODES:
            raise _UnsafePickle(f"it has more than {_MAX_OPCODES:,} instructions")
        if opcode.name.endswith("PUT") and int(argument or 0) > _MAX_MEMO:
            raise _UnsafePickle(f"it numbers its values beyond {_MAX_MEMO:,}")


def _get_field(batch: object, name: str) -> object:
    found = batch.get(name) if isinstance(batch, dict) else None
    if found is None and isinstance(batch, dict):
        found = batch.get(name.encode())
    if found is None:
        raise _UnsafePickle(f"it has no {name!r}")
    return found


def _read_images(array: object, shape: tuple[int, int]) -> Bytes:
    """The array from its pickled state: version, shape, dtype, Fortran order, bytes."""
    state = array.state if isinstance(array, _Array) else None
    if not isinstance(state, tuple) or len(state) != 5:
        raise _UnsafePickle("its 'data' is no array")
    _, given, dtype, fortran, raw = state
    if given != shape or not isinstance(dtype, _Dtype) or dtype.name not in ("u1", "uint8"):
        raise _UnsafePickle(f"its 'data' is no array of {shape[0]:,} x {shape[1]:,} bytes")
    raw = raw.encode("latin-1") if isinstance(raw, str) else raw
    if not isinstance(raw, bytes) or len(raw) != shape[0] * shape[1]:
        raise _UnsafePickle("its 'data' has another length than its shape says")
    return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if fortran else "C")


def _read_labels(labels: object, count: int) -> Bytes:
    if not isinstance(labels, list) or len(labels) != count:
        raise _UnsafePickle(f"its 'labels' are no list of {count:,}")
    if not all(type(label) is int and 0 <= label <= 255 for label in labels):
        raise _UnsafePickle("its 'labels' are not all whole numbers from 0 to 255")
    return np.array(labels, np.uint8)
