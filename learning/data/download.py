"""Downloads of built-in data sets from their official addresses, resumed and checked by MD5 sum."""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from learning.data.files import lock_file
from learning.errors import DatasetError

Progress = Callable[[int, int | None], None]  # bytes so far and bytes in all, of all files together

# Folder addresses. MNIST's own page has stopped serving its files; this is the mirror that torchvision names.
OFFICIAL: Mapping[str, str] = {
    "cifar10": "https://www.cs.toronto.edu/~kriz/",
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion_mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}
# The folder below the target, "" for the target itself; each file with its MD5 sum.
OFFICIAL_FILES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "cifar10": ("", {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}),
    "mnist": (
        "mnist",
        {
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "fashion_mnist": (
        "fashion-mnist",
        {
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
}
MAX_DOWNLOAD_BYTES = 256 << 20  # of one file; the largest has 170 MB
TIMEOUT = 30.0  # seconds without a byte
TRIES = 5  # connections in a row that bring nothing new
_CHUNK_BYTES = 1 << 18


class _Interrupted(Exception):  # noqa: N818  caught in this file only
    """The connection ended before the file did."""


_NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
    ssl.SSLError,
    _Interrupted,
)


@dataclass
class _Counter:
    """Progress over several files."""

    report: Progress | None
    before: int = 0

    def __call__(self, done: int, total: int | None) -> None:
        if self.report is not None:
            self.report(self.before + done, None if total is None else self.before + total)


def fetch(
    name: str,
    folder: Path,
    base_url: str | None = None,
    progress: Progress | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Fetch the files of data set `name` into `folder`; returns the archive, or the folder of several files.

    A complete file is not fetched again, a partial one is resumed. Each file appears whole and with the
    right MD5 sum or not at all. `base_url` replaces OFFICIAL[name]; `files` replaces names and sums. Raises
    DatasetError; what has arrived is kept for the next try, unless the sum is wrong.
    """
    if name not in OFFICIAL_FILES:
        raise DatasetError(
            f"There is no address for the data set {name!r}; there are {', '.join(OFFICIAL_FILES)}."
        )
    below, official = OFFICIAL_FILES[name]
    target = folder / below if below else folder
    base = (base_url or OFFICIAL[name]).rstrip("/") + "/"
    if not _is_address(base):
        raise DatasetError(f"The address {base!r} must begin with http:// or https:// and name a server.")
    sums = official if files is None else files
    counter = _Counter(progress)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file, md5 in sums.items():
            with lock_file(target / f".{file}.lock"):
                counter.before += _fetch(base + file, target / file, md5, counter)
    except OSError as error:
        raise DatasetError(f"{target} cannot take the files of {name} ({error}).") from error
    return target / next(iter(sums)) if len(sums) == 1 else target


def _fetch(url: str, path: Path, md5: str, progress: Progress) -> int:
    """Fetch and check one file; returns its size in bytes."""
    if path.is_file() and _md5(path) == md5:
        return path.stat().st_size
    partial = path.with_name(f".{path.name}.part")
    _fetch_all(url, partial, progress)
    if _md5(partial) != md5:
        partial.unlink()
        raise DatasetError(f"What {url} sent has not the MD5 sum {md5} and was thrown away; try again.")
    partial.replace(path)
    return path.stat().st_size


def _fetch_all(url: str, partial: Path, progress: Progress) -> None:
    """Append to `partial` until it is whole; give up after TRIES connections that brought nothing."""
    fruitless = 0
    while True:
        before = partial.stat().st_size if partial.exists() else 0
        try:
            _fetch_some(url, partial, progress)
            return
        except urllib.error.HTTPError as error:
            error.close()
            raise DatasetError(f"{url} answered {error.code} {error.reason}.") from error
        except _NETWORK_ERRORS as error:
            grown = partial.exists() and partial.stat().st_size > before
            fruitless = 0 if grown else fruitless + 1
            if fruitless >= TRIES or _is_hopeless(error):
                raise DatasetError(
                    f"{url} could not be fetched ({_describe_error(error)}); try again to go on."
                ) from error


def _fetch_some(url: str, partial: Path, progress: Progress) -> None:
    """One connection: resume at the end of the file, or start over if the server cannot resume."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "lossdeck", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        with error:  # nothing after what is there: whole, or of another file; the MD5 sum tells
            if _is_whole(error.headers.get("Content-Range"), have):
                return
        partial.unlink()
        raise _Interrupted("the server has less than is here already") from error
    with answer:
        goes_on = answer.status == 206 and _starts_at(answer.headers.get("Content-Range"), have)
        if answer.status == 206 and not goes_on:
            partial.unlink()
            raise _Interrupted("the server sent another part than the one asked for")
        start = have if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        _copy_body(answer, partial, start, total, progress)


def _copy_body(
    answer: http.client.HTTPResponse, partial: Path, start: int, total: int | None, progress: Progress
) -> None:
    done = start
    with partial.open("ab" if start else "wb") as file:
        progress(done, total)
        while chunk := answer.read(_CHUNK_BYTES):
            done += len(chunk)
            if done > MAX_DOWNLOAD_BYTES:
                partial.unlink()
                raise DatasetError(
                    f"{answer.url} sent more than {MAX_DOWNLOAD_BYTES:,} bytes, which no known file has."
                )
            file.write(chunk)
            progress(done, total)
    if total is not None and done < total:
        raise _Interrupted(f"the connection ended after {done:,} of {total:,} bytes")


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:  # brackets or a port that cannot be
        return False


def _starts_at(content_range: str | None, start: int) -> bool:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return found is not None and int(found[1]) == start


def _is_whole(content_range: str | None, have: int) -> bool:
    found = re.fullmatch(r"bytes \*/(\d+)", content_range or "")
    return found is not None and int(found[1]) == have


def _is_hopeless(error: Exception) -> bool:
    """Whether nobody answers at that address, so that trying again at once would not help."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return isinstance(cause, ConnectionRefusedError) or type(cause).__name__ == "gaierror"


def _describe_error(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(cause) or type(cause).__name__


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
