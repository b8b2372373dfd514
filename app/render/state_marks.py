"""States on pages: what templates and scripts get of learning/states.py, and the mark of each name."""

from collections.abc import Mapping
from dataclasses import dataclass

from learning.diagnosis.findings import SEVERITIES, VERDICT_SEVERITIES
from learning.states import LIVING_TRIAL, SWEEP_STATES, TRIAL_STATES


@dataclass(frozen=True, slots=True)
class Mark:
    """How a name is shown: in a tone, with a symbol of static/img/icons.svg."""

    tone: str
    icon: str


# Of everything that is shown as a state is. Preflights and autopilots have states of trials.
MARKS = {
    **{name: Mark(state.tone, state.icon) for name, state in {**SWEEP_STATES, **TRIAL_STATES}.items()},
    **{severity: Mark(severity, severity) for severity in SEVERITIES},
    "idle": Mark("quiet", "queued"),  # a worker's
    "busy": Mark("quiet", "running"),
    "gone": Mark("quiet", "cancelled"),
}

# The parts of a bar of counts: how trials ended, those that run, those that wait.
TRACK_PARTS = (
    *(name for name, state in TRIAL_STATES.items() if state.ended),
    *reversed(LIVING_TRIAL),
)


def count_ended(counts: Mapping[str, int]) -> int:
    """How many trials have ended, of so many in each state."""
    return sum(count for name, count in counts.items() if TRIAL_STATES[name].ended)


# What static/core/states.js reads.
PAGE_TABLES = {
    "trial": tuple(TRIAL_STATES.values()),
    "sweep": tuple(SWEEP_STATES.values()),
    "marks": MARKS,
    "verdicts": VERDICT_SEVERITIES,
}
