"""CIFAR-10 in its four layouts, and what is refused instead of it."""

import gzip
import io
import os
import pickle
import pickletools
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.data import cifar
from learning.data.cifar_pickle import read_pickled
from learning.data.decoding import DecodedDataset
from learning.errors import DatasetError
from tests.support import archives


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archives.cifar_folder(tmp_path_factory.mktemp("binary"))


@pytest.fixture(scope="module")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archives.cifar_folder(tmp_path_factory.mktemp("pickled"), pickled=True)


def assert_right(decoded: DecodedDataset) -> None:
    """Rows of the made-up batches, turned from channel-first into h, w, c order."""
    assert decoded.X_test is not None
    assert decoded.y_test is not None
    assert decoded.X_train.shape == (50_000, 3072)
    assert decoded.X_test.shape == (10_000, 3072)
    assert decoded.X_train.dtype == np.uint8
    assert decoded.y_train.dtype == np.int64
    assert decoded.image_shape == (32, 32, 3)
    assert decoded.classes[3] == "cat"
    for number in range(6):
        images, labels = archives.batch(number)
        part = slice(number * 10_000, number * 10_000 + 10_000) if number < 5 else slice(None)
        X, y = (decoded.X_train, decoded.y_train) if number < 5 else (decoded.X_test, decoded.y_test)
        assert np.array_equal(y[part], labels)
        for channel in range(3):
            plane = images[::97, channel * 1024 : (channel + 1) * 1024]
            assert np.array_equal(X[part][::97, channel::3], plane)


@pytest.mark.slow
def test_the_binary_folder(binary: Path) -> None:
    assert_right(cifar.read_folder(binary))


@pytest.mark.slow
def test_the_pickled_folder(pickled: Path) -> None:
    assert_right(cifar.read_folder(pickled))


@pytest.mark.slow
def test_the_binary_archive_in_place(binary: Path, tmp_path: Path) -> None:
    archive = archives.archive_of(binary, tmp_path / "cifar-10-binary.tar.gz")
    assert_right(cifar.read_archive(archive))
    assert sorted(tmp_path.iterdir()) == [archive], "nothing is unpacked"


def test_the_pickled_archive_in_place(pickled: Path, tmp_path: Path) -> None:
    assert_right(cifar.read_archive(archives.archive_of(pickled, tmp_path / "cifar-10-python.tar.gz")))


def small_batch(rows: int = 12, columns: int = 5) -> tuple[archives.Bytes, list[int]]:
    images = np.random.default_rng(1).integers(0, 256, (rows, columns)).astype(np.uint8)
    return images, [row % 10 for row in range(rows)]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL))
def test_batches_of_any_usual_pickle_protocol(protocol: int) -> None:
    images, labels = small_batch()
    read, read_labels = read_pickled(archives.python3_pickle(images, labels, protocol), (12, 5), "a batch")
    assert np.array_equal(read, images)
    assert read_labels.tolist() == labels


def test_an_array_in_fortran_order_is_read_as_it_was() -> None:
    images, labels = small_batch()
    data = pickle.dumps({"data": np.asfortranarray(images), "labels": labels}, 2)
    assert np.array_equal(read_pickled(data, (12, 5), "a batch")[0], images)


class Calls:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.what = function, arguments

    def __reduce__(self) -> object:
        return self.what


def global_call(module: str, name: str, argument: bytes = b"X\x04\x00\x00\x00true") -> bytes:
    """A pickle that calls module.name with one text, whether or not that exists here."""
    return b"\x80\x02c" + module.encode() + b"\n" + name.encode() + b"\n" + argument + b"\x85R."


def stack_global_call(module: str, name: str) -> bytes:
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
    return b"\x80\x04" + texts + b"\x93\x8c\x04true\x85R."


_GADGETS = """
os system, posix system, nt system, subprocess Popen, subprocess run, subprocess check_output,
builtins eval, builtins exec, builtins compile, builtins __import__, builtins getattr, builtins open,
builtins setattr, __builtin__ eval, runpy run_path, runpy _run_code, importlib import_module,
pty spawn, shutil rmtree, socket create_connection, timeit timeit, pdb run, cProfile run,
code InteractiveInterpreter, operator attrgetter, operator methodcaller, functools partial,
marshal loads, pickle loads, _pickle loads, ctypes CDLL, webbrowser open, urllib.request urlopen,
asyncio.unix_events _UnixSubprocessTransport, numpy.testing._private.utils runstring,
numpy.f2py.crackfortran getlincoef, numpy.f2py.crackfortran _eval_length, numpy load, numpy fromfile,
numpy.lib.npyio load, numpy ndarray.tofile, numpy dtype.__new__, numpy.core.multiarray fromstring,
numpy.core.multiarray scalar, numpy.core._multiarray_umath _reconstruct,
numpy._core.multiarray _Reconstruct, _codecs decode, _codecs lookup, codecs encode,
_codecs encode.__call__, torch.load load, sys exit, bdb Bdb, venv create
"""
GADGETS = [gadget.strip() for gadget in _GADGETS.split(",")]


