"""Owns what a user does to many trials of one sweep at once (to a single one: trials)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from learning.errors import NotAllowed
from store.actions import trial_actions
from store.db import change_counter
from store.db.states import LIVING, TRIAL_STATES
from store.queue import sweep_state
from store.read import trials

Action = Literal["stop", "retry", "exclude", "include"]
ALLOWED = {"stop": LIVING, "retry": trial_actions.RETRIABLE, "exclude": TRIAL_STATES, "include": TRIAL_STATES}


@dataclass(frozen=True, slots=True)
class Done:
    """Numbers of the trials that it was done to, and why not to the others, by number."""

    done: tuple[int, ...]
    refused: dict[int, str]


def act(
    c: Connection,
    sweep_id: int,
    action: Action,
    now: float,
    numbers: Iterable[int] | None = None,
    filter: str = "",
) -> Done:
    """Does one thing to the trials of these numbers, or (None) to all that fit the filter.

    A trial whose state does not allow it is left as it is and named; with numbers so is one that does not
    exist. Raises NotAllowed when the sweep's own state forbids it for all, and FilterError.
    """
    number, *_ = change_counter.take(c)
    found = trials.outlines(c, sweep_id, filter)
    wanted = tuple(found) if numbers is None else tuple(dict.fromkeys(numbers))
    refused = {one: why for one in wanted if (why := _why_not(found.get(one), action, sweep_id, one))}
    done = tuple(one for one in wanted if one not in refused)
    if done:
        _do(c, sweep_id, action, [found[one][0] for one in done], now)
        sweep_state.mark(c, sweep_id, number)
    return Done(done, refused)


def _why_not(outline: tuple[int, str] | None, action: Action, sweep_id: int, number: int) -> str | None:
    subject = f"Trial {number} of sweep {sweep_id}"
    if outline is None:
        return f"There is no trial {number} in sweep {sweep_id}."
    _, state = outline
    return None if state in ALLOWED[action] else str(NotAllowed(state, action, subject, ALLOWED[action]))


def _do(c: Connection, sweep_id: int, action: Action, ids: list[int], now: float) -> None:
    if action == "stop":
        trial_actions.stop_all(c, sweep_id, ids, now)
    elif action == "retry":
        trial_actions.retry_all(c, sweep_id, ids)
    else:
        trial_actions.exclude_all(c, ids, action == "exclude")
