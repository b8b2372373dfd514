"""Words: settings, ranges and trials as people write them, in pages and reports (formats nothing live)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from learning.number_format import brief

if TYPE_CHECKING:
    from store.read.trials import Trial

DRAWN = frozenset({"lr", "reg", "init_scale"})  # with more digits than needed, as in static/core/format.js


def space_words(name: str, spec: Mapping[str, Any]) -> str:
    """A parameter's distribution in a few words, such as `lr 1e-6 … 0.001 (log)`."""
    kind, value = next(iter(spec.items()))
    if kind == "choice":
        return f"{name} in {json.dumps(value)}"
    low, high = (end_words(bound) for bound in value)
    return f"{name} {low} … {high}" + (" (log)" if kind == "log_uniform" else "")


def end_words(value: float) -> str:
    """An end of a range, such as `1e-6`."""
    return brief(value, 6)


def trial_words(trial: "Trial") -> str:
    """A trial as its page names it, such as `trial #8 of sweep 1`; on the command line that is `1/8`."""
    return f"trial #{trial.number} of sweep {trial.sweep_id}"


def time_words(seconds: float | None) -> str:
    """A time in seconds since 1970, such as `26 Nov 2026, 14:25 UTC`; in a file that is read anywhere."""
    if seconds is None:
        return ""
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %b %Y, %H:%M} UTC"


def setting_words(name: str, value: object) -> str:
    """A setting's value, such as `100 × 50` units or `3.2e-4`."""
    if isinstance(value, float):
        return brief(value, 4 if name in DRAWN else 6)
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value)) or "none (softmax regression)"
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value)
