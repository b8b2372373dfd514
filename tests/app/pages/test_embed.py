"""A chart to be framed: what it shows, and who may frame it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from app.main import create_app
from app.pages.embed import CHARTS
from store.config import Config
from tests.support.made_up_worker import ADDRESS, BODY

ORIGINS = ("https://wiki.example", "http://[::1]:9000")


@pytest.fixture
def framed(tmp_path: Path) -> Iterator[TestClient]:
    """The application where two origins may frame charts, with one sweep."""
    with TestClient(create_app(Config(home=tmp_path / "home", embed_origins=ORIGINS)), ADDRESS) as client:
        client.post("/api/sweeps", json=BODY)
        yield client


@pytest.mark.parametrize("chart", CHARTS)
def test_named_origins_may_frame_a_chart_and_nothing_else(framed: TestClient, chart: str) -> None:
    answer = framed.get(f"/embed/sweeps/1/{chart}")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors https://wiki.example http://[::1]:9000;" in policy
    assert "script-src 'self';" in policy
    assert "x-frame-options" not in answer.headers
    for path in ("/", "/sweeps/1", "/api/sweeps/1", f"/embed/sweeps/2/{chart}", "/embed/sweeps/1/nothing"):
        headers = framed.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-frame-options"] == "DENY", path


def test_nobody_may_frame_a_chart_unless_named(
    client: TestClient, post_sweep: Callable[..., dict[str, Any]]
) -> None:
    answer = client.get(f"/embed/sweeps/{post_sweep()['id']}/loss")
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


def test_an_unknown_chart_is_named_with_those_there_are(framed: TestClient) -> None:
    answer = framed.get("/embed/sweeps/1/pie")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no chart 'pie'; there are loss, gap, scatter, pair."


def test_origins_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSDECK_EMBED_ORIGINS", "https://a.example, http://localhost:3000")
    assert Config().embed_origins == ("https://a.example", "http://localhost:3000")


@pytest.mark.parametrize(
    "origin", ["*", "a.example", "https://*", "https://a.example/page", "https://a;script-src", "'self'"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="must be origins such as"):
        Config(embed_origins=(origin,))
