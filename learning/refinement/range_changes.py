"""Moves: where each end of a range went between one search and the next (why: refinement, autopilot)."""

from dataclasses import dataclass
from typing import Literal

from learning.search.space import Choice, Space

SAME = 1e-9  # relative; nearer than that two ends are one


@dataclass(frozen=True, slots=True)
class Move:
    """One end of a parameter's range, before and after."""

    parameter: str
    end: Literal["low", "high"]
    was: float
    now: float
    kind: Literal["shrunk", "extended", "kept"]


def moves(old: Space, new: Space) -> tuple[Move, ...]:
    """The ends of every range that both searches have, in the order of the new one."""
    found = []
    for name, after in new.distributions.items():
        before = old.distributions.get(name)
        if before is None or isinstance(before, Choice) or isinstance(after, Choice):
            continue
        found.append(Move(name, "low", before.low, after.low, _kind(after.low - before.low, before.low)))
        found.append(
            Move(name, "high", before.high, after.high, _kind(before.high - after.high, before.high))
        )
    return tuple(found)


def _kind(inwards: float, was: float) -> Literal["shrunk", "extended", "kept"]:
    if abs(inwards) <= SAME * abs(was):
        return "kept"
    return "shrunk" if inwards > 0 else "extended"
