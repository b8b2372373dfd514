"""Owns the words for states, what each allows, and the two refusals (changes no rows)."""

from collections.abc import Collection

TRIAL_STATES = ("queued", "running", "finished", "diverged", "stopped", "cancelled", "failed")
SWEEP_STATES = ("running", "paused", "stopping", "finished", "cancelled")
PREFLIGHT_STATES = ("queued", "running", "finished", "failed", "cancelled")
AUTOPILOT_STATES = ("running", "finished", "stopped", "failed")

LIVING = ("queued", "running")  # states of a trial or a preflight that has not ended
OPEN = ("running", "paused", "stopping")  # states of a sweep that may still have living trials
WAITING = "waiting"  # state of a group at its rung
UNRANKED = ("diverged", "failed")  # states of a trial that is never ranked best


class NotAllowed(Exception):  # noqa: N818
    """An action that the state of its object does not allow; the message is one clear sentence."""

    def __init__(self, state: str, action: str, subject: str = "It", needs: Collection[str] = ()) -> None:
        wanted = f"; {action} needs it to be {' or '.join(needs)}" if needs else ""
        super().__init__(f"{subject} is {state}{wanted or f', which does not allow {action}'}.")
        self.state = state
        self.action = action


class NotFound(LookupError):  # noqa: N818
    """No such sweep, trial, preflight or autopilot; the message is one clear sentence."""

    def __init__(self, noun: str, id: int) -> None:
        super().__init__(f"There is no {noun} {id}.")
        self.noun = noun
        self.id = id
