"""Sentences: pydantic's errors in our words, for web and command line (decides no status or exit code)."""

import json
from collections.abc import Mapping
from typing import Any

SHOWN_CHARACTERS = 200  # of a bad value
TOLD = "told"  # the kind of an error whose message is the sentence
_WANTED = {
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


def sentence(field: str, error: Mapping[str, Any]) -> str:
    """One of ValidationError.errors(): the field, what it must be, and what it is."""
    kind = error["type"]
    if kind == TOLD:
        return str(error["msg"])
    if kind == "missing":
        return f"{field} is missing."
    if kind == "extra_forbidden":
        return f"{field} is not a field of this request."
    if kind in _WANTED:
        said = "must be " + _WANTED[kind].format(**error.get("ctx", {}))
    else:
        said = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    return f"{field} {said}, not {shown(error['input'])}."


def shown(value: object) -> str:
    """A bad value as JSON, cut where it is long; its type where JSON cannot carry it."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return cut(text, SHOWN_CHARACTERS)


def cut(text: str, most: int = 5 * SHOWN_CHARACTERS) -> str:
    return text if len(text) <= most else text[:most] + "…"
