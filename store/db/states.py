"""Owns the words for states, what each allows, and the two refusals (changes no rows)."""

TRIAL_STATES = ("queued", "running", "finished", "diverged", "stopped", "cancelled", "failed")
SWEEP_STATES = ("running", "paused", "stopping", "finished", "cancelled")
PREFLIGHT_STATES = ("queued", "running", "finished", "failed", "cancelled")
AUTOPILOT_STATES = ("running", "finished", "stopped", "failed")

LIVING = ("queued", "running")  # states of a trial or a preflight that has not ended
OPEN = ("running", "paused", "stopping")  # states of a sweep that may still have living trials
WAITING = "waiting"  # state of a group at its rung
UNRANKED = ("diverged", "failed")  # states of a trial that is never ranked best
