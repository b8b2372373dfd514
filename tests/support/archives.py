"""Makes the files of data sets, in the layouts their authors use, for the tests that read them."""

import gzip
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
ROWS, PIXELS = 10_000, 3072


def batch(number: int) -> tuple[Bytes, Bytes]:
    """Images (10000, 3072), channel-first as in the archive, and labels, different in every batch."""
    rows = (np.arange(ROWS) * 7 + 31 * number).astype(np.uint8)
    pixels = (np.arange(PIXELS) // 5).astype(np.uint8)
    return rows[:, None] + pixels, ((np.arange(ROWS) + number) % 10).astype(np.uint8)


def binary_batch(number: int) -> bytes:
    images, labels = batch(number)
    return np.hstack([labels[:, None], images]).tobytes()


def python2_pickle(images: Bytes, labels: list[int]) -> bytes:
    """A batch as Python 2 and the NumPy of its day pickled it, protocol 2: byte strings and `numpy.core`."""

    def text(value: bytes) -> bytes:
        return b"T" + struct.pack("<I", len(value)) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + b"K\x00\x85" + text(b"b") + b"tR"
    dtype = (
        b"cnumpy\ndtype\n("
        + text(b"u1")
        + b"K\x00K\x01tR(K\x03"
        + text(b"|")
        + b"NNN"
        + number(-1) * 2
        + b"K\x00tb"
    )
    shape = b"".join(number(length) for length in images.shape) + b"\x86"
    array += b"(K\x01" + shape + dtype + b"\x89" + text(images.tobytes()) + b"tb"
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + listed + b"u."


def python3_pickle(images: Bytes, labels: list[int], protocol: int = 4) -> bytes:
    """A batch as today's Python and NumPy pickle it."""
    return pickle.dumps({b"batch_label": b"a batch", b"labels": labels, b"data": images}, protocol)


def cifar_folder(parent: Path, *, pickled: bool = False) -> Path:
    """All six batches in one of the two official folders."""
    folder = parent / ("cifar-10-batches-py" if pickled else "cifar-10-batches-bin")
    folder.mkdir(parents=True)
    for number in range(6):
        name = "test_batch" if number == 5 else f"data_batch_{number + 1}"
        if pickled:
            images, labels = batch(number)
            (folder / name).write_bytes(python2_pickle(images, labels.tolist()))
        else:
            (folder / f"{name}.bin").write_bytes(binary_batch(number))
    return folder


def archive_of(folder: Path, archive: Path) -> Path:
    """The folder as .tar.gz."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(folder, folder.name)
    return archive


def idx_bytes(array: Bytes) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def mnist_folder(folder: Path, *, packed: bool = True, rows: int = 60, seed: int = 0) -> Path:
    """The four files of MNIST with a few random images, gzipped or plain."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for part, count in (("train", rows), ("t10k", rows // 2)):
        images = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            data = idx_bytes(array)
            path = folder / f"{name}{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    return folder
