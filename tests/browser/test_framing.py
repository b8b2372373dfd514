"""A live chart inside a page of another origin."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.sites import Complaints, Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POINTS = "document.querySelector('#chart').data.reduce((n, trace) => n + trace.x.length, 0)"


class Wiki(BaseHTTPRequestHandler):
    """A page of another server that frames whatever address its query is."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        frame = self.path.partition("?")[2]
        self.wfile.write(f'<link rel="icon" href="data:,"><iframe src="{frame}"></iframe>'.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def wiki() -> Iterator[str]:
    """The origin of the other server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Wiki) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, wiki: str) -> Iterator[Site]:
    """A Lossdeck whose charts the wiki may frame."""
    site = Site(tmp_path_factory.mktemp("site") / "home", options={"LOSSDECK_EMBED_ORIGINS": wiki})
    try:
        site.start()
        yield site
    finally:
        site.stop()


def test_a_chart_lives_in_a_frame_where_a_whole_page_is_refused(
    open_page: Callable[..., Page],
    site: Site,
    wiki: str,
    complaints: Complaints,
    post_sweep: Callable[..., Any],
) -> None:
    sweep = post_sweep(settings={"epochs": 3_000, "val_count": 300, "init": "he"})["id"]
    page = open_page("about:blank")
    page.goto(f"{wiki}/?{site.address}/embed/sweeps/{sweep}/loss")
    chart = page.frames[1]
    chart.wait_for_function(f"() => document.querySelector('#chart').data && {POINTS} > 0")
    chart.wait_for_function(f"(before) => {POINTS} > before", arg=chart.evaluate(POINTS))
    expect(page.frame_locator("iframe").locator("#takeaway")).to_contain_text("0 of 6 trials ended")
    complaints.forgive(f"request to {wiki}")  # the test's own step outside

    page.goto(f"{wiki}/?{site.address}/sweeps/{sweep}")
    expect(page.frame_locator("iframe").locator("#wall")).to_have_count(0)
    complaints.forgive(f"request to {wiki}")
    complaints.forgive("frame-ancestors")
