"""What a decoded data set must be like, and the IDX files of MNIST and Fashion-MNIST."""

import gzip
import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learning.data import mnist_idx
from learning.data.decoding import (
    MAX_CLASSES,
    READ_BYTES,
    DecodedDataset,
    GuardedReader,
    check_decoded,
    format_size,
    read_exactly,
)
from learning.errors import DatasetError
from tests.support import archives

Array = NDArray[Any]
Y = np.array([0, 1, 2, 0])


def decoded(
    X: Array, y: Array = Y, test: tuple[Array, Array] | None = None, classes: str = ""
) -> DecodedDataset:
    X_test, y_test = test or (None, None)
    return check_decoded(DecodedDataset(X, y, X_test, y_test, None, tuple(classes), "made"), "pets.npz")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint16, np.int8, np.bool_])
def test_small_whole_numbers_are_stored_as_bytes(dtype: type) -> None:
    X = np.arange(8).reshape(4, 2).astype(dtype)
    assert decoded(X).X_train.dtype == np.uint8
    assert np.array_equal(decoded(X).X_train, X)


@pytest.mark.parametrize(
    "X",
    [
        np.array([[0.5], [1], [2], [3]]),
        np.array([[0], [1], [2], [256]]),
        np.array([[0], [1], [2], [-1]]),
        np.array([[0.0], [1], [2], [3]], np.float16),
    ],
)
def test_other_numbers_are_stored_as_floats(X: Array) -> None:
    assert decoded(X).X_train.dtype == np.float32
    assert np.array_equal(decoded(X).X_train, X)


def test_training_and_test_rows_get_the_same_type() -> None:
    bytes_, wide = np.zeros((4, 1), np.uint8), np.full((1, 1), 300)
    both = decoded(bytes_, test=(wide, np.array([2])))
    assert both.X_test is not None
    assert both.X_train.dtype == both.X_test.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [((4, 6), None), ((4, 2, 3), (2, 3, 1)), ((4, 2, 3, 1), (2, 3, 1)), ((4, 2, 3, 4), (2, 3, 4))],
)
def test_rows_are_flattened_and_remember_their_shape(
    shape: tuple[int, ...], image_shape: tuple[int, int, int] | None
) -> None:
    X = np.arange(np.prod(shape)).reshape(shape)
    assert decoded(X).image_shape == image_shape
    assert np.array_equal(decoded(X).X_train, X.reshape(4, -1))


@pytest.mark.parametrize("y", [[[0], [1], [2], [0]], [0.0, 1.0, 2.0, 0.0]])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
def test_labels_in_the_forms_that_people_have(y: list[Any], dtype: type) -> None:
    labels = decoded(np.zeros((4, 2)), np.array(y, dtype)).y_train
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 1, 2, 0]


def test_classes_are_called_by_their_numbers_or_their_names() -> None:
    assert decoded(np.zeros((4, 2))).classes == ("0", "1", "2")
    assert decoded(np.zeros((4, 2)), classes="abc").classes == ("a", "b", "c")


