"""Data sets in memory, and how they are split into training and validation rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from learning.data.files import READ_ERRORS, lock_file, write_npz
from learning.data.preprocessing import MAX_WHITENED, Preprocessing
from learning.errors import FieldError, Invalid
from learning.settings import Settings

Array = NDArray[Any]
Rows = NDArray[np.int64]

SPLIT_SEED = 0  # the same for all sweeps, so that their validation accuracies compare
_GATHER_BLOCK = 1024  # rows that are copied before they are preprocessed, few enough to stay in cache


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled rows in the archive's order; mapped into memory when they come from the catalog.

    X_* are (N, D) uint8 or float32, images flattened in h, w, c order; y_* are (N,) int64 from 0 to C-1.
    `folder` is the cache the arrays are mapped from, None for arrays made in memory; `stamp` differs
    when other arrays were stored there under the same name.
    """

    name: str
    X_train: Array
    y_train: Rows
    X_test: Array | None
    y_test: Rows | None
    image_shape: tuple[int, int, int] | None
    classes: tuple[str, ...]
    source: str
    folder: Path | None = None
    stamp: str = ""


@dataclass(frozen=True, eq=False)
class Split:
    """Training and validation rows of one data set, and the preprocessing fitted to the training rows.

    `train_rows` and `val_rows` are sorted row numbers of `X`. Only one thread at a time may use a split (it
    keeps a buffer); processes may share the mapped `X`.
    """

    X: Array
    y: Rows
    train_rows: Rows
    val_rows: Rows
    preprocessing: Preprocessing
    n_classes: int
    _raw: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Virtual memory until rows are written to it; a plain array costs less per call than a memmap.
        object.__setattr__(self, "X", np.asarray(self.X).view(np.ndarray))
        object.__setattr__(self, "_raw", np.empty((_GATHER_BLOCK, self.X.shape[1]), self.X.dtype))

    @property
    def n_features(self) -> int:
        return int(self.X.shape[1])

    @property
    def train_part_equals_val(self) -> bool:
        """True when validation was asked on the training part itself (`val_count` 0)."""
        return self.train_rows is self.val_rows

    def gather(self, rows: Rows, out: Array | None = None, dtype: DTypeLike = np.float32) -> Array:
        """The preprocessed rows `X[rows]`, (B, D), written into `out` (float32 or float64) when it is given.

        Row numbers must be right: they are not checked here, on the hot path of training.
        """
        out = np.empty((len(rows), self.n_features), dtype) if out is None else out
        for start in range(0, len(rows), _GATHER_BLOCK):
            self._gather_block(rows[start : start + _GATHER_BLOCK], out[start : start + _GATHER_BLOCK])
        return out

    def _gather_block(self, rows: Rows, out: Array) -> None:
        raw = self._raw[: len(rows)]
        # mode="clip" writes straight into raw; the default mode would copy once more.
        np.take(self.X, rows, axis=0, out=raw, mode="clip")
        self.preprocessing.apply(raw, out)


def make_split(dataset: Dataset, settings: Settings, seed: int = SPLIT_SEED) -> Split:
    """Split the training part as the settings ask, and fit the preprocessing to its training rows.

    With `train_count` the training rows are the first ones of the archive's order and validation is drawn
    from the others; without it validation is drawn from all and training takes the rest. `val_count` 0
    validates on the training rows. `stratify` draws from each class in proportion. The test part is not
    touched.
    Raises Invalid, naming the field, when the counts do not fit the data set.
    """
    total = len(dataset.y_train)
    _check_counts(dataset, settings)
    first = total if settings.train_count is None else settings.train_count
    if settings.val_count == 0:
        train = val = np.arange(first)
    elif settings.train_count is None:
        val = _draw_val_rows(np.arange(total), dataset.y_train, settings, seed)
        train = np.setdiff1d(np.arange(total), val, assume_unique=True)
    else:
        train = np.arange(first)
        val = _draw_val_rows(np.arange(first, total), dataset.y_train, settings, seed)
    preprocessing = _fit_preprocessing(dataset, settings, seed, train)
    return Split(dataset.X_train, dataset.y_train, train, val, preprocessing, len(dataset.classes))


def count_classes(y: Rows, n_classes: int) -> tuple[int, ...]:
    """The number of rows of each class."""
    return tuple(int(n) for n in np.bincount(y, minlength=n_classes))


