"""The states of trials and sweeps: one row each, for the queries, the routes, the templates and the scripts.

A trial has *ended* when its state is not living. It is *ranked* when its state may be ranked, it is not
excluded and it has a best val accuracy. What a user may do to a trial or a sweep are the *actions* of its
state. Preflights and autopilots have some of the states of trials.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from learning.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class State:
    """What any state has."""

    name: str
    living: bool  # something may still happen by itself
    tone: str  # a colour: quiet, info, good, warning, bad or fault
    icon: str  # a symbol of static/img/icons.svg
    actions: tuple[str, ...]

    @property
    def ended(self) -> bool:
        return not self.living


@dataclass(frozen=True, slots=True)
class TrialState(State):
    """A state of a trial."""

    ranked: bool
    result: bool  # what its training came to; not a fault, nor a change of its user's mind


@dataclass(frozen=True, slots=True)
class SweepState(State):
    """A state of a sweep; one that trains has workers take its trials up or finish them."""

    trains: bool


Row = TypeVar("Row", bound=State)


def _by_name(*rows: Row) -> Mapping[str, Row]:
    return MappingProxyType({row.name: row for row in rows})


_RANKING = ("exclude", "include")

# From the most to the least hopeful end. A diverged trial has no rank: its net was lost after its best epoch.
TRIAL_STATES = _by_name(
    TrialState("queued", True, "quiet", "queued", ("stop", *_RANKING), ranked=True, result=False),
    TrialState("running", True, "info", "running", ("stop", *_RANKING), ranked=True, result=False),
    TrialState("finished", False, "good", "finished", _RANKING, ranked=True, result=True),
    TrialState("stopped", False, "warning", "stopped", ("retry", *_RANKING), ranked=True, result=True),
    TrialState("diverged", False, "bad", "diverged", _RANKING, ranked=False, result=True),
    TrialState("cancelled", False, "quiet", "cancelled", ("retry", *_RANKING), ranked=True, result=False),
    TrialState("failed", False, "fault", "failed", ("retry", *_RANKING), ranked=False, result=False),
)

# `retry`: its trials may be queued again. `delete`: once none of them is running.
SWEEP_STATES = _by_name(
    SweepState(
        "running", True, "info", "running", ("pause", "stop", "cancel", "add trials", "retry"), trains=True
    ),
    SweepState(
        "paused",
        True,
        "warning",
        "paused",
        ("resume", "stop", "cancel", "add trials", "retry", "delete"),
        trains=False,
    ),
    SweepState("stopping", True, "warning", "stopping", ("cancel",), trains=True),
    SweepState("finished", False, "good", "finished", ("add trials", "retry", "delete"), trains=False),
    SweepState("cancelled", False, "quiet", "cancelled", ("retry", "delete"), trains=False),
)

LIVING_TRIAL = tuple(state.name for state in TRIAL_STATES.values() if state.living)
LIVING_SWEEP = tuple(state.name for state in SWEEP_STATES.values() if state.living)
RESULTS = tuple(state.name for state in TRIAL_STATES.values() if state.result)
RANKED = tuple(state.name for state in TRIAL_STATES.values() if state.ranked)


def allowing(states: Mapping[str, State], action: str) -> tuple[str, ...]:
    """The names of the states that allow an action."""
    return tuple(state.name for state in states.values() if action in state.actions)


def require_action(states: Mapping[str, State], state: str, action: str, subject: str) -> None:
    """Raises NotAllowed, with `subject` in its sentence, if this state does not allow the action."""
    if action not in states[state].actions:
        raise NotAllowed(state, action, subject, allowing(states, action))


def is_ranked(state: str, excluded: bool, best_val_acc: float | None) -> bool:
    """Whether a trial is ranked. Those that are compare by their best val accuracy."""
    return TRIAL_STATES[state].ranked and not excluded and best_val_acc is not None
