"""Preprocessing: fitted to the training rows, applied to every row before a net sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.settings import PREPROCESSES

Float64 = NDArray[np.float64]
Rows = NDArray[np.int64]
Array = NDArray[Any]

WHITEN_EPS = 1e-5  # added to each direction's variance, as a part of the mean variance
WHITEN_RANK = 1e-10  # directions with less variance than this part of the largest carry only rounding
MAX_WHITENED = 4096  # features; the covariance matrix and its eigenvectors grow with the square of this
_STATISTICS_ROWS = 512  # rows that are in memory as floats at one time while statistics are computed
_WHITEN_ROWS = 1024  # rows that are whitened at one time


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """The statistics that `fit` has taken from the training rows.

    `mean` and `scale` are (D,) float64, `rotation` is (D, D) float32 with one whitened direction a column,
    the largest first; each is None if its kind needs none. A row x becomes
    `x`, `x - mean`, `(x - mean) * scale` or `(x - mean) @ rotation`.
    """

    kind: str
    mean: Float64 | None = None
    scale: Float64 | None = None
    rotation: NDArray[np.float32] | None = None
    _cast: dict[np.dtype[Any], tuple[Array | None, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _scratch: dict[np.dtype[Any], Array] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def fit(cls, kind: str, X: Array, rows: Rows, image_shape: tuple[int, int, int] | None) -> Preprocessing:
        """Statistics of `X[rows]`, (N, D), in blocks of rows and float64 sums.

        mean_image   mean of each feature
        channel      mean and standard deviation of each colour channel (flat rows are one channel)
        standardise  mean and standard deviation of each feature
        whiten       PCA: `(x - mean) @ U / sqrt(S + eps)` with U, S the eigenvectors and eigenvalues of the
                     covariance; eps = WHITEN_EPS * mean(S), so that the unit of the pixels does not matter
        A feature, channel or direction that never varies is not divided (a whitened one becomes 0).
        Raises ValueError for another kind, for no rows, and for more features than MAX_WHITENED.
        """
        if kind not in PREPROCESSES:
            raise ValueError(f"preprocess {kind!r} is none of {', '.join(PREPROCESSES)}.")
        if kind == "none":
            return cls(kind)
        if len(rows) == 0:
            raise ValueError("Preprocessing needs at least one training row.")
        mean = _compute_mean(X, rows)
        if kind == "mean_image":
            return cls(kind, mean)
        if kind == "whiten":
            return cls(kind, mean, rotation=_compute_rotation(X, rows, mean))
        variance = _compute_variance(X, rows, mean)
        if kind == "channel":
            mean, variance = _pool_channels(mean, variance, image_shape[2] if image_shape else 1)
        return cls(kind, mean, scale=_invert_root(variance))

    def apply(self, X: Array, out: Array | None = None) -> Array:
        """Preprocess the rows X (N, D) into `out` (N, D) float32 or float64, and return it.

        `out` may be X itself, when X is of that type; without `out` a float32 array is made.
        """
        out = np.empty(X.shape, np.float32) if out is None else out
        mean, scale, rotation = self._cast_to(out.dtype)
        if mean is None:
            np.copyto(out, X, casting="same_kind")
        elif rotation is not None:
            self._whiten(X, mean, rotation, out)
        else:
            # Bytes are converted first: a subtraction that converts as it goes takes twice as long.
            np.copyto(out, X, casting="same_kind")
            np.subtract(out, mean, out=out)
            if scale is not None:
                np.multiply(out, scale, out=out)
        return out

    def to_arrays(self) -> dict[str, Array]:
        """Arrays that fit one .npz; `from_arrays` gives the same preprocessing back."""
        named = {"mean": self.mean, "scale": self.scale, "rotation": self.rotation}
        return {"kind": np.array(self.kind)} | {k: v for k, v in named.items() if v is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Preprocessing:
        """The inverse of `to_arrays`; raises ValueError when the arrays do not belong to their kind."""
        kind = str(arrays["kind"]) if "kind" in arrays else ""
        wanted = {"none": (), "mean_image": ("mean",), "whiten": ("mean", "rotation")}.get(
            kind, ("mean", "scale")
        )
        if kind not in PREPROCESSES or set(arrays) != {"kind", *wanted}:
            raise ValueError(f"The arrays {sorted(arrays)} are no stored preprocessing of kind {kind!r}.")
        features = arrays["mean"].shape if wanted else ()
        shapes = {"mean": features, "scale": features, "rotation": features * 2}
        if any(arrays[name].shape != shapes[name] for name in wanted) or (wanted and len(features) != 1):
            raise ValueError(f"The arrays of the stored preprocessing {kind!r} do not fit one another.")
        return cls(kind, **{name: arrays[name] for name in wanted})

    def _cast_to(self, dtype: np.dtype[Any]) -> tuple[Array | None, ...]:
        """Mean, scale and rotation in the type of the output, converted only once."""
        if dtype not in self._cast:
            arrays = (self.mean, self.scale, self.rotation)
            self._cast[dtype] = tuple(None if a is None else a.astype(dtype, copy=False) for a in arrays)
        return self._cast[dtype]

    def _whiten(self, X: Array, mean: Array, rotation: Array, out: Array) -> None:
        if out.dtype not in self._scratch:
            self._scratch[out.dtype] = np.empty((_WHITEN_ROWS, len(mean)), out.dtype)
        for start in range(0, len(X), _WHITEN_ROWS):
            block = X[start : start + _WHITEN_ROWS]
            centred = self._scratch[out.dtype][: len(block)]
            np.subtract(block, mean, out=centred)
            np.matmul(centred, rotation, out=out[start : start + _WHITEN_ROWS])


def _take_blocks(X: Array, rows: Rows) -> Iterator[Array]:
    for start in range(0, len(rows), _STATISTICS_ROWS):
        yield np.take(X, rows[start : start + _STATISTICS_ROWS], axis=0)


def _compute_mean(X: Array, rows: Rows) -> Float64:
    # A block of bytes cannot overflow 32 bits, and adding those is twice as quick as adding floats.
    dtype = np.uint32 if X.dtype == np.uint8 else np.float64
    total = np.zeros(X.shape[1])
    for block in _take_blocks(X, rows):
        total += block.sum(axis=0, dtype=dtype)
    return total / len(rows)


def _compute_variance(X: Array, rows: Rows, mean: Float64) -> Float64:
    total = np.zeros(X.shape[1])
    for block in _take_blocks(X, rows):
        centred = block - mean
        total += np.einsum("ij,ij->j", centred, centred)
    return total / len(rows)


def _pool_channels(mean: Float64, variance: Float64, channels: int) -> tuple[Float64, Float64]:
    """Pool the features of each channel (rows are in h, w, c order) and spread the result back over them."""
    pixels = mean.reshape(-1, channels)
    pooled = pixels.mean(axis=0)
    spread = (variance.reshape(-1, channels) + (pixels - pooled) ** 2).mean(axis=0)
    return np.tile(pooled, len(pixels)), np.tile(spread, len(pixels))


def _invert_root(variance: Float64) -> Float64:
    return 1 / np.sqrt(np.where(variance > 0, variance, 1.0))


def _compute_rotation(X: Array, rows: Rows, mean: Float64) -> NDArray[np.float32]:
    if X.shape[1] > MAX_WHITENED:
        raise ValueError(
            f"Whitening is for at most {MAX_WHITENED:,} features, these rows have {X.shape[1]:,}."
        )
    variances, directions = np.linalg.eigh(_compute_covariance(X, rows, mean), UPLO="U")
    variances, directions = variances[::-1], directions[:, ::-1]
    varies = variances > WHITEN_RANK * max(variances[0], 0.0)
    eps = WHITEN_EPS * float(np.mean(variances))
    scale = np.where(varies, 1 / np.sqrt(np.where(varies, variances + eps, 1.0)), 0.0)
    return np.ascontiguousarray(directions * scale, dtype=np.float32)


def _compute_covariance(X: Array, rows: Rows, mean: Float64) -> Float64:
    """The upper triangle of the covariance, (D, D); what lies below the diagonal is 0."""
    from scipy.linalg import blas  # a third of a second to import, and most programs never whiten

    total = np.zeros((X.shape[1], X.shape[1]), order="F")
    for block in _take_blocks(X, rows):
        centred = block - mean
        # Half the work of a full product, added in place: 49,000 x 3,072 in about 9 s on one core.
        total = blas.dsyrk(1.0, centred.T, beta=1.0, c=total, overwrite_c=True)
    return total / len(rows)
