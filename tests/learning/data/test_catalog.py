"""The catalog: finding, decoding once among many processes, users' own data sets."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from learning.data import catalog
from learning.data.dataset import Dataset
from learning.errors import DatasetError
from tests.support import archives


@pytest.fixture(autouse=True)
def nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own home and the current folder are searched too: let both be empty."""
    (tmp_path / "user").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path / "here")


def own_file(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "own.npz"
    np.savez(path, **({"X": np.arange(36, dtype=np.uint8).reshape(6, 6), "y": np.arange(6) % 3} | arrays))
    return path


def written(home: Path) -> list[str]:
    """Everything below home but lock files, by name."""
    return sorted(path.name for path in home.rglob("*") if path.suffix != ".lock")


def test_the_embedded_digits(home: Path) -> None:
    digits = catalog.load("digits", home, None)
    assert isinstance(digits.X_train, np.memmap)
    assert digits.X_test is not None
    assert digits.y_test is not None
    assert digits.X_train.shape == (1500, 64)
    assert digits.X_test.shape == (297, 64)
    assert (digits.X_train.dtype, digits.y_train.dtype) == (np.uint8, np.int64)
    assert (digits.X_train.min(), digits.X_train.max()) == (0, 16)
    assert digits.image_shape == (8, 8, 1)
    assert digits.y_train[:10].tolist() == list(range(10)), "the archive's order"
    assert digits.X_train[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert "CC BY 4.0" in digits.source


def test_the_embedded_file_is_small_and_says_where_it_is_from() -> None:
    folder = Path(catalog.__file__).parent
    assert (folder / "digits.npz").stat().st_size < 50_000
    words = (folder / "digits.txt").read_text()
    assert "UCI Machine Learning Repository" in words
    assert "CC BY 4.0" in words


def test_mapped_arrays_cannot_be_written(home: Path) -> None:
    digits = catalog.load("digits", home, None)
    with pytest.raises(ValueError, match="read-only"):
        digits.X_train[0, 0] = 1


def test_summaries_before_and_after_decoding_are_the_same(home: Path) -> None:
    before = catalog.list_summaries(home, None)
    assert [summary.name for summary in before] == ["digits"]
    catalog.load("digits", home, None)
    assert catalog.list_summaries(home, None) == before
    (digits,) = before
    assert (digits.n_train, digits.n_test, digits.n_features, digits.ready) == (1500, 297, 64, True)
    assert sum(digits.class_counts) == 1500


PROGRAM = """
import hashlib, sys
from pathlib import Path
from learning.data import catalog
sys.stdin.readline()
data = catalog.load(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
maps = [line.split() for line in open("/proc/self/maps") if line.rstrip().endswith("X_train.npy")]
print(sorted({line[4] for line in maps}), hashlib.sha256(data.X_train).hexdigest(), int(data.y_train.sum()))
"""


def loaders(count: int, name: str, home: Path, data: Path) -> list[str]:
    """What so many processes that load at the same moment print."""
    command = [sys.executable, "-c", PROGRAM, name, str(home), str(data)]
    root = Path(catalog.__file__).parents[2]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
        for _ in range(count)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * count
    return said


def test_processes_that_race_decode_once_and_map_the_same_file(home: Path, tmp_path: Path) -> None:
    archives.mnist_folder(tmp_path / "data" / "mnist", rows=600)
    said = loaders(4, "mnist", home, tmp_path / "data")
    stored = home / "data" / "mnist" / "X_train.npy"
    assert len(set(said)) == 1
    assert said[0].startswith(f"['{stored.stat().st_ino}'] ")
    assert said == loaders(1, "mnist", home, tmp_path / "data") * 4
    assert written(home / "data") == [
        "X_test.npy",
        "X_train.npy",
        "meta.json",
        "mnist",
        "y_test.npy",
        "y_train.npy",
    ]


def test_a_decoder_that_was_killed_leaves_nothing_in_the_way(home: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom learning.data import cache\n"
        "from learning.data.files import lock_file, replace_folder\n"
        "home = Path(sys.argv[1])\n"
        "folder = cache.dataset_folder(home, 'digits')\n"
        "with lock_file(cache.lock_path(home, 'digits')), replace_folder(folder) as place:\n"
        "    (place / 'X_train.npy').write_bytes(b'half')\n    print('in', flush=True)\n    time.sleep(60)\n"
    )
    root = Path(catalog.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(home)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as decoder:
        assert decoder.stdout is not None
        assert decoder.stdout.readline() == "in\n"
        assert ".digits.part" in written(home)
        decoder.send_signal(signal.SIGKILL)
    assert len(catalog.load("digits", home, None).y_train) == 1500
    assert ".digits.part" not in written(home)


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def edit_meta(**changed: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        meta = json.loads((folder / "meta.json").read_text()) | changed
        (folder / "meta.json").write_text(json.dumps(meta))

    return edit


def swap_labels(folder: Path) -> None:
    np.save(folder / "y_train.npy", np.full(1500, 10))


def other_type(folder: Path) -> None:
    header = (folder / "X_train.npy").read_bytes()[:128].replace(b"|u1", b"|i1")
    with (folder / "X_train.npy").open("r+b") as file:
        file.write(header)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "rows cut short": lambda folder: cut(folder / "X_train.npy"),
    "test rows cut short": lambda folder: cut(folder / "X_test.npy"),
    "labels gone": lambda folder: (folder / "y_train.npy").unlink(),
    "labels out of range": swap_labels,
    "another type": other_type,
    "meta gone": lambda folder: (folder / "meta.json").unlink(),
    "meta empty": lambda folder: (folder / "meta.json").write_bytes(b""),
    "meta not text": lambda folder: (folder / "meta.json").write_bytes(b"\xff\xfe\x00"),
    "meta a list": lambda folder: (folder / "meta.json").write_text("[]"),
    "meta of another version": edit_meta(version=0),
    "meta without files": edit_meta(files={}),
    "meta with odd files": edit_meta(files=3),
    "meta with an odd file": edit_meta(files={"X_train": 3, "y_train": 4}),
    "meta with odd classes": edit_meta(classes=3),
    "meta with an odd shape": edit_meta(image_shape=[1, 2]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_decoded_again(damage: str, home: Path) -> None:
    right = catalog.load("digits", home, None)
    X = np.array(right.X_train)
    DAMAGE[damage](home / "data" / "digits")
    again = catalog.load("digits", home, None)
    assert np.array_equal(again.X_train, X)
    assert catalog.find_summary("digits", home, None).n_train == 1500


@pytest.mark.parametrize("damage", DAMAGE)
def test_summaries_never_stumble_over_a_damaged_cache(damage: str, home: Path) -> None:
    catalog.load("digits", home, None)
    DAMAGE[damage](home / "data" / "digits")
    assert [summary.name for summary in catalog.list_summaries(home, None)] == ["digits"]


def test_a_data_set_of_ones_own(home: Path, tmp_path: Path) -> None:
    summary = catalog.add(own_file(tmp_path, classes=np.array(["cat", "dog", "fox"])), "pets-1", home)
    assert (summary.name, summary.n_train, summary.n_test, summary.n_features) == ("pets-1", 6, 0, 6)
    assert summary.class_counts == (2, 2, 2)
    assert summary.classes == ("cat", "dog", "fox")
    assert catalog.list_summaries(home, None)[1:] == (summary,)
    pets: Dataset = catalog.load("pets-1", home, None)
    assert isinstance(pets.X_train, np.memmap)
    assert pets.X_train[1].tolist() == [6, 7, 8, 9, 10, 11]
    assert pets.X_test is None


def test_a_name_is_used_once_whatever_its_case_and_again_after_removal(home: Path, tmp_path: Path) -> None:
    catalog.add(own_file(tmp_path), "pets", home)
    for name in ("pets", "PETS"):
        with pytest.raises(DatasetError, match=f"There is a data set called '{name}' already"):
            catalog.add(own_file(tmp_path), name, home)
    pets = catalog.load("pets", home, None)
    catalog.remove("pets", home)
    assert pets.X_train[1, 0] == 6, "who mapped it keeps it"
    assert [summary.name for summary in catalog.list_summaries(home, None)] == ["digits"]
    with pytest.raises(DatasetError, match="no data set called 'pets' to remove"):
        catalog.remove("pets", home)
    assert catalog.add(own_file(tmp_path), "PETS", home).name == "PETS"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "/etc/x",
        "a b",
        "a.npz",
        "-a",
        "_a",
        "a\0",
        "a\n",
        "żubr",
        "%2e",
        "a" * 61,
    ],
)
def test_names_that_could_be_something_else(name: str, home: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for attempt in (
        lambda: catalog.add(own_file(home), name, home),
        lambda: catalog.load(name, home, None),
        lambda: catalog.find_summary(name, home, None),
        lambda: catalog.remove(name, home),
    ):
        with pytest.raises(DatasetError, match="must be 1 to 60 letters, digits, - and _"):
            attempt()
    (home / "own.npz").unlink()
    assert sorted(tmp_path.rglob("*")) == before


def test_the_longest_name(home: Path, tmp_path: Path) -> None:
    assert catalog.add(own_file(tmp_path), "a" * 60, home).name == "a" * 60


@pytest.mark.parametrize(
    "name", ["digits", "Digits", "cifar10", "CIFAR10", "mnist", "fashion_mnist", "fashion-mnist"]
)
def test_names_of_built_in_sets_are_taken(name: str, home: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="belongs to a data set of Lossdeck's own"):
        catalog.add(own_file(tmp_path), name, home)


def test_nothing_is_kept_of_a_file_that_does_not_fit(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="count from 1 to 3"):
        catalog.add(own_file(tmp_path, y=np.arange(6) % 3 + 1), "pets", home)
    assert written(home) == []


def test_a_damaged_set_of_ones_own_says_what_to_do(home: Path, tmp_path: Path) -> None:
    catalog.add(own_file(tmp_path), "pets", home)
    cut(home / "data" / "pets" / "X_train.npy")
    with pytest.raises(
        DatasetError, match="arrays of pets are damaged; remove the data set and add it again"
    ):
        catalog.load("pets", home, None)


def test_unknown_and_absent_sets_say_what_would_do(home: Path) -> None:
    with pytest.raises(DatasetError, match=r"no data set called 'pets'; there are digits\.$"):
        catalog.load("pets", home, None)
    with pytest.raises(
        DatasetError, match=r"cifar10 is not on this machine; fetch it with `lossdeck data get cifar10`"
    ):
        catalog.load("cifar10", home, None)
    with pytest.raises(DatasetError, match="mnist is not on this machine"):
        catalog.find_summary("mnist", home, None)


def test_a_home_that_cannot_be_written(home: Path, tmp_path: Path) -> None:
    (home / "data").write_text("a file where a folder should be")
    with pytest.raises(DatasetError, match="digits cannot be kept in"):
        catalog.load("digits", home, None)
    with pytest.raises(DatasetError, match="pets cannot be kept in"):
        catalog.add(own_file(tmp_path), "pets", home)


@pytest.mark.slow
@pytest.mark.cifar10
def test_the_real_cifar10_by_name(home: Path) -> None:
    data = Path(os.environ.get("LOSSDECK_DATA", "/nowhere"))
    if not data.is_dir():
        pytest.skip("LOSSDECK_DATA names no folder")
    before = catalog.find_summary("cifar10", home, data)
    cifar10 = catalog.load("cifar10", home, data)
    assert cifar10.X_train.shape == (50_000, 3072)
    assert catalog.find_summary("cifar10", home, None) == before
