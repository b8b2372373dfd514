"""Where data sets are looked for, and which of several sources is taken."""

from pathlib import Path

import numpy as np
import pytest

from learning.data import catalog, search_paths
from learning.errors import DatasetError
from tests.support import archives


@pytest.fixture(autouse=True)
def nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own home and the current folder are searched too: let both be empty."""
    (tmp_path / "user").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path / "here")


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw", "MNIST"])
def test_mnist_where_torchvision_and_others_put_it(folder: str, home: Path, tmp_path: Path) -> None:
    archives.mnist_folder(tmp_path / "data" / folder)
    assert [found.name for found in catalog.list_summaries(home, tmp_path / "data")] == ["digits", "mnist"]
    mnist = catalog.load("mnist", home, tmp_path / "data")
    assert mnist.X_train.shape == (60, 784)
    assert catalog.find_summary("mnist", home, None).n_train == 60, "known from the cache now"


@pytest.mark.parametrize("folder", ["fashion-mnist", "fashion_mnist", "FashionMNIST/raw"])
def test_fashion_mnist_is_told_from_mnist_by_its_folder(folder: str, home: Path, tmp_path: Path) -> None:
    archives.mnist_folder(tmp_path / "data" / folder)
    assert [found.name for found in catalog.list_summaries(home, tmp_path / "data")] == [
        "digits",
        "fashion_mnist",
    ]
    assert catalog.load("fashion_mnist", home, tmp_path / "data").classes[9] == "Ankle boot"


def test_mnist_as_keras_keeps_it(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "user" / ".keras" / "datasets"
    folder.mkdir(parents=True)
    X, y = np.zeros((20, 28, 28), np.uint8), (np.arange(20) % 10).astype(np.uint8)
    np.savez(folder / "mnist.npz", x_train=X, y_train=y, x_test=X, y_test=y)
    assert catalog.load("mnist", home, None).image_shape == (28, 28, 1)


@pytest.mark.parametrize(
    "place",
    [
        "home/downloads",
        "here/data",
        "here/cs231n/datasets",
        "user/data",
        "user/cs231n/datasets",
        "user/.keras/datasets",
        "user/.keras/datasets/cifar-10-batches-py-target",
        "user/.keras/datasets/cifar-10-python_extracted",
        "named",
    ],
)
def test_cifar10_in_the_usual_places(place: str, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / place / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    (folder / "data_batch_1").touch()
    assert list(search_paths.find_cifar10(home, tmp_path / "named")) == [folder]


def test_the_named_folder_comes_first_and_binary_before_pickled(home: Path, tmp_path: Path) -> None:
    wanted = []
    for place in (tmp_path / "named", home / "downloads"):
        for name, file in (("cifar-10-batches-bin", "test_batch.bin"), ("cifar-10-batches-py", "test_batch")):
            (place / name).mkdir(parents=True)
            (place / name / file).touch()
            wanted.append(place / name)
        for name in ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"):
            (place / name).touch()
            wanted.append(place / name)
    assert list(search_paths.find_cifar10(home, tmp_path / "named")) == wanted


def test_the_data_folder_may_be_the_batches_folder_itself(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "data_batch_1.bin").touch()
    assert list(search_paths.find_cifar10(home, folder)) == [folder]


def test_a_broken_source_is_passed_over_and_named_when_all_are_broken(home: Path, tmp_path: Path) -> None:
    broken = archives.mnist_folder(tmp_path / "data" / "mnist")
    cut(broken / "train-images-idx3-ubyte.gz")
    with pytest.raises(DatasetError, match=str(broken)):
        catalog.load("mnist", home, tmp_path / "data")
    archives.mnist_folder(home / "downloads" / "mnist", rows=40)
    assert len(catalog.load("mnist", home, tmp_path / "data").y_train) == 40
