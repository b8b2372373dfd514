"""Users' .npz files: what is read, and sixty that are not."""

import io
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learning.data import npz
from learning.errors import DatasetError

Array = NDArray[Any]
X = np.arange(36, dtype=np.uint8).reshape(6, 6)
Y = np.array([0, 1, 2, 0, 1, 2])


def saved(path: Path, *, packed: bool = False, **arrays: Any) -> Path:
    (np.savez_compressed if packed else np.savez)(path, **arrays)
    return path


def npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_claiming(shape: str, descr: str = "'|u1'", data: bytes = b"") -> bytes:
    """An array file with any header, followed by any data."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (len(text) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("names", [("X", "y"), ("x", "Y"), ("x_train", "y_train"), ("X_Train", "Y_TRAIN")])
def test_rows_and_labels_by_either_name_in_any_case(
    names: tuple[str, str], packed: bool, tmp_path: Path
) -> None:
    found = npz.read(
        saved(tmp_path / "a.npz", packed=packed, **dict(zip(names, (X, Y), strict=True))), "mine"
    )
    assert np.array_equal(found.X_train, X)
    assert found.y_train.tolist() == Y.tolist()
    assert found.X_test is None
    assert found.source == "mine"


def test_validation_rows_join_the_training_part_and_test_rows_stay_apart(tmp_path: Path) -> None:
    arrays = {
        "x_train": X[:3],
        "y_train": Y[:3],
        "x_val": X[3:5],
        "y_val": Y[3:5],
        "x_test": X[5:],
        "y_test": Y[5:],
    }
    found = npz.read(saved(tmp_path / "a.npz", **arrays), "mine")
    assert np.array_equal(found.X_train, X[:5])
    assert found.X_test is not None
    assert np.array_equal(found.X_test, X[5:])
    assert found.y_train.tolist() == Y[:5].tolist()


def test_other_arrays_are_left_alone_whatever_they_are(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", X=X, y=Y, notes=np.array([{"a": 1}], dtype=object))
    assert np.array_equal(npz.read(path, "mine").X_train, X)


def test_names_of_classes(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", X=X, y=Y, classes=np.array(["cat", "dog", "żubr"]))
    assert npz.read(path, "mine").classes == ("cat", "dog", "żubr")


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(X),
        X.astype(">i4"),
        X.astype(">f8") / 8,
        X.reshape(6, 2, 3),
        X[:, ::2],
        X.astype(np.float16),
        X > 3,
    ],
)
def test_arrays_of_any_layout_are_read_as_numpy_reads_them(array: Array, tmp_path: Path) -> None:
    found = npz.read(saved(tmp_path / "a.npz", X=array, y=Y), "mine")
    assert np.array_equal(found.X_train, array.reshape(6, -1))


def small(path: Path, **changed: Any) -> Path:
    return saved(path, **{"X": X, "y": Y} | changed)


def refused_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """One file of each kind that must be refused, and words of the sentence that says why."""
    file = iter(folder / f"{n}.npz" for n in range(100))
    objects = np.array([{"a": 1}] * 6, dtype=object)
    good = {"X.npy": npy(X), "y.npy": npy(Y)}
    whole = zipped(folder / "whole.npz", good).read_bytes()

    def text(data: bytes) -> Path:
        path = next(file)
        path.write_bytes(data)
        return path

    def claims(shape: str, descr: str = "'|u1'", data: bytes = b"") -> Path:
        return zipped(next(file), good | {"X.npy": npy_claiming(shape, descr, data)})

    def many(**arrays: Any) -> Path:
        return saved(next(file), **arrays)

    unsaid = "which is not what is there"
    unreadable = "is no readable .npz file"
    return {
        "empty file": (text(b""), unreadable),
        "text": (text(b"x_train,y_train\n1,2\n"), unreadable),
        "an .npy": (text(npy(X)), unreadable),
        "a pickle": (text(b"\x80\x04K\x01."), unreadable),
        "half a file": (text(whole[: len(whole) // 2]), unreadable),
        "no end": (text(whole[:-30]), unreadable),
        "empty archive": (zipped(next(file), {}), "must hold the arrays X and y"),
        "no labels": (many(X=X), "must hold the arrays"),
        "no rows": (many(y=Y), "must hold the arrays"),
        "half of a pair": (many(x_train=X, y=Y), "must hold the arrays"),
        "test rows alone": (many(X=X, y=Y, x_test=X), "only one of x_test and y_test"),
        "validation labels alone": (many(X=X, y=Y, y_val=Y), "only one of x_val and y_val"),
        "twice the same name": (many(X=X, x=X, y=Y), "two arrays called 'x'"),
        "a member twice": (zipped(next(file), good | {"x.npy": npy(X)}), "two arrays called 'x'"),
        "object rows": (small(next(file), X=objects), "holds Python objects"),
        "object labels": (small(next(file), y=objects), "holds Python objects"),
        "object classes": (small(next(file), classes=objects), "holds Python objects"),
        "objects in records": (small(next(file), X=np.zeros(6, "O,i4")), "holds Python objects"),
        "records": (small(next(file), X=np.zeros(6, "i4,i4")), "must be"),
        "texts": (small(next(file), X=np.full((6, 2), "a")), "must be numbers"),
        "dates": (small(next(file), X=np.zeros((6, 2), "M8[s]")), "must be numbers"),
        "complex": (small(next(file), X=X * 1j), "must be numbers"),
        "NaN": (small(next(file), X=np.full((6, 2), np.nan)), "NaN"),
        "infinite": (small(next(file), X=np.full((6, 2), np.inf)), "infinite"),
        "too large": (small(next(file), X=np.full((6, 2), 1e300)), "too large"),
        "no features": (small(next(file), X=np.zeros((6, 0))), "empty"),
        "nothing at all": (small(next(file), X=X[:0], y=Y[:0]), "are empty"),
        "a number": (small(next(file), X=np.array(3)), "must be"),
        "a label too few": (small(next(file), y=Y[:5]), "one for each of the"),
        "one-hot labels": (small(next(file), y=np.eye(6)), "one for each of the"),
        "labels from 1": (small(next(file), y=Y + 1), "must count from 0"),
        "negative labels": (small(next(file), y=Y - 1), "numbered from 0"),
        "huge labels": (small(next(file), y=Y * 10**12), "numbered from 0"),
        "a gap in the labels": (small(next(file), y=Y * 2), "No training row"),
        "one class": (small(next(file), y=Y * 0), "All training labels"),
        "fractions": (small(next(file), y=Y / 2), "fractions"),
        "text labels": (small(next(file), y=Y.astype(str)), "whole numbers"),
        "channel first": (small(next(file), X=np.zeros((6, 3, 8, 8))), "1 to 4 channels"),
        "five dimensions": (small(next(file), X=np.zeros((6, 1, 1, 1, 1))), "must be"),
        "test rows of another shape": (many(X=X, y=Y, x_test=X[:, :2], y_test=Y), "Test rows"),
        "test label unknown": (many(X=X, y=Y, x_test=X, y_test=Y + 1), "reach 3"),
        "validation of another shape": (many(X=X, y=Y, x_val=X[:, :2], y_val=Y), "do not fit"),
        "validation of texts": (many(X=X, y=Y, x_val=X.astype(str), y_val=Y), "must be numbers"),
        "fewer validation labels": (many(X=X, y=Y, x_val=X, y_val=Y[:2]), "different lengths"),
        "too few class names": (small(next(file), classes=np.array(["a", "b"])), "names 2 classes"),
        "a class name twice": (small(next(file), classes=np.array(["a", "b", "a"])), "different texts"),
        "a class name too long": (
            small(next(file), classes=np.array(["a", "b", "c" * 61])),
            "1 to 60 letters",
        ),
        "a class name with a newline": (small(next(file), classes=np.array(["a", "b", "c\n"])), "letters"),
        "numbers as class names": (small(next(file), classes=np.arange(3)), "list of 2 to"),
        "claims more rows": (claims("(600, 6)", data=X.tobytes()), unsaid),
        "claims fewer rows": (claims("(5, 6)", data=X.tobytes()), unsaid),
        "claims 1 TiB": (claims(f"({2**40},)"), unsaid),
        "claims a negative shape": (claims("(-6, 6)", data=X.tobytes()), "a negative shape"),
        "claims numbers past 64 bits": (claims(f"({2**64}, {2**64})"), unsaid),
        "claims an object type": (claims("(6, 6)", "'|O'", X.tobytes()), "holds Python objects"),
        "claims an unknown type": (claims("(6, 6)", "'@@'", X.tobytes()), unreadable),
        "header that is code": (claims("__import__('os').system('true')"), unreadable),
        "header of 60 kB": (claims("(6, 6" + ", 1" * 20_000 + ")"), unreadable),
        "unknown version": (zipped(next(file), good | {"X.npy": b"\x93NUMPY\x09\x00" + npy(X)[8:]}), "9.0"),
        "not an array": (zipped(next(file), good | {"X.npy": b"hello"}), unreadable),
        "packed by bzip2": (zipped(next(file), good, zipfile.ZIP_BZIP2), "NumPy does not write"),
        "packed by LZMA": (zipped(next(file), good, zipfile.ZIP_LZMA), "NumPy does not write"),
        "a bomb": (
            zipped(next(file), good | {"X.npy": npy(np.zeros((6, 8 << 20), np.uint8))}),
            "would grow from",
        ),
        "65 arrays": (zipped(next(file), good | {f"{n}.npy": b"" for n in range(63)}), "holds 65 arrays"),
    }


_KINDS = """
empty file, text, an .npy, a pickle, half a file, no end, empty archive, no labels, no rows,
half of a pair, test rows alone, validation labels alone, twice the same name, a member twice,
object rows, object labels, object classes, objects in records, records, texts, dates, complex, NaN,
infinite, too large, no features, nothing at all, a number, a label too few, one-hot labels,
labels from 1, negative labels, huge labels, a gap in the labels, one class, fractions, text labels,
channel first, five dimensions, test rows of another shape, test label unknown,
validation of another shape, validation of texts, fewer validation labels, too few class names,
a class name twice, a class name too long, a class name with a newline, numbers as class names,
claims more rows, claims fewer rows, claims 1 TiB, claims a negative shape,
claims numbers past 64 bits, claims an object type, claims an unknown type, header that is code,
header of 60 kB, unknown version, not an array, packed by bzip2, packed by LZMA, a bomb, 65 arrays
"""
KINDS = [kind.strip() for kind in _KINDS.split(",")]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    files = refused_files(tmp_path_factory.mktemp("refused"))
    assert list(files) == KINDS
    return files


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_does_not_fit_gets_one_sentence(kind: str, refused: dict[str, tuple[Path, str]]) -> None:
    path, words = refused[kind]
    began = time.process_time()
    with pytest.raises(DatasetError) as caught:
        npz.read(path, "mine")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    assert time.process_time() - began < 2


def test_arrays_one_byte_over_the_cap_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", X=X, y=Y.astype(np.uint8))
    assert len(npz.read(path, "mine", cap=42).X_train) == 6
    with pytest.raises(DatasetError, match="take 42 bytes; at most 41 bytes are read"):
        npz.read(path, "mine", cap=41)


def test_a_password_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.npz", {"X.npy": npy(X), "y.npy": npy(Y)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := data.find(signature, start)) >= 0:
            data[start + offset] |= 1
            start += 4
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="NumPy does not write"):
        npz.read(path, "mine")


def test_a_flipped_bit_in_the_pixels_is_noticed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.npz", {"X.npy": npy(X), "y.npy": npy(Y)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(X.tobytes()) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="Bad CRC-32"):
        npz.read(path, "mine")


def test_nothing_large_is_held_for_a_bomb_or_a_crowd_of_members(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("X.npy", "w", force_zip64=True) as file:
            file.write(npy_claiming("(100, 1048576)"))
            for _ in range(100):
                file.write(bytes(1 << 20))
        archive.writestr("y.npy", npy(np.arange(100) % 2))
    crowd = tmp_path / "crowd.npz"
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 4) + bytes(16) + b"name"
    count = 400_000
    with crowd.open("wb") as file:
        size = file.write(entry * count)
        zip64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, 0)
        file.write(zip64 + struct.pack("<IIQI", 0x07064B50, 0, size, 1))
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    program = (
        "import resource, sys\nfrom pathlib import Path\nfrom learning.data import npz\n"
        "from learning.errors import DatasetError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: npz.read(Path(sys.argv[1]), 'mine')\n"
        "except DatasetError as error:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)\n"
    )
    for path, words in ((bomb, "would grow from"), (crowd, "claim more than an archive")):
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
        )
        grown, _, sentence = done.stdout.partition(" ")
        assert words in sentence
        assert int(grown) < 64 << 10, "kilobytes"


@settings(max_examples=300, deadline=None)
@given(data=st.data(), packed=st.booleans())
def test_a_damaged_file_is_refused_or_read_right(
    data: st.DataObject, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    members = {"X.npy": npy(X), "y.npy": npy(Y)}
    spoilt = bytearray(
        zipped(path, members, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED).read_bytes()
    )
    for _ in range(data.draw(st.integers(0, 3))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(spoilt[: data.draw(st.integers(len(spoilt) // 2, len(spoilt)))])
    try:
        found = npz.read(path, "mine")
    except DatasetError:
        return
    assert np.array_equal(found.X_train, X)
    assert np.array_equal(found.y_train, Y)