def sample_images(dataset: Dataset, per_class: int = 8) -> NDArray[np.uint8] | None:
    """The first training images of each class, (C, per_class, h, w, c) uint8; None when rows are no images.

    Images that do not use the range of a byte (digits count to 16, some files hold 0..1) are stretched to it.
    A class with fewer images is filled up with black ones.
    """
    if dataset.image_shape is None:
        return None
    picked = np.zeros((len(dataset.classes), per_class, dataset.X_train.shape[1]), np.float64)
    for label, images in enumerate(picked):
        rows = np.flatnonzero(dataset.y_train == label)[:per_class]
        images[: len(rows)] = dataset.X_train[rows]
    return _scale_to_bytes(picked).reshape(*picked.shape[:2], *dataset.image_shape)


def _scale_to_bytes(images: NDArray[np.float64]) -> NDArray[np.uint8]:
    low, high = float(images.min()), float(images.max())
    if low >= 0 and 127 < high <= 255:
        low, high = 0.0, 255.0
    return np.rint((images - low) * (255 / ((high - low) or 1))).astype(np.uint8)


def _check_counts(dataset: Dataset, settings: Settings) -> None:
    total, features = dataset.X_train.shape
    wanted = settings.val_count + (settings.train_count or 1)
    if wanted > total:
        name = "val_count" if settings.train_count is None else "train_count"
        train = "at least 1" if settings.train_count is None else f"{settings.train_count:,}"
        message = (
            f"{name} {getattr(settings, name):,} does not fit: {train} training and {settings.val_count:,} "
            f"validation rows are more than the {total:,} rows of {dataset.name}."
        )
        raise Invalid(FieldError(name, getattr(settings, name), message))
    if settings.preprocess == "whiten" and features > MAX_WHITENED:
        message = (
            f"preprocess 'whiten' is for at most {MAX_WHITENED:,} features; {dataset.name} has {features:,}."
        )
        raise Invalid(FieldError("preprocess", settings.preprocess, message))


def _draw_val_rows(pool: Rows, y: Rows, settings: Settings, seed: int) -> Rows:
    """Draw `val_count` rows of the pool, sorted."""
    rng = np.random.default_rng(seed)
    if not settings.stratify:
        return np.sort(rng.permutation(pool)[: settings.val_count])
    groups = [pool[y[pool] == label] for label in np.unique(y[pool])]
    shares = _split_proportionally([len(group) for group in groups], settings.val_count)
    return np.sort(np.concatenate([rng.permutation(g)[:n] for g, n in zip(groups, shares, strict=True)]))


def _split_proportionally(sizes: list[int], count: int) -> list[int]:
    """Split `count` in proportion to `sizes`, rounded down, then one more for the largest remainders."""
    total = sum(sizes)
    shares = [count * size // total for size in sizes]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (-(count * sizes[i] % total), i))
    for i in by_remainder[: count - sum(shares)]:
        shares[i] += 1
    return shares


def _fit_preprocessing(dataset: Dataset, settings: Settings, seed: int, train: Rows) -> Preprocessing:
    """Fit once per data set and split; the result is stored beside the cached arrays for all processes."""
    kind = settings.preprocess
    if dataset.folder is None or kind == "none":
        return Preprocessing.fit(kind, dataset.X_train, train, dataset.image_shape)
    counts = f"{settings.train_count}-{settings.val_count}-{int(settings.stratify)}-{seed}"
    path = dataset.folder / f"{kind}-{counts}-{dataset.stamp}.npz"
    with lock_file(dataset.folder.with_name(f".{dataset.name}.{kind}.lock")):
        stored = _read_stored(path, kind, dataset.X_train.shape[1])
        if stored is None:
            stored = Preprocessing.fit(kind, dataset.X_train, train, dataset.image_shape)
            if dataset.folder.is_dir():  # else the data set was removed while it is still in use here
                write_npz(path, stored.to_arrays())
    return stored


def _read_stored(path: Path, kind: str, features: int) -> Preprocessing | None:
    """The result of an earlier fit; None if there is none or it is damaged."""
    try:
        # Opened here: np.load leaves its own file open when it meets a damaged archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            stored = Preprocessing.from_arrays(dict(arrays))
    except READ_ERRORS:
        return None
    return (
        stored if stored.kind == kind and stored.mean is not None and len(stored.mean) == features else None
    )
