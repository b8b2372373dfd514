"""Splits: which rows train, which validate, and how they are gathered."""

import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.data import catalog, dataset, preprocessing
from learning.data.dataset import Dataset, count_classes, make_split, sample_images
from learning.errors import Invalid
from learning.settings import PREPROCESSES, Settings


def data_set(
    rows: int = 300,
    features: int = 12,
    classes: int = 3,
    dtype: type = np.uint8,
    image_shape: tuple[int, int, int] | None = (2, 2, 3),
) -> Dataset:
    rng = np.random.default_rng(8)
    X = rng.integers(0, 256, (rows, features)).astype(dtype)
    y = rng.integers(0, classes, rows)
    return Dataset("toy", X, y, None, None, image_shape, tuple("abcdefgh"[:classes]), "drawn")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return catalog.load("digits", tmp_path_factory.mktemp("home"), None)


def test_validation_is_drawn_and_training_takes_the_rest(digits: Dataset) -> None:
    split = make_split(digits, Settings())
    assert len(split.val_rows) == 1000
    assert len(split.train_rows) == 500
    assert sorted([*split.train_rows, *split.val_rows]) == list(range(1500))
    assert (np.diff(split.train_rows) > 0).all()
    assert (np.diff(split.val_rows) > 0).all()
    assert split.val_rows.tolist() != list(range(500, 1500))
    assert not split.train_part_equals_val
    assert (split.n_classes, split.n_features) == (10, 64)


def test_the_same_seed_cuts_the_same_rows(digits: Dataset) -> None:
    one, two = make_split(digits, Settings()), make_split(digits, Settings(lr=0.5, seed=3))
    assert np.array_equal(one.val_rows, two.val_rows), "a trial's own seed has no say"
    assert not np.array_equal(one.val_rows, make_split(digits, Settings(), seed=1).val_rows)


def test_train_count_takes_the_first_rows_of_the_archive(digits: Dataset) -> None:
    split = make_split(digits, Settings(train_count=20, val_count=100))
    assert split.train_rows.tolist() == list(range(20))
    assert len(split.val_rows) == 100
    assert split.val_rows.min() >= 20


@pytest.mark.parametrize(("train_count", "rows"), [(20, 20), (None, 1500)])
def test_without_validation_rows_the_training_part_validates_itself(
    digits: Dataset, train_count: int | None, rows: int
) -> None:
    split = make_split(digits, Settings(train_count=train_count, val_count=0))
    assert split.train_rows.tolist() == split.val_rows.tolist() == list(range(rows))
    assert split.train_part_equals_val


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=6),
    part=st.floats(0, 1, exclude_max=True),
    first=st.floats(0, 1),
)
def test_a_stratified_draw_keeps_the_proportions(sizes: list[int], part: float, first: float) -> None:
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    data = Dataset(
        "toy", np.zeros((len(y), 2), np.uint8), y, None, None, None, tuple("abcdef"[: len(sizes)]), ""
    )
    train_count = 1 + int(first * (len(y) - 2))
    val_count = max(1, int(part * (len(y) - train_count)))
    for given_count in (train_count, None):
        split = make_split(data, Settings(train_count=given_count, val_count=val_count, stratify=True))
        pool = y[train_count:] if given_count else y
        fair = np.bincount(pool, minlength=len(sizes)) * val_count / len(pool)
        drawn = np.bincount(y[split.val_rows], minlength=len(sizes))
        assert drawn.sum() == val_count
        assert (np.abs(drawn - fair) < 1).all()
        assert not set(split.train_rows) & set(split.val_rows)


@pytest.mark.parametrize(
    ("counts", "field", "fits"),
    [
        ({"val_count": 299}, "", True),
        ({"val_count": 300}, "val_count", False),
        ({"val_count": 100, "train_count": 200}, "", True),
        ({"val_count": 100, "train_count": 201}, "train_count", False),
        ({"val_count": 0, "train_count": 300}, "", True),
        ({"val_count": 0, "train_count": 301}, "train_count", False),
    ],
)
def test_counts_one_step_either_side_of_what_fits(counts: dict[str, int], field: str, fits: bool) -> None:
    wanted = Settings(**counts)  # type: ignore[arg-type]
    if fits:
        split = make_split(data_set(), wanted)
        assert len(split.train_rows) == wanted.train_count or wanted.train_count is None
        return
    with pytest.raises(Invalid, match=r"more than the 300 rows of toy\.$") as caught:
        make_split(data_set(), wanted)
    assert [(e.field, e.value) for e in caught.value.errors] == [(field, counts[field])]


def test_whitening_very_wide_rows_is_refused_before_the_work() -> None:
    wide = data_set(rows=4, features=preprocessing.MAX_WHITENED + 1, image_shape=None)
    with pytest.raises(Invalid, match="'whiten' is for at most 4,096 features; toy has 4,097") as caught:
        make_split(wide, Settings(val_count=1, preprocess="whiten"))
    assert caught.value.errors[0].field == "preprocess"


@pytest.mark.parametrize("kind", PREPROCESSES)
@pytest.mark.parametrize("stored", [np.uint8, np.float32])
@pytest.mark.parametrize("wanted", [np.float32, np.float64])
def test_gathered_rows_are_the_preprocessed_rows(kind: str, stored: type, wanted: type) -> None:
    data = data_set(rows=3000, dtype=stored)
    split = make_split(data, Settings(val_count=500, preprocess=kind))
    rows = np.random.default_rng(1).integers(0, 3000, 2500)  # more than one block, some twice
    want = split.preprocessing.apply(data.X_train[rows], np.empty((2500, 12), wanted))
    out = np.full((2500, 12), np.nan, wanted)
    assert split.gather(rows, out) is out
    assert np.allclose(out, want, atol=1e-5)
    fresh = split.gather(rows, dtype=wanted)
    assert fresh.dtype == wanted
    assert np.array_equal(fresh, out)


