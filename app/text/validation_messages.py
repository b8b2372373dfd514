"""Turn pydantic's validation errors into sentences, the same for the web and the command line."""

from collections.abc import Mapping
from typing import Any

from learning.errors import format_value

MAX_MESSAGE_CHARACTERS = 1_000
READY_MESSAGE = "ready_message"  # the type of an error whose `msg` already is the sentence
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "bytes_type": "an uploaded file",
    "dict_type": "a JSON object",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_type": "a whole number",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_attributes_type": "a JSON object",
    "model_type": "a JSON object",
    "string_too_long": "at most {max_length} characters long",
    "string_too_short": "at least {min_length} characters long",
    "string_type": "text",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
}


def describe_error(field: str, error: Mapping[str, Any]) -> str:
    """A sentence for one of ValidationError.errors(): the field, what it must be, and what it is."""
    kind = error["type"]
    if kind == READY_MESSAGE:
        return str(error["msg"])
    if kind == "missing":
        return f"{field} is missing."
    if kind == "extra_forbidden":
        return f"{field} is not a field of this request."
    if kind in _EXPECTED:
        problem = "must be " + _EXPECTED[kind].format(**error.get("ctx", {}))
    else:
        problem = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    return f"{field} {problem}, not {format_value(error['input'])}."


def truncate(text: str, limit: int = MAX_MESSAGE_CHARACTERS) -> str:
    return text if len(text) <= limit else text[:limit] + "…"
