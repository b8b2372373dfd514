"""Owns the data sets and splits that a worker process keeps between groups (reads and cuts none itself)."""

from functools import lru_cache
from pathlib import Path

from learning.data import catalog
from learning.data.dataset import Dataset, Split, make_split
from learning.settings import Settings
from store.config import Config

KEPT = 4  # splits; each holds the statistics of its preprocessing, the images are mapped and shared


def split_for(name: str, settings: Settings, config: Config) -> tuple[Dataset, Split]:
    """The data set and the split that `settings` ask for. Raises DatasetError and Invalid."""
    dataset = catalog.load(
        name, config.home, config.data
    )  # maps files: cheap, and notices a data set that was removed
    wanted = Settings(
        preprocess=settings.preprocess,
        train_count=settings.train_count,
        val_count=settings.val_count,
        stratify=settings.stratify,
    )
    return _cut(name, config.home, config.data, _stamp(dataset), wanted)


def _stamp(dataset: Dataset) -> tuple[int, int]:
    """Differs between data sets that had the same name one after the other."""
    about = (dataset.folder / "meta.json").stat() if dataset.folder else None
    return (about.st_mtime_ns, about.st_ino) if about else (0, 0)


@lru_cache(maxsize=KEPT)
def _cut(
    name: str, home: Path, data: Path | None, stamp: tuple[int, int], wanted: Settings
) -> tuple[Dataset, Split]:
    dataset = catalog.load(name, home, data)
    return dataset, make_split(dataset, wanted)
