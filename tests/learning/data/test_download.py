"""Downloads from a real HTTP server on loopback that behaves well, badly and not at all."""

import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from learning.data import download, search_paths
from learning.errors import DatasetError
from tests.support.http_manners import CONTENT, NAME, Manners, serving

MD5 = hashlib.md5(CONTENT).hexdigest()
FILES = {NAME: MD5}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def manners() -> Manners:
    return Manners()


@pytest.fixture
def address(manners: Manners) -> Iterator[str]:
    with serving(manners) as url:
        yield url


def partial(folder: Path) -> Path:
    return folder / f".{NAME}.part"


def assert_whole(folder: Path) -> None:
    assert (folder / NAME).read_bytes() == CONTENT
    assert not partial(folder).exists()


def assert_nothing(folder: Path) -> None:
    assert [path for path in folder.rglob("*") if path.suffix != ".lock" and path.is_file()] == []


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_file_arrives_whole_and_its_progress_is_told(address: str, slash: str, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = download.fetch("cifar10", tmp_path / "new", address + slash, lambda *now: told.append(now), FILES)
    assert path == tmp_path / "new" / NAME
    assert_whole(tmp_path / "new")
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)


def test_a_file_that_is_there_is_not_asked_for_again(address: str, manners: Manners, tmp_path: Path) -> None:
    for _ in range(2):
        download.fetch("cifar10", tmp_path, address, files=FILES)
    assert manners.asked == [None]


def test_a_wrong_file_of_that_name_is_replaced(address: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"half of it")
    download.fetch("cifar10", tmp_path, address, files=FILES)
    assert_whole(tmp_path)


def test_a_cut_connection_is_taken_up_where_it_ended(address: str, manners: Manners, tmp_path: Path) -> None:
    manners.cut_after = 300_000
    download.fetch("cifar10", tmp_path, address, files=FILES)
    assert_whole(tmp_path)
    assert manners.asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_server_that_always_cuts_at_once_is_given_up_and_gone_on_with_later(
    address: str, manners: Manners, tmp_path: Path
) -> None:
    manners.cut_after = 0
    with pytest.raises(
        DatasetError, match=r"could not be fetched \(the connection ended after 0 of 1,048,576 bytes"
    ):
        download.fetch("cifar10", tmp_path, address, files=FILES)
    assert len(manners.asked) == download.TRIES
    manners.cut_after, manners.cuts = 700_000, 1
    partial(tmp_path).write_bytes(CONTENT[:100_000])
    download.fetch("cifar10", tmp_path, address, files=FILES)
    assert manners.asked[download.TRIES :] == ["bytes=100000-", "bytes=800000-"]
    assert_whole(tmp_path)


def test_a_server_without_ranges_starts_over(address: str, manners: Manners, tmp_path: Path) -> None:
    manners.ranges, manners.cut_after, manners.cuts = False, 300_000, 1
    download.fetch("cifar10", tmp_path, address, files=FILES)
    assert_whole(tmp_path)
    assert manners.asked == [None, "bytes=300000-"]


def test_a_server_without_ranges_that_always_cuts_is_given_up(
    address: str, manners: Manners, tmp_path: Path
) -> None:
    manners.ranges, manners.cut_after = False, 300_000
    with pytest.raises(DatasetError, match="ended after 300,000 of 1,048,576 bytes"):
        download.fetch("cifar10", tmp_path, address, files=FILES)
    assert len(manners.asked) == download.TRIES + 1


def test_a_server_that_sends_another_part_than_asked_for(
    address: str, manners: Manners, tmp_path: Path
) -> None:
    manners.wrong_range = True
    partial(tmp_path).write_bytes(CONTENT[:1000])
    download.fetch("cifar10", tmp_path, address, files=FILES)
    assert manners.asked == ["bytes=1000-", None]
    assert_whole(tmp_path)


@pytest.mark.parametrize("extra", [0, 5])
def test_a_partial_file_that_is_whole_or_more(
    extra: int, address: str, manners: Manners, tmp_path: Path
) -> None:
    partial(tmp_path).write_bytes(CONTENT + bytes(extra))
    download.fetch("cifar10", tmp_path, address, files=FILES)
    assert_whole(tmp_path)
    assert len(manners.asked) == (2 if extra else 1)


def test_a_server_that_names_no_length(address: str, manners: Manners, tmp_path: Path) -> None:
    manners.length = False
    told: list[tuple[int, int | None]] = []
    download.fetch("cifar10", tmp_path, address, lambda *now: told.append(now), FILES)
    assert_whole(tmp_path)
    assert told[-1] == (len(CONTENT), None)


def test_wrong_content_is_thrown_away(address: str, manners: Manners, tmp_path: Path) -> None:
    manners.files[f"/{NAME}"] = CONTENT[:-1] + b"x"
    with pytest.raises(DatasetError, match=f"has not the MD5 sum {MD5} and was thrown away"):
        download.fetch("cifar10", tmp_path, address, files=FILES)
    assert_nothing(tmp_path)


