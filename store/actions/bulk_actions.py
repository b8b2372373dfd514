"""Actions on many trials of one sweep at once: stop, retry, exclude, include."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from learning.errors import NotAllowed
from learning.states import TRIAL_STATES, require_action
from store.actions import trial_actions
from store.db import change_counter
from store.queue import sweep_state
from store.read import trials

Action = Literal["stop", "retry", "exclude", "include"]


@dataclass(frozen=True, slots=True)
class BulkResult:
    """The numbers of the changed trials, and for each refused one the reason."""

    done: tuple[int, ...]
    refused: dict[int, str]


def act(
    c: Connection,
    sweep_id: int,
    action: Action,
    now: float,
    numbers: Iterable[int] | None = None,
    filter: str = "",
) -> BulkResult:
    """Applies an action to the trials with these numbers, or (None) to all that match the filter.

    Trials that do not exist, or whose state does not allow the action, are refused and stay as they are.
    Raises NotAllowed when the sweep's own state forbids the action, and FilterError.
    """
    number, *_ = change_counter.take(c)
    found = trials.find_ids_and_states(c, sweep_id, filter)
    wanted = tuple(found) if numbers is None else tuple(dict.fromkeys(numbers))
    reasons = {n: _check(found.get(n), action, sweep_id, n) for n in wanted}
    refused = {n: reason for n, reason in reasons.items() if reason}
    done = tuple(n for n in wanted if n not in refused)
    if done:
        _apply(c, sweep_id, action, [found[n][0] for n in done], now)
        sweep_state.mark_changed(c, sweep_id, number)
    return BulkResult(done, refused)


def _check(id_and_state: tuple[int, str] | None, action: Action, sweep_id: int, number: int) -> str | None:
    """Why the action is refused; None if it is allowed."""
    subject = f"Trial {number} of sweep {sweep_id}"
    if id_and_state is None:
        return f"There is no trial {number} in sweep {sweep_id}."
    _, state = id_and_state
    try:
        require_action(TRIAL_STATES, state, action, subject)
    except NotAllowed as error:
        return str(error)
    return None


def _apply(c: Connection, sweep_id: int, action: Action, ids: list[int], now: float) -> None:
    if action == "stop":
        trial_actions.stop_all(c, sweep_id, ids, now)
    elif action == "retry":
        trial_actions.retry_all(c, sweep_id, ids)
    else:
        trial_actions.exclude_all(c, ids, action == "exclude")
