"""The states of trials, sweeps and groups, and sets of them that belong together."""

TRIAL_STATES = ("queued", "running", "finished", "diverged", "stopped", "cancelled", "failed")
SWEEP_STATES = ("running", "paused", "stopping", "finished", "cancelled")

LIVING = ("queued", "running")  # states of a trial or a preflight that has not ended
OPEN = ("running", "paused", "stopping")  # states of a sweep that may still have living trials
WAITING = "waiting"  # state of a group at its rung
UNRANKED = ("diverged", "failed")  # states of a trial that is never ranked best
