"""Preflights: their life, the fence, deaths of workers; the same on both databases."""

import math
import threading

import pytest

from learning.errors import NotAllowed, NotFound
from learning.preflight.check_result import Check
from learning.settings import Settings
from store.db.database import Database
from store.jobs import preflights
from store.jobs.preflights import Claim, Preflight
from tests.support.rows import load_preflight

NOW = 1_700_000_100.0
SETTINGS = Settings(seed=3, hidden=(20, 10))
GOOD = Check("data", "The data", True, 0.0, "<=", 0.0, "All is well.", ((0.0, 7.0), (1.0, 8.0)))
BAD = Check("lr-probe", "Learning rate", False, math.nan, ">=", 0.02, "No.", ((1e-3, 2.3), (1.0, math.inf)))


def make(database: Database, dataset: str = "digits") -> Preflight:
    with database.write() as c:
        return preflights.create(c, dataset, SETTINGS, NOW)


def claim(database: Database, worker: str = "w") -> Claim:
    with database.write() as c:
        found = preflights.claim(c, worker, NOW + 1)
    assert found is not None
    return found


def nothing_to_claim(database: Database) -> bool:
    with database.write() as c:
        return preflights.claim(c, "w", NOW) is None


def test_a_new_one_waits_with_all_its_settings(database: Database) -> None:
    made = make(database)
    assert load_preflight(database, made.id) == made
    assert (made.state, made.checks, made.passed) == ("queued", (), None)
    assert made.settings == SETTINGS


def test_there_is_none_of_an_unknown_number(database: Database) -> None:
    with database.write() as c:
        assert preflights.get(c, 7) is None
        with pytest.raises(NotFound, match="no preflight 7"):
            preflights.cancel(c, 7, NOW)


def test_the_newest_come_first_page_by_page_and_by_data_set(database: Database) -> None:
    ids = [make(database, name).id for name in ("digits", "mine", "digits")]
    with database.read() as c:
        rows, total = preflights.list_all(c, limit=2)
        assert ([row.id for row in rows], total) == (ids[:0:-1], 3)
        rows, total = preflights.list_all(c, "digits")
        assert ([row.id for row in rows], total) == ([ids[2], ids[0]], 2)
        assert preflights.list_all(c, "digits", 1, 1)[0][0].id == ids[0]


def test_the_oldest_is_claimed_first_and_only_once(database: Database) -> None:
    first, second = make(database), make(database)
    claimed = claim(database)
    assert (claimed.id, claimed.attempt, claimed.settings) == (first.id, 1, SETTINGS)
    row = load_preflight(database, first.id)
    assert (row.state, row.worker, row.started_at) == ("running", "w", NOW + 1)
    assert claim(database).id == second.id
    assert nothing_to_claim(database)


def test_checks_are_kept_in_order_with_what_is_not_finite(database: Database) -> None:
    id, claimed = make(database).id, claim(database)
    with database.write() as c:
        assert preflights.record(c, claimed, GOOD)
        assert preflights.record(c, claimed, BAD)
    good, bad = load_preflight(database, id).checks
    assert good == GOOD
    assert math.isnan(bad.figure)
    assert bad.curve == BAD.curve
    assert load_preflight(database, id).passed is None
    with database.write() as c:
        assert preflights.finish(c, claimed, NOW + 2)
    row = load_preflight(database, id)
    assert (row.state, row.passed, row.finished_at) == ("finished", False, NOW + 2)


def test_it_passed_when_every_check_did(database: Database) -> None:
    id, claimed = make(database).id, claim(database)
    with database.write() as c:
        preflights.record(c, claimed, GOOD)
        preflights.finish(c, claimed, NOW)
    assert load_preflight(database, id).passed is True


@pytest.mark.parametrize("lost", ["cancelled", "abandoned", "finished"])
def test_who_has_lost_it_is_refused(database: Database, lost: str) -> None:
    id, old = make(database).id, claim(database)
    with database.write() as c:
        if lost == "cancelled":
            preflights.cancel(c, id, NOW)
        elif lost == "abandoned":
            preflights.abandon(c, "w", "silent", NOW)
            preflights.claim(c, "v", NOW)
        else:
            preflights.finish(c, old, NOW)
    before = load_preflight(database, id)
    with database.write() as c:
        assert not preflights.beat(c, old)
        assert not preflights.record(c, old, GOOD)
        assert not preflights.finish(c, old, NOW + 9)
        assert not preflights.fail(c, old, "late", NOW + 9)
        preflights.release(c, old, NOW + 9)
    assert load_preflight(database, id) == before


