"""Owns the observation of leases: who has stopped beating, by the observer's own clock (requeues nothing)."""

from collections.abc import Mapping

LEASE = 30.0  # seconds without a beat after which a group's worker is given up
BLIND = 5.0  # seconds without a look after which the observer starts its count anew


class Leases:
    """Remembers when each running group's beat counter last moved. No wall clock plays a part."""

    def __init__(self, lease: float = LEASE) -> None:
        self._lease = lease
        self._looked: float | None = None
        self._moved: dict[int, tuple[tuple[int, str], float]] = {}

    def silent(self, beats: Mapping[int, tuple[int, str]], now: float) -> frozenset[str]:
        """Workers of groups whose beat has not moved for the lease.

        `beats`: group id -> (beat, worker); `now`: seconds of a monotonic clock. Time in which nobody looked
        (the database was away, this process was frozen) is not held against anyone.
        """
        blind = self._looked is None or now - self._looked > BLIND
        self._looked = now
        before = {} if blind else self._moved
        self._moved = {
            group: before[group] if group in before and before[group][0] == beat else (beat, now)
            for group, beat in beats.items()
        }
        return frozenset(beat[1] for beat, since in self._moved.values() if now - since >= self._lease)
