"""The Link header of lists."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient


def rels(header: str) -> dict[str, str]:
    parts = (part.split("; ") for part in header.split(", "))
    return {rel.removeprefix('rel="').rstrip('"'): address.strip("<>") for address, rel in parts}


def test_a_list_can_be_read_page_by_page(client: TestClient, post_sweep: Callable[..., object]) -> None:
    for number in range(5):
        post_sweep(name=f"sweep {number}")
    address: str | None = "/api/sweeps?limit=2"
    seen: list[int] = []
    while address:
        answer = client.get(address)
        seen += [sweep["id"] for sweep in answer.json()["sweeps"]]
        address = rels(answer.headers["link"]).get("next")
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=2", {"first": 0, "next": 2, "last": 4}),
        ("limit=2&offset=2", {"first": 0, "prev": 0, "next": 4, "last": 4}),
        ("limit=2&offset=4", {"first": 0, "prev": 2, "last": 4}),
        ("limit=2&offset=1", {"first": 0, "prev": 0, "next": 3, "last": 4}),
        ("limit=2&offset=99", {"first": 0, "prev": 3, "last": 4}),
        ("limit=100", {"first": 0, "last": 0}),
    ],
)
def test_the_links_name_the_other_pages(
    client: TestClient, post_sweep: Callable[..., object], query: str, expected: dict[str, int]
) -> None:
    post_sweep(trials=5)
    links = rels(client.get(f"/api/sweeps/1/trials?sort=-lr&{query}").headers["link"])
    limit = query.partition("&")[0]
    assert links == {
        name: f"/api/sweeps/1/trials?sort=-lr&{limit}&offset={offset}" for name, offset in expected.items()
    }


def test_findings_are_paged_too(client: TestClient, post_sweep: Callable[..., object]) -> None:
    post_sweep()
    for path in ("/api/sweeps/1/findings", "/api/trials/1/findings"):
        everything = client.get(path).json()["findings"]
        page = client.get(f"{path}?limit=1&offset=1")
        assert page.json()["findings"] == everything[1:2]
        assert "first" in rels(page.headers["link"])