@pytest.mark.parametrize("gadget", GADGETS)
@pytest.mark.parametrize("make", [global_call, stack_global_call])
def test_a_pickle_may_call_nothing_of_this_program(gadget: str, make: object) -> None:
    module, _, name = gadget.partition(" ")
    data = make(module, name)  # type: ignore[operator]
    with pytest.raises(DatasetError, match=r"asks for|no whole pickle"):
        read_pickled(data, (12, 5), "a batch")


def test_a_call_hidden_in_a_right_batch_is_refused_and_does_not_happen(tmp_path: Path) -> None:
    images, labels = small_batch()
    trap = {"data": images, "labels": labels, "x": Calls(os.mkdir, str(tmp_path / "made"))}
    with pytest.raises(DatasetError, match=r"asks for posix\.mkdir"):
        read_pickled(pickle.dumps(trap, 2), (12, 5), "a batch")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02(ios\nsystem\n(S'true'\nR.",  # INST
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x02(cnumpy\nndarray\no.",  # OBJ
        b"\x80\x02cnumpy\nndarray\n)\x81.",  # NEWOBJ
        b"\x80\x02Pabc\n.",  # PERSID
        b"\x80\x02K\x01Q.",  # BINPERSID
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x05\x97.",  # NEXT_BUFFER
        b"\x80\x02]r\xff\xff\xff\x7f.",  # a memo of two thousand million entries
        b"\x80\x02]p2147483646\n.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # BINBYTES8 of 8 EiB
        b"\x80\x02" + b"(" * 600_000 + b".",
        b"",
        b"\x80\x02N.",
        b"\x80\x02}.",
        pickle.dumps({"data": np.zeros((12, 5)), "labels": [0] * 12}, 2),  # floats
        pickle.dumps({"data": np.zeros((12, 6), np.uint8), "labels": [0] * 12}, 2),
        pickle.dumps({"data": np.zeros((12, 5), object), "labels": [0] * 12}, 2),
        pickle.dumps({"data": np.zeros((12, 5), np.uint8), "labels": [0] * 11}, 2),
        pickle.dumps({"data": np.zeros((12, 5), np.uint8), "labels": [0] * 11 + [256]}, 2),
        pickle.dumps({"data": np.zeros((12, 5), np.uint8), "labels": [0] * 11 + [True]}, 2),
        pickle.dumps({"data": np.zeros((12, 5), np.uint8), "labels": [0] * 11 + [-1]}, 2),
        pickle.dumps({"data": np.zeros((12, 5), np.uint8)}, 2),
        pickle.dumps([np.zeros((12, 5), np.uint8), [0] * 12], 2),
    ],
)
def test_pickles_that_are_no_batch(data: bytes) -> None:
    with pytest.raises(DatasetError, match="a batch is no"):
        read_pickled(data, (12, 5), "a batch")


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_pickle_is_refused_or_read_with_whole_shapes(data: st.DataObject) -> None:
    images, labels = small_batch()
    whole = bytearray(
        data.draw(
            st.sampled_from(
                [archives.python2_pickle(images, labels), archives.python3_pickle(images, labels)]
            )
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(whole) // 2, len(whole)))
    try:
        read, read_labels = read_pickled(bytes(whole[:cut]), (12, 5), "a batch")
    except DatasetError:
        return
    assert read.shape == (12, 5)
    assert read.dtype == np.uint8
    assert read_labels.shape == (12,)


def test_our_pickles_are_what_the_reader_meets_in_the_wild() -> None:
    names = {op.name for op, _, _ in pickletools.genops(archives.python2_pickle(*small_batch()))}
    assert {"GLOBAL", "BINSTRING", "REDUCE", "BUILD"} <= names
    old = pickle.loads(  # our own bytes, by the real unpickler: they are what Python 2 wrote
        archives.python2_pickle(*small_batch()).replace(b"numpy.core.", b"numpy._core."), encoding="latin-1"
    )
    assert np.array_equal(old["data"], small_batch()[0])


@pytest.mark.parametrize("size", [0, 1, 30_729_999, 30_730_001])
def test_a_binary_batch_of_another_length(size: int) -> None:
    with pytest.raises(DatasetError, match=r"has [\d,]+ bytes; a binary batch of CIFAR-10 has 30,730,000"):
        cifar.parse_binary(bytes(size), "a batch")


def test_a_label_that_cifar10_does_not_have() -> None:
    data = bytearray(archives.binary_batch(0))
    data[3073 * 77] = 10
    with pytest.raises(DatasetError, match="has the label 10; CIFAR-10 has the labels 0 to 9"):
        cifar.parse_binary(bytes(data), "a batch")


def test_a_folder_with_a_batch_too_few_or_too_large(binary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for path in binary.iterdir():
        if path.name != "data_batch_3.bin":
            (folder / path.name).symlink_to(path)
    with pytest.raises(DatasetError, match=r"lacks data_batch_3.bin\.$"):
        cifar.read_folder(folder)
    with (folder / "data_batch_3.bin").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DatasetError, match=r"more than 29\.3 MiB"):
        cifar.read_folder(folder)


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ([], "lacks data_batch_1.bin"),
        ([(member("../cifar-10-batches-bin/data_batch_1.bin", 3), b"abc")], "lacks data_batch_1.bin"),
        ([(member("/cifar-10-batches-bin/data_batch_1.bin", 3), b"abc")], "lacks data_batch_1.bin"),
        ([(member("cifar-10-batches-bin/data_batch_1.bin", 3), b"abc")], "has 3 bytes"),
        (
            [(member("cifar-10-batches-bin/data_batch_1.bin", 0, tarfile.SYMTYPE, "/etc/passwd"), b"")],
            "no plain file",
        ),
        (
            [(member("cifar-10-batches-bin/data_batch_1.bin", 0, tarfile.LNKTYPE, "/etc/passwd"), b"")],
            "no plain file",
        ),
        ([(member("cifar-10-batches-bin/data_batch_1.bin", 0, tarfile.FIFOTYPE), b"")], "no plain file"),
        ([(member(f"junk{n}"), b"") for n in range(70)], "more than 64 members"),
    ],
)
def test_archives_that_are_not_the_official_one(
    members: list[tuple[tarfile.TarInfo, bytes]], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        cifar.read_archive(tar_of(tmp_path / "cifar-10-binary.tar.gz", *members))


@pytest.mark.parametrize("claim", [30_730_001, 40 << 20, 8 << 30])
def test_an_archive_that_lies_about_the_size_of_a_batch(claim: int, tmp_path: Path) -> None:
    info = member("cifar-10-batches-bin/data_batch_1.bin", claim)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(gzip.compress(info.tobuf() + bytes(2048)))
    with pytest.raises(DatasetError, match=r"no plain file of at most 29.3 MiB|ends after"):
        cifar.read_archive(tmp_path / "cifar-10-binary.tar.gz")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_that_claims_gigabytes_is_not_read(kind: bytes, tmp_path: Path) -> None:
    info = member("x", 4 << 30, kind)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(gzip.compress(info.tobuf() + bytes(4096)))
    with pytest.raises(DatasetError, match="claim more than an archive of its kind can hold"):
        cifar.read_archive(tmp_path / "cifar-10-binary.tar.gz")


def test_an_archive_that_skips_beyond_its_budget_is_refused(tmp_path: Path) -> None:
    info = member("film.mp4", 3 << 30)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(gzip.compress(info.tobuf() + bytes(4096)))
    with pytest.raises(DatasetError, match="claims more than 512 MiB"):
        cifar.read_archive(tmp_path / "cifar-10-binary.tar.gz")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_archive_is_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz" / "cifar-10-binary.tar.gz"
    path.parent.mkdir(exist_ok=True)
    info = member("cifar-10-batches-bin/data_batch_1.bin", 40)
    raw = bytearray(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
    packed = bytearray(gzip.compress(raw, mtime=0))
    spoilt = data.draw(st.sampled_from([raw, packed]))
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(
        gzip.compress(raw) if spoilt is raw else packed[: data.draw(st.integers(0, len(packed)))]
    )
    with pytest.raises(DatasetError):
        cifar.read_archive(path)


@pytest.mark.slow
@pytest.mark.cifar10
def test_both_layouts_of_the_real_images_agree() -> None:
    place = Path(os.environ.get("LOSSDECK_DATA", "/nowhere"))
    if not (place / "cifar-10-batches-bin").is_dir() or not (place / "cifar-10-batches-py").is_dir():
        pytest.skip("LOSSDECK_DATA names no folder with both layouts of CIFAR-10")
    one, two = (cifar.read_folder(place / name) for name in ("cifar-10-batches-bin", "cifar-10-batches-py"))
    for name in ("X_train", "y_train", "X_test", "y_test"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    assert np.bincount(one.y_train).tolist() == [5000] * 10
