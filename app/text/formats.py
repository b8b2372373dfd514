"""Format settings, ranges, trials and times as text, for pages, reports and the command line."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from learning.number_format import format_number

if TYPE_CHECKING:
    from learning.search.space import Distribution
    from store.read.trials import Trial

# Their samples have more digits than anybody needs; the same as in static/core/format.js.
ROUNDED_SETTINGS = frozenset({"lr", "reg", "init_scale"})


def format_distribution(name: str, distribution: "Distribution") -> str:
    """A parameter's distribution, such as `lr 1e-6 … 0.001 (log)`."""
    ((kind, value),) = distribution.to_dict().items()
    if kind == "choice":
        return f"{name} in {json.dumps(value)}"
    low, high = (format_bound(bound) for bound in value)
    return f"{name} {low} … {high}" + (" (log)" if kind == "log_uniform" else "")


def format_bound(value: float) -> str:
    """An end of a range, such as `1e-6`."""
    return format_number(value, 6)


def format_trial(trial: "Trial") -> str:
    """A trial by its number, such as `trial #8 of sweep 1`; as a command line argument that is `1/8`."""
    return f"trial #{trial.number} of sweep {trial.sweep_id}"


def format_time(seconds: float | None) -> str:
    """Seconds since 1970 as a UTC time, such as `26 Nov 2026, 14:25 UTC`; empty for None."""
    if seconds is None:
        return ""
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %b %Y, %H:%M} UTC"


def format_setting(name: str, value: object) -> str:
    """A setting's value, such as `100 × 50` units or `3.2e-4`."""
    if isinstance(value, float):
        return format_number(value, 4 if name in ROUNDED_SETTINGS else 6)
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value)) or "none (softmax regression)"
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value)