def test_an_exception_fails_it_with_its_reason(database: Database) -> None:
    id, claimed = make(database).id, claim(database)
    with database.write() as c:
        assert preflights.fail(c, claimed, "no such file", NOW + 3)
    row = load_preflight(database, id)
    assert (row.state, row.reason, row.passed, row.finished_at) == ("failed", "no such file", None, NOW + 3)
    assert nothing_to_claim(database)


def test_a_released_one_begins_again_and_counts_nothing(database: Database) -> None:
    id, claimed = make(database).id, claim(database)
    with database.write() as c:
        preflights.record(c, claimed, GOOD)
        preflights.release(c, claimed, NOW)
    assert (load_preflight(database, id).state, load_preflight(database, id).worker) == ("queued", None)
    again = claim(database)
    row = load_preflight(database, id)
    assert (again.attempt, row.failures, row.checks, row.started_at) == (2, 0, (), NOW + 1)


def test_the_third_death_of_a_worker_fails_it(database: Database) -> None:
    id = make(database).id
    states = []
    for _ in range(3):
        claim(database)
        with database.write() as c:
            assert preflights.abandon(c, "w", "killed by signal 9", NOW) == 1
        states.append(load_preflight(database, id).state)
    assert states == ["queued", "queued", "failed"]
    assert load_preflight(database, id).reason == "killed by signal 9"


def test_a_wanted_end_of_the_worker_is_not_counted(database: Database) -> None:
    id = make(database).id
    for _ in range(4):
        claim(database)
        with database.write() as c:
            preflights.abandon(c, "w", "stopped", NOW, fault=False)
    assert (load_preflight(database, id).state, load_preflight(database, id).failures) == ("queued", 0)


def test_only_what_the_dead_worker_held_is_given_back(database: Database) -> None:
    first, second = make(database).id, make(database).id
    claim(database, "a")
    claim(database, "b")
    with database.write() as c:
        assert preflights.abandon(c, "a", "dead", NOW) == 1
        assert preflights.abandon(c, "nobody", "dead", NOW) == 0
    assert (load_preflight(database, first).state, load_preflight(database, second).state) == (
        "queued",
        "running",
    )


@pytest.mark.parametrize("end", ["queued", "running"])
def test_cancelling_ends_it_once(database: Database, end: str) -> None:
    id = make(database).id
    if end == "running":
        claim(database)
    with database.write() as c:
        assert preflights.cancel(c, id, NOW + 5).state == "cancelled"
        with pytest.raises(
            NotAllowed, match=rf"Preflight {id} is cancelled; cancel needs it to be queued or"
        ):
            preflights.cancel(c, id, NOW)
    assert nothing_to_claim(database)


def test_beats_rise_while_the_worker_lives(database: Database) -> None:
    id, claimed = make(database).id, claim(database, "me")
    seen = []
    for write in (preflights.beat, lambda c, claimed: preflights.record(c, claimed, GOOD)):
        with database.write() as c:
            assert write(c, claimed)
            seen.append(preflights.list_beats(c)[id])
    assert [token for _, token in seen] == ["me", "me"]
    assert seen[0][0] < seen[1][0]
    with database.write() as c:
        preflights.finish(c, claimed, NOW)
        assert preflights.list_beats(c) == {}


def test_every_change_is_news(database: Database) -> None:
    """Each write gives the row a higher number, and the database another version to other connections."""
    watcher = Database.open(database.url.render_as_string(hide_password=False))
    numbers, versions = [], [watcher.version()]

    def note(id: int) -> None:
        numbers.append(load_preflight(database, id).changed)
        versions.append(watcher.version())

    made = make(database)
    note(made.id)
    claimed = claim(database)
    note(made.id)
    with database.write() as c:
        preflights.record(c, claimed, GOOD)
    note(made.id)
    with database.write() as c:
        preflights.finish(c, claimed, NOW)
    note(made.id)
    watcher.close()
    assert numbers == sorted(set(numbers))
    assert len(set(versions)) == len(versions)


def test_two_workers_never_claim_the_same(database: Database) -> None:
    ids = {make(database).id for _ in range(12)}
    found: list[int] = []

    def work(name: str) -> None:
        while True:
            with database.write() as c:
                claim = preflights.claim(c, name, NOW)
            if claim is None:
                return
            found.append(claim.id)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(ids)
