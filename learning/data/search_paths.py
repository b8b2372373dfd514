"""The folders where the files of built-in data sets may lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from learning.data import cifar, mnist_idx

MNIST_FOLDERS = ("mnist", "MNIST/raw", "MNIST")
FASHION_FOLDERS = ("fashion-mnist", "fashion_mnist", "FashionMNIST/raw", "FashionMNIST")


def downloads_folder(home: Path) -> Path:
    """Where downloads go."""
    return home / "downloads"


def list_folders(home: Path, data: Path | None) -> tuple[Path, ...]:
    """The existing folders to search, in order: the user's own, our downloads, then the usual places of
    torchvision's examples, of Keras and of the course's exercises."""
    try:
        user = [Path.home()]
    except RuntimeError:  # a process without a home folder
        user = []
    here = [Path.cwd(), *user]
    found = [data] if data else []
    found += [downloads_folder(home), *(place / "data" for place in here)]
    found += [place / ".keras" / "datasets" for place in user]
    found += [place / "cs231n" / "datasets" for place in here]
    return tuple(dict.fromkeys(path for path in found if path.is_dir()))


def find_cifar10(home: Path, data: Path | None) -> Iterator[Path]:
    """Folders and archives that may hold CIFAR-10: binary before pickled, unpacked before packed."""
    for folder in list_folders(home, data):
        for name, files in (
            (cifar.BINARY_FOLDER, cifar.BINARY_FILES),
            (cifar.PICKLED_FOLDER, cifar.PICKLED_FILES),
        ):
            # The folder itself, in it, or one deeper: Keras unpacks into a folder named after the archive.
            nests = [folder] if folder.name == name else []
            nests += [folder / name, *sorted(folder.glob(f"cifar-10*/{name}"))]
            yield from (nest for nest in nests if any((nest / file).is_file() for file in files))
        archives = (folder / cifar.BINARY_ARCHIVE, folder / cifar.PICKLED_ARCHIVE)
        yield from (archive for archive in archives if archive.is_file())


def find_mnist(home: Path, data: Path | None, names: tuple[str, ...] = MNIST_FOLDERS) -> Iterator[Path]:
    """Folders that hold IDX files, and Keras' mnist.npz."""
    for folder in list_folders(home, data):
        nests = (folder / name for name in names)
        yield from (nest for nest in nests if mnist_idx.find_file(nest, mnist_idx.IDX_FILES[0]) is not None)
        if names is MNIST_FOLDERS and (folder / "mnist.npz").is_file():
            yield folder / "mnist.npz"
