"""Leases: finds workers that have stopped beating, measured by the observer's own clock."""

from collections.abc import Mapping

LEASE_SECONDS = 30.0  # without a beat, after which a group's worker is given up
BLIND_SECONDS = 5.0  # between two looks, after which the observer starts counting again


class Leases:
    """Remembers when each running group's beat counter last moved. No wall clock is involved."""

    def __init__(self, lease: float = LEASE_SECONDS) -> None:
        self._lease = lease
        self._looked_at: float | None = None
        self._moved: dict[int, tuple[tuple[int, str], float]] = {}

    def find_silent(self, beats: Mapping[int, tuple[int, str]], now: float) -> frozenset[str]:
        """Workers of groups whose beat has not moved for the lease.

        `beats`: group id -> (beat, worker); `now`: seconds of a monotonic clock. Time in which nobody looked
        (the database was away, this process was frozen) does not count.
        """
        blind = self._looked_at is None or now - self._looked_at > BLIND_SECONDS
        self._looked_at = now
        before = {} if blind else self._moved
        self._moved = {
            group: before[group] if group in before and before[group][0] == beat else (beat, now)
            for group, beat in beats.items()
        }
        return frozenset(worker for (_, worker), since in self._moved.values() if now - since >= self._lease)
