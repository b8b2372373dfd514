"""Preprocessing against the formulas in float64, and what makes it safe on odd data."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from learning.data import preprocessing
from learning.data.preprocessing import Preprocessing
from learning.settings import PREPROCESSES

SHAPE = (3, 4, 2)
D = 24


def images(rows: int = 700, dtype: type = np.uint8) -> NDArray[np.uint8]:
    """Correlated rows of different spread, channels of different mean."""
    rng = np.random.default_rng(3)
    mixed = rng.normal(size=(rows, D)) @ rng.normal(size=(D, D)) * 6 + np.tile([90, 140], D // 2)
    return np.clip(mixed, 0, 255).astype(dtype)


def expected(kind: str, X: NDArray[np.float64], train: NDArray[np.float64]) -> NDArray[np.float64]:
    """The formulas, written as in the course's notes."""
    centred = X - train.mean(axis=0)
    if kind == "none":
        return X
    if kind == "mean_image":
        return centred
    if kind == "channel":
        pixels, known = X.reshape(-1, 2), train.reshape(-1, 2)
        return ((pixels - known.mean(axis=0)) / known.std(axis=0)).reshape(X.shape)
    if kind == "standardise":
        return centred / train.std(axis=0)
    U, S, _ = np.linalg.svd(np.cov(train.T, bias=True))
    return centred @ U / np.sqrt(S + preprocessing.WHITEN_EPS * S.mean())


@pytest.mark.parametrize("kind", PREPROCESSES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("out_dtype", [np.float32, np.float64])
def test_every_kind_is_its_formula(kind: str, dtype: type, out_dtype: type) -> None:
    X, rows = images(dtype=dtype), np.arange(0, 700, 3)
    out = np.empty(X.shape, out_dtype)
    assert Preprocessing.fit(kind, X, rows, SHAPE).apply(X, out) is out
    want = expected(kind, X.astype(np.float64), X[rows].astype(np.float64))
    if kind == "whiten":  # a direction may point either way
        want = want * np.sign((want * out).sum(axis=0))
    assert np.allclose(out, want, rtol=1e-4, atol=2e-4 if kind == "whiten" else 2e-5)


@pytest.mark.parametrize("kind", PREPROCESSES)
def test_only_the_training_rows_count(kind: str) -> None:
    X, rows = images(), np.arange(100, 500)
    other = X.copy()
    other[:100], other[500:] = 0, 255
    one, two = (Preprocessing.fit(kind, data, rows, SHAPE).to_arrays() for data in (X, other))
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_flat_rows_are_one_channel() -> None:
    X = images()
    out = Preprocessing.fit("channel", X, np.arange(700), None).apply(X)
    assert np.allclose(out, (X - X.mean()) / X.std(), atol=1e-4)


@pytest.mark.parametrize("kind", PREPROCESSES)
def test_features_that_never_vary_stay_finite(kind: str) -> None:
    X = images()
    X[:, ::2] = 7  # a whole channel, so that all kinds meet it
    X[600:, 4] = 9  # it does vary outside the training rows
    out = Preprocessing.fit(kind, X, np.arange(600), SHAPE).apply(X)
    assert np.isfinite(out).all()
    if kind in ("channel", "standardise", "mean_image"):
        assert (out[:600, 4] == 0).all()
        assert (out[600:, 4] == 2).all(), "taken from, not divided"


def test_whitened_training_rows_have_unit_covariance() -> None:
    X, rows = images(), np.arange(700)
    out = Preprocessing.fit("whiten", X, rows, SHAPE).apply(X, np.empty(X.shape))
    S = np.linalg.eigvalsh(np.cov(X.T.astype(np.float64), bias=True))[::-1]
    want = S / (S + preprocessing.WHITEN_EPS * S.mean())
    assert want.min() > 0.9, "nearly one in every direction"
    assert np.allclose(np.cov(out.T, bias=True), np.diag(want), atol=1e-3)


def test_whitening_fewer_rows_than_features_leaves_the_unknown_directions_out() -> None:
    X, rows = images(), np.arange(10)
    out = Preprocessing.fit("whiten", X, rows, SHAPE).apply(X)
    used = np.abs(out).max(axis=0) > 0
    assert used.tolist() == [True] * 9 + [False] * (D - 9), "ten centred rows span nine directions"


@pytest.mark.parametrize("kind", ["standardise", "whiten", "channel", "mean_image"])
def test_rows_that_are_all_alike(kind: str) -> None:
    X = np.full((5, D), 3, np.uint8)
    assert (Preprocessing.fit(kind, X, np.arange(5), SHAPE).apply(X) == 0).all()


@pytest.mark.parametrize("kind", PREPROCESSES)
def test_more_rows_than_one_block(kind: str) -> None:
    X = images(2500)
    fitted = Preprocessing.fit(kind, X, np.arange(2500), SHAPE)
    pieces = np.concatenate([fitted.apply(X[start : start + 100]) for start in range(0, 2500, 100)])
    assert np.allclose(fitted.apply(X), pieces, atol=1e-5)


def test_in_place_when_the_rows_are_of_the_wanted_type() -> None:
    X = images(dtype=np.float32)
    fitted = Preprocessing.fit("standardise", X, np.arange(700), SHAPE)
    want = fitted.apply(X)
    assert fitted.apply(X, X) is X
    assert np.array_equal(X, want)


@pytest.mark.parametrize("kind", PREPROCESSES)
def test_arrays_there_and_back(kind: str) -> None:
    X = images()
    fitted = Preprocessing.fit(kind, X, np.arange(700), SHAPE)
    again = Preprocessing.from_arrays(fitted.to_arrays())
    assert again.kind == kind
    assert np.array_equal(again.apply(X), fitted.apply(X))


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"mean": np.zeros(3)},
        {"kind": np.array("magic")},
        {"kind": np.array("mean_image")},
        {"kind": np.array("none"), "mean": np.zeros(3)},
        {"kind": np.array("standardise"), "mean": np.zeros(3), "scale": np.ones(4)},
        {"kind": np.array("whiten"), "mean": np.zeros(3), "rotation": np.ones((3, 4))},
        {"kind": np.array("mean_image"), "mean": np.zeros((3, 3))},
    ],
)
def test_arrays_that_do_not_belong_together(arrays: dict[str, NDArray[np.float64]]) -> None:
    with pytest.raises(ValueError, match="stored preprocessing"):
        Preprocessing.from_arrays(arrays)


