"""Write values as JSON: text, times, and numbers that are not finite."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime


def dump_json(body: object) -> str:
    """JSON on one line. Raises ValueError for NaN and infinity instead of writing what is not JSON."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def iso_time(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601, UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_safe(value: object) -> object:
    """A value of dicts, lists and numbers, with None for numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [json_safe(item) for item in value]
    return value