def test_a_wrong_beginning_from_an_earlier_try_is_thrown_away(address: str, tmp_path: Path) -> None:
    partial(tmp_path).write_bytes(b"an error page")
    with pytest.raises(DatasetError, match="MD5"):
        download.fetch("cifar10", tmp_path, address, files=FILES)
    assert_nothing(tmp_path)
    download.fetch("cifar10", tmp_path, address, files=FILES)
    assert_whole(tmp_path)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_refusals_of_the_server_are_named(
    status: int, address: str, manners: Manners, tmp_path: Path
) -> None:
    manners.status = status
    with pytest.raises(DatasetError, match=rf"{NAME} answered {status} [A-Z].*\.$"):
        download.fetch("cifar10", tmp_path, address, files=FILES)
    assert len(manners.asked) == 1
    assert_nothing(tmp_path)


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        with pytest.raises(
            DatasetError, match=r"could not be fetched \(.*refused.*\); try again to go on\.$"
        ):
            download.fetch("cifar10", tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}", files=FILES)
    assert_nothing(tmp_path)


def test_a_silent_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    monkeypatch.setattr(download, "TRIES", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DatasetError, match=r"could not be fetched .*timed out"):
            download.fetch("cifar10", tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}", files=FILES)


def test_an_endless_answer_is_cut(
    address: str, manners: Manners, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_DOWNLOAD_BYTES", 3 << 20)
    manners.endless, manners.length = True, False
    with pytest.raises(DatasetError, match="sent more than 3,145,728 bytes, which no known file has"):
        download.fetch("cifar10", tmp_path, address, files=FILES)
    assert_nothing(tmp_path)


@pytest.mark.parametrize(
    "url",
    ["file:///etc", "ftp://127.0.0.1", "127.0.0.1:80", "", "http://", "http://[::1", "http://h:port", "/etc"],
)
def test_addresses_that_are_none(url: str, tmp_path: Path) -> None:
    if url == "":
        assert download.OFFICIAL["cifar10"] == "https://www.cs.toronto.edu/~kriz/", (
            "empty is the official one"
        )
        return
    with pytest.raises(DatasetError, match="must begin with http:// or https:// and name a server"):
        download.fetch("cifar10", tmp_path, url, files=FILES)


def test_an_unknown_data_set(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match="no address for the data set 'imagenet'; there are cifar10, mnist"
    ):
        download.fetch("imagenet", tmp_path)


def test_a_folder_that_cannot_be(address: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="cannot take the files of cifar10"):
        download.fetch("cifar10", tmp_path / "file", address, files=FILES)


def test_an_interrupted_download_is_gone_on_with(address: str, manners: Manners, tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch("cifar10", tmp_path, address, interrupt, FILES)
    have = partial(tmp_path).stat().st_size
    assert 500_000 < have < len(CONTENT)
    download.fetch("cifar10", tmp_path, address, files=FILES)
    assert manners.asked == [None, f"bytes={have}-"]
    assert_whole(tmp_path)


def test_several_files_go_into_a_folder_of_their_own(address: str, manners: Manners, tmp_path: Path) -> None:
    contents = {f"file-{n}": CONTENT[: 100_000 + n] for n in range(3)}
    manners.files = {f"/{name}": data for name, data in contents.items()}
    sums = {name: hashlib.md5(data).hexdigest() for name, data in contents.items()}
    told: list[int] = []
    folder = download.fetch("mnist", tmp_path, address, lambda done, total: told.append(done), sums)
    assert folder == tmp_path / "mnist"
    assert {path.name: path.read_bytes() for path in folder.glob("file-*")} == contents
    assert told == sorted(told)
    assert told[-1] == sum(len(data) for data in contents.values())


def test_two_at_once_fetch_once(address: str, manners: Manners, tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=download.fetch, args=("cifar10", tmp_path, address, None, FILES))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert manners.asked == [None]
    assert_whole(tmp_path)


def test_every_official_file_has_a_sum_and_lands_where_the_catalog_looks(home: Path) -> None:
    assert set(download.OFFICIAL) == set(download.OFFICIAL_FILES) == {"cifar10", "mnist", "fashion_mnist"}
    for below, sums in download.OFFICIAL_FILES.values():
        folder = search_paths.downloads_folder(home) / below
        folder.mkdir(parents=True, exist_ok=True)
        for name, md5 in sums.items():
            assert re.fullmatch("[0-9a-f]{32}", md5)
            (folder / name).touch()
    assert search_paths.downloads_folder(home) / NAME in search_paths.find_cifar10(home, None)
    assert search_paths.downloads_folder(home) / "mnist" in search_paths.find_mnist(home, None)
    assert search_paths.downloads_folder(home) / "fashion-mnist" in search_paths.find_mnist(
        home, None, search_paths.FASHION_FOLDERS
    )