def test_what_cannot_be_fitted_says_why() -> None:
    X, rows = images(), np.arange(5)
    with pytest.raises(ValueError, match="'zca' is none of none, mean_image"):
        Preprocessing.fit("zca", X, rows, SHAPE)
    with pytest.raises(ValueError, match="at least one training row"):
        Preprocessing.fit("mean_image", X, rows[:0], SHAPE)
    wide = np.zeros((2, preprocessing.MAX_WHITENED + 1), np.uint8)
    with pytest.raises(ValueError, match="at most 4,096 features, these rows have 4,097"):
        Preprocessing.fit("whiten", wide, np.arange(2), None)


@pytest.mark.parametrize("kind", PREPROCESSES)
def test_a_batch_is_preprocessed_without_new_arrays(kind: str) -> None:
    X = np.random.default_rng(0).integers(0, 256, (800, 256)).astype(np.uint8)
    fitted = Preprocessing.fit(kind, X, np.arange(800), (16, 16, 1))
    out = np.empty((800, 256), np.float32)
    fitted.apply(X, out)  # the first call converts the statistics
    tracemalloc.start()
    fitted.apply(X, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < out.nbytes / 4, "room for a ufunc's own small buffers, not for a batch"


@settings(max_examples=60, deadline=None)
@given(
    X=hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.just(12))),
    kind=st.sampled_from(PREPROCESSES),
)
def test_any_bytes_give_finite_rows(X: NDArray[np.uint8], kind: str) -> None:
    out = Preprocessing.fit(kind, X, np.arange(len(X)), (2, 2, 3)).apply(X)
    assert np.isfinite(out).all()
    if kind != "none":
        assert abs(out.mean()) < 1e-3, "the training rows are centred"