def test_gathering_no_rows_gives_no_rows() -> None:
    split = make_split(data_set(), Settings(val_count=10))
    assert split.gather(np.arange(0)).shape == (0, 12)


def test_gathering_a_batch_makes_no_new_arrays() -> None:
    split = make_split(data_set(rows=400, features=3072, image_shape=(32, 32, 3)), Settings(val_count=100))
    out, rows = np.empty((100, 3072), np.float32), split.train_rows[::3]
    split.gather(rows, out)
    tracemalloc.start()
    split.gather(rows, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < out.nbytes / 8


def test_statistics_are_fitted_once_and_kept_beside_the_cached_arrays(tmp_path: Path) -> None:
    digits = catalog.load("digits", tmp_path, None)
    wanted = Settings(preprocess="whiten")
    first = make_split(digits, wanted).preprocessing
    (kept,) = (tmp_path / "data" / "digits").glob("whiten-*.npz")
    written = kept.stat().st_mtime_ns
    again = make_split(digits, wanted).preprocessing
    assert kept.stat().st_mtime_ns == written
    assert first.rotation is not None
    assert again.rotation is not None
    assert np.array_equal(first.rotation, again.rotation)


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_damaged_statistics_are_fitted_again(damage: bytes | None, tmp_path: Path) -> None:
    digits = catalog.load("digits", tmp_path, None)
    right = make_split(digits, Settings()).preprocessing
    (kept,) = (tmp_path / "data" / "digits").glob("mean_image-*.npz")
    kept.write_bytes(kept.read_bytes()[:-40] if damage is None else damage)
    again = make_split(digits, Settings()).preprocessing
    assert right.mean is not None
    assert again.mean is not None
    assert np.array_equal(right.mean, again.mean)


def test_another_data_set_of_the_same_name_has_its_own_statistics(tmp_path: Path) -> None:
    def added(value: int) -> Dataset:
        np.savez(tmp_path / "own.npz", X=np.full((20, 4), value, np.uint8), y=np.arange(20) % 2)
        catalog.add(tmp_path / "own.npz", "pets", tmp_path)
        return catalog.load("pets", tmp_path, None)

    wanted = Settings(val_count=4)
    old = added(3)
    catalog.remove("pets", tmp_path)
    assert make_split(old, wanted).preprocessing.mean is not None, "who still has it can use it"
    assert not (tmp_path / "data" / "pets").exists()
    new = added(7)
    for data, value in ((old, 3), (new, 7), (old, 3)):
        mean = make_split(data, wanted).preprocessing.mean
        assert mean is not None
        assert (mean == value).all()


def test_other_counts_have_other_statistics(tmp_path: Path) -> None:
    digits = catalog.load("digits", tmp_path, None)
    for wanted in (Settings(), Settings(train_count=20), Settings(stratify=True)):
        split = make_split(digits, wanted)
        want = digits.X_train[split.train_rows].mean(axis=0)
        assert split.preprocessing.mean is not None
        assert np.allclose(split.preprocessing.mean, want)


def test_samples_are_the_first_images_of_each_class(digits: Dataset) -> None:
    shown = sample_images(digits, per_class=5)
    assert shown is not None
    assert shown.shape == (10, 5, 8, 8, 1)
    assert shown.dtype == np.uint8
    first_three = digits.X_train[np.flatnonzero(digits.y_train == 3)[0]]
    assert np.array_equal(shown[3, 0].ravel(), np.rint(first_three * (255 / 16)).astype(np.uint8))


def test_samples_keep_bytes_as_they_are_and_fill_small_classes_with_black() -> None:
    X = np.full((5, 12), 200, np.uint8)
    data = Dataset("toy", X, np.array([0, 0, 0, 0, 1]), None, None, (2, 2, 3), ("a", "b"), "made")
    shown = sample_images(data, per_class=3)
    assert shown is not None
    assert (shown[0] == 200).all()
    assert (shown[1, 0] == 200).all()
    assert (shown[1, 1:] == 0).all()


def test_samples_stretch_floats_and_flat_rows_have_none() -> None:
    X = np.linspace(-1, 1, 48, dtype=np.float32).reshape(4, 12)
    data = Dataset("toy", X, np.array([0, 0, 1, 1]), None, None, (2, 2, 3), ("a", "b"), "made")
    shown = sample_images(data, per_class=2)
    assert shown is not None
    assert shown.min() == 0
    assert shown.max() == 255
    assert sample_images(data_set(image_shape=None)) is None


def test_class_counts_name_empty_classes_too() -> None:
    assert count_classes(np.array([0, 2, 2]), 4) == (1, 0, 2, 0)


@pytest.mark.cifar10
def test_a_split_of_cifar10_is_quick(tmp_path: Path) -> None:
    place = Path(os.environ.get("LOSSDECK_DATA", "/nowhere"))
    if not place.is_dir():
        pytest.skip("LOSSDECK_DATA names no folder")
    cifar10 = catalog.load("cifar10", tmp_path, place)
    began = time.process_time()
    split = make_split(cifar10, Settings())
    assert time.process_time() - began < 1.5, "seconds for the mean image of 49,000 rows"
    assert len(split.train_rows) == 49_000
    assert isinstance(cifar10.X_train, np.memmap)
    batch = split.gather(split.train_rows[:100])
    mean = cifar10.X_train[split.train_rows].mean(axis=0, dtype=np.float64)
    assert np.allclose(batch, cifar10.X_train[split.train_rows[:100]] - mean, atol=1e-4)
    assert dataset.SPLIT_SEED == 0
