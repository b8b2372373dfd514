"""The catalog: data sets by name, found, decoded once, added and removed; files are read by the format modules."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from learning import cache
from learning.cache import Summary
from learning.dataset import Dataset, DatasetError
from learning.formats import Decoded, check

_DIGITS = Path(__file__).with_name("digits.npz")
_DIGITS_TRAIN = 1500  # the first rows of the archive; the other 297 are the test part


def load(name: str, home: Path, data: Path | None) -> Dataset:
    return cache.read_or_decode(home, name, digits)


def digits() -> Decoded:
    with np.load(_DIGITS, allow_pickle=False) as file:
        X, y = file["X"], file["y"]
    n = _DIGITS_TRAIN
    parts = Decoded(X[:n], y[:n], X[n:], y[n:], (8, 8, 1), tuple("0123456789"), "UCI optdigits")
    return check(parts, "digits")
