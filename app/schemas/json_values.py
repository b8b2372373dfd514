"""Write JSON as the models do: numbers that are not finite are null, times are ISO 8601 in UTC."""

from datetime import UTC, datetime

from pydantic_core import to_json


def dump_json(value: object) -> str:
    """JSON on one line. Models, dataclasses and tuples are written too; NaN and infinity become null."""
    return to_json(value, inf_nan_mode="null").decode()


def iso_time(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601, UTC, with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