X = np.zeros((4, 2))
NOT_A_NUMBER = np.array([[0, 1], [2, np.nan], [0, 0], [0, 0]])
REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: decoded(NOT_A_NUMBER), "NaN, infinite or too large"),
    (lambda: decoded(np.where(np.isnan(NOT_A_NUMBER), -np.inf, 0)), "NaN, infinite or too large"),
    (lambda: decoded(np.full((4, 2), 1e39)), "NaN, infinite or too large"),
    (lambda: decoded(X, test=(NOT_A_NUMBER, Y)), "NaN, infinite or too large"),
    (lambda: decoded(X.astype(complex)), "must be numbers; their type is complex128"),
    (lambda: decoded(X.astype(str)), "must be numbers; their type is <U32"),
    (lambda: decoded(X.astype("M8[s]")), r"must be numbers; their type is datetime64\[s\]"),
    (lambda: decoded(np.zeros((4, 0))), r"are empty; their shape is \(4, 0\)"),
    (lambda: decoded(np.zeros((0, 2)), Y[:0]), "labels of pets.npz are empty"),
    (lambda: decoded(np.zeros(4)), r"must be \(N, features\), .* their shape is \(4,\)"),
    (lambda: decoded(np.zeros((4, 3, 32, 32))), r"1 to 4 channels\); their shape is \(4, 3, 32, 32\)"),
    (lambda: decoded(np.zeros((4, 1, 1, 1, 1))), r"their shape is \(4, 1, 1, 1, 1\)"),
    (lambda: decoded(X, Y[:3]), r"one for each of the 4 rows; their shape is \(3,\)"),
    (lambda: decoded(X, np.eye(4)), r"one for each of the 4 rows; their shape is \(4, 4\)"),
    (lambda: decoded(X, Y + 1), "count from 1 to 3; they must count from 0, so take 1 from each"),
    (lambda: decoded(X, Y - 1), "run from -1 to 1; classes are numbered from 0"),
    (lambda: decoded(X, np.array([0, 1, 2, MAX_CLASSES])), "run from 0 to 1000; classes are numbered"),
    (lambda: decoded(X, np.array([0, 1, 3, 0])), "No training row of pets.npz has the label 2"),
    (lambda: decoded(X, np.array([0, 1, 2, 2**63], np.uint64)), "run from 0 to"),
    (lambda: decoded(X, np.array([0, 0.5, 1, 2])), "some are fractions or not finite"),
    (lambda: decoded(X, np.array([0, np.nan, 1, 2])), "some are fractions or not finite"),
    (lambda: decoded(X, np.array([0, np.inf, 1, 2])), "some are fractions or not finite"),
    (lambda: decoded(X, np.array(["cat", "dog", "cat", "dog"])), "must be whole numbers; their type is <U3"),
    (lambda: decoded(X, Y.astype(bool)), "must be whole numbers; their type is bool"),
    (lambda: decoded(X, Y * 0), "All training labels of pets.npz are 0"),
    (lambda: decoded(X, Y * 0 + 5), "All training labels of pets.npz are 5"),
    (lambda: decoded(X, classes="ab"), "names 2 classes, but has the label 2"),
    (lambda: decoded(X, classes="abcd"), "has the label 3"),
    (lambda: decoded(X, test=(X, Y + 1)), "reach 3; training has the classes 0 to 2"),
    (lambda: decoded(X, test=(X[:, :1], Y)), r"shape \(1,\), training rows \(2,\)"),
    (lambda: decoded(X, test=(X[:0], Y[:0])), "test labels of pets.npz are empty"),
]


@pytest.mark.parametrize(("attempt", "sentence"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_is_refused_gets_one_sentence(attempt: Callable[[], object], sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence) as caught:
        attempt()
    assert re.fullmatch(r"([A-Z]|pets).*\.", str(caught.value)), "one line with a full stop"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (5 << 20, "5 MiB"), (2 << 30, "2 GiB")],
)
def test_sizes_in_words(count: int, words: str) -> None:
    assert format_size(count) == words


def test_a_guarded_file_stops_at_its_budget_and_at_large_reads() -> None:
    file = GuardedReader(io.BytesIO(bytes(100)), budget=50)
    assert len(file.read(10)) == 10
    with pytest.raises(DatasetError, match="claim more"):
        file.read(READ_BYTES + 1)
    assert file.seek(50) == 50
    with pytest.raises(DatasetError, match="claims more than 50 bytes"):
        file.seek(51)
    file.seek(1, io.SEEK_CUR)
    with pytest.raises(DatasetError, match="claim more"):
        file.read(1)


