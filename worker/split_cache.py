"""The data sets and splits that a worker process keeps in memory between groups."""

from functools import lru_cache
from pathlib import Path

from learning.data import catalog
from learning.data.dataset import Dataset, Split, make_split
from learning.settings import Settings
from store.config import Config

MAX_SPLITS = 4  # each holds the statistics of its preprocessing; the images are mapped and shared


def load_split(name: str, settings: Settings, config: Config) -> tuple[Dataset, Split]:
    """The data set and the split for these settings. Raises DatasetError and Invalid."""
    # Loading only maps files: it is cheap, and it notices a data set that was removed.
    dataset = catalog.load(name, config.home, config.data)
    wanted = Settings(
        preprocess=settings.preprocess,
        train_count=settings.train_count,
        val_count=settings.val_count,
        stratify=settings.stratify,
    )
    return _make_split(name, config.home, config.data, _read_stamp(dataset), wanted)


def _read_stamp(dataset: Dataset) -> tuple[int, int]:
    """Differs between data sets that had the same name at different times."""
    stat = (dataset.folder / "meta.json").stat() if dataset.folder else None
    return (stat.st_mtime_ns, stat.st_ino) if stat else (0, 0)


@lru_cache(maxsize=MAX_SPLITS)
def _make_split(
    name: str, home: Path, data: Path | None, stamp: tuple[int, int], wanted: Settings
) -> tuple[Dataset, Split]:
    dataset = catalog.load(name, home, data)
    return dataset, make_split(dataset, wanted)
