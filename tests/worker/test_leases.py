"""Leases by the observer's own clock: which workers are silent, and what time does not count."""

from worker.leases import BLIND_SECONDS, LEASE_SECONDS, Leases

BUSY, QUIET = (5, "busy"), (3, "quiet")


def looks(leases: Leases, start: float, end: float, quiet: tuple[int, str] = QUIET) -> frozenset[str]:
    """Looks once a second from `start` up to `end`; worker busy beats each time. Returns the last answer."""
    silent: frozenset[str] = frozenset()
    for second in range(int(start), int(end) + 1):
        silent = leases.find_silent({1: (second, "busy"), 2: quiet}, float(second))
    return silent


def test_only_a_counter_that_stands_still_for_the_lease_is_silent() -> None:
    leases = Leases()
    assert looks(leases, 0, LEASE_SECONDS - 1) == frozenset()
    assert looks(leases, LEASE_SECONDS, LEASE_SECONDS) == {"quiet"}


def test_a_beat_at_the_last_moment_renews_the_lease() -> None:
    leases = Leases()
    looks(leases, 0, LEASE_SECONDS - 1)
    assert looks(leases, LEASE_SECONDS, 2 * LEASE_SECONDS - 1, quiet=(4, "quiet")) == frozenset()
    assert looks(leases, 2 * LEASE_SECONDS, 2 * LEASE_SECONDS, quiet=(4, "quiet")) == {"quiet"}


def test_another_worker_on_the_same_group_starts_anew() -> None:
    leases = Leases()
    looks(leases, 0, LEASE_SECONDS - 1)
    assert looks(leases, LEASE_SECONDS, LEASE_SECONDS, quiet=(3, "successor")) == frozenset()


def test_time_in_which_nobody_looked_is_not_held_against_a_worker() -> None:
    leases = Leases()
    looks(leases, 0, LEASE_SECONDS - 1)
    after = LEASE_SECONDS - 1 + BLIND_SECONDS + 1
    assert looks(leases, after, after + LEASE_SECONDS - 1) == frozenset()
    assert looks(leases, after + LEASE_SECONDS, after + LEASE_SECONDS) == {"quiet"}


def test_a_group_that_ended_is_forgotten() -> None:
    leases = Leases()
    looks(leases, 0, LEASE_SECONDS - 1)
    leases.find_silent({}, LEASE_SECONDS)
    assert leases.find_silent({2: QUIET}, LEASE_SECONDS + 1) == frozenset()
