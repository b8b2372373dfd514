"""The page of a trial that trains: its curve grows by the stream alone, and in the end nothing is missing."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from benchmarks.served import HIDE
from store.actions import sweep_actions
from store.db.database import Database
from store.queue.claims import Claim
from tests.support.made_up_worker import Crew, made_epoch
from tests.support.servers import Server, starting
from tests.support.sweeps import START, store_sweep

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Opener = Callable[..., Page]
EPOCHS = 15
BUCKETS = len(made_epoch(1, 1).trace)  # of an epoch's trace
ASKED = "**/api/trials/*/epochs?*"
LEAST_SECONDS = 3  # between two requests for epochs
DRAWN = "(role) => document.querySelector('#loss').data?.find((one) => one.meta.role === role).x ?? []"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    """A server without workers."""
    with starting(tmp_path) as start:
        yield start()


@pytest.fixture
def database(site: Server) -> Iterator[Database]:
    database = site.database()
    yield database
    database.close()


@pytest.fixture
def crew(database: Database) -> Crew:
    return Crew(database)


@pytest.fixture
def claim(database: Database, crew: Crew) -> Claim:
    """One trial that trains and has no epoch yet, beside a sweep that was cancelled."""
    other = store_sweep(database)
    with database.write() as c:
        sweep_actions.act(c, other.id, "cancel", START)
    store_sweep(database, trials=1, epochs=EPOCHS)
    return crew.claim()


def wait_for_curve(page: Page, epochs: int) -> None:
    """Until the train loss has a point in the middle of each epoch, and no other."""
    wanted = [epoch + 0.5 for epoch in range(epochs)]
    page.wait_for_function(f"(wanted) => String(({DRAWN})('train')) === String(wanted)", arg=wanted)


def wait_for_traces(page: Page, epochs: int) -> None:
    page.wait_for_function(f"(wanted) => ({DRAWN})('raw').length === wanted", arg=epochs * BUCKETS)


def test_the_curve_grows_by_the_stream_alone_and_traces_come_in_few_requests(
    open_page: Opener, crew: Crew, claim: Claim
) -> None:
    crew.step(claim, 1)
    page = open_page("/help")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/epochs?" in request.url else None)
    page.goto(f"/trials/{claim.trials[0].id}")
    wait_for_traces(page, 1)
    held: list[Route] = []
    page.route(ASKED, lambda route: held.append(route), times=1)
    with page.expect_request(ASKED):
        for epoch in range(2, EPOCHS - 2):
            crew.step(claim, epoch)
            wait_for_curve(page, epoch)  # nobody has answered
    assert len(asked) == 2
    assert len(page.evaluate(DRAWN, "raw")) == BUCKETS

    begun = time.monotonic()
    held[0].continue_()
    wait_for_traces(page, EPOCHS - 3)
    for epoch in range(EPOCHS - 2, EPOCHS + 1):
        crew.step(claim, epoch)
        wait_for_curve(page, epoch)
    expect(page.locator("#state")).to_have_text("finished")
    wait_for_traces(page, EPOCHS)
    assert len(asked) - 2 <= 1 + (time.monotonic() - begun) / LEAST_SECONDS


def test_what_a_page_has_missed_is_filled_in(
    open_page: Opener, database: Database, crew: Crew, claim: Claim
) -> None:
    crew.step(claim, 1)
    page = open_page(f"/trials/{claim.trials[0].id}")
    wait_for_traces(page, 1)
    page.evaluate(HIDE, True)
    for epoch in (2, 3, 4):
        crew.step(claim, epoch)
    page.evaluate(HIDE, False)
    wait_for_curve(page, 4)

    with page.expect_response("**/epochs?after=0"):  # rows were deleted: all is read anew
        with database.write() as c:
            sweep_actions.delete(c, 1)
        crew.step(claim, 5)
    crew.step(claim, 6)
    wait_for_curve(page, 6)
    wait_for_traces(page, 6)