def test_exactly_so_many_bytes_or_a_sentence() -> None:
    assert read_exactly(io.BytesIO(b"abc"), 2, "it") == b"ab"
    with pytest.raises(DatasetError, match="it ends after 3 of the 1,000,000,000,000 bytes it promises"):
        read_exactly(io.BytesIO(b"abc"), 10**12, "it")


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_files_packed_and_plain(packed: bool, tmp_path: Path) -> None:
    folder = archives.mnist_folder(tmp_path / "mnist", packed=packed, rows=60)
    found = mnist_idx.read_folder(folder, mnist_idx.DIGIT_CLASSES, "made")
    rng = np.random.default_rng(0)
    assert np.array_equal(found.X_train, rng.integers(0, 256, (60, 28, 28)).astype(np.uint8).reshape(60, 784))
    assert found.X_test is not None
    assert found.X_test.shape == (30, 784)
    assert found.y_train.tolist() == [n % 10 for n in range(60)]
    assert found.image_shape == (28, 28, 1)


def test_other_spellings_of_the_names_are_found(tmp_path: Path) -> None:
    folder = archives.mnist_folder(tmp_path / "mnist", packed=False)
    for path in folder.iterdir():
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(mnist_idx.read_folder(folder, mnist_idx.DIGIT_CLASSES, "made").y_train) == 60


def test_a_folder_without_all_four_files(tmp_path: Path) -> None:
    folder = archives.mnist_folder(tmp_path / "mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match="lacks t10k-labels-idx1-ubyte"):
        mnist_idx.read_folder(folder, mnist_idx.DIGIT_CLASSES, "made")


def test_images_where_labels_should_be(tmp_path: Path) -> None:
    folder = archives.mnist_folder(tmp_path / "mnist")
    (folder / "t10k-images-idx3-ubyte.gz").replace(folder / "t10k-labels-idx1-ubyte.gz")
    archives.mnist_folder(tmp_path / "other")
    (tmp_path / "other" / "t10k-images-idx3-ubyte.gz").replace(folder / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(DatasetError, match="images where labels should be"):
        mnist_idx.read_folder(folder, mnist_idx.DIGIT_CLASSES, "made")


WHOLE = archives.idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "ends after 0 of the 4 bytes"),
        (WHOLE[:3], "ends after 3 of the 4 bytes"),
        (WHOLE[:9], "ends after 5 of the 12 bytes"),
        (WHOLE[:-1], "ends after 23 of the 24 bytes"),
        (WHOLE + b"x", "goes on after the 24 bytes"),
        (b"\x00\x01" + WHOLE[2:], "no IDX file of bytes"),
        (b"\x00\x00\x0d" + WHOLE[3:], "no IDX file of bytes"),
        (b"\x00\x00\x08\x00", "no IDX file of bytes"),
        (b"\x00\x00\x08\x04" + bytes(16), "no IDX file of bytes"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "at most 256 MiB are read"),
        (struct.pack(">HBB3I", 0, 8, 3, 1 << 28, 1, 1), "ends after 0 of the 268,435,456 bytes"),
        (struct.pack(">HBB3I", 0, 8, 3, (1 << 28) + 1, 1, 1), "at most 256 MiB are read"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_that_lie_or_break_off(data: bytes, sentence: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("images.gz" if packed else "images")
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(DatasetError, match=sentence):
        mnist_idx.read_file(path)


@pytest.mark.parametrize(
    "data",
    [b"plain text", gzip.compress(WHOLE, mtime=0)[:-9], gzip.compress(WHOLE, mtime=0)[:4] + b"\xff" * 40],
    ids=["plain text", "cut off", "broken"],
)
def test_gzip_files_that_are_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(data)
    with pytest.raises(DatasetError, match=r"cannot be read|ends after"):
        mnist_idx.read_file(tmp_path / "images.gz")


@settings(max_examples=200, deadline=None)
@given(data=st.data(), packed=st.booleans())
def test_damaged_idx_files_are_refused_or_whole(
    data: st.DataObject, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / ("damaged-idx.gz" if packed else "damaged-idx")
    spoilt = bytearray(gzip.compress(WHOLE, mtime=0) if packed else WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))])
    try:
        array = mnist_idx.read_file(path)
    except DatasetError:
        return
    assert array.dtype == np.uint8
    assert array.size == 24
