"""Field types and base models that the JSON of all routes shares.

The models of sweeps, trials and so on, as the OpenAPI document lists them, are in the other modules.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    StrictInt,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from app.schemas.json_values import iso_time
from app.text.validation_messages import READY_MESSAGE
from learning import settings
from learning.errors import FieldError, Invalid
from learning.preflight.preflight import CHECK_CODES
from learning.refinement.autopilot import AUTOPILOT_STAGES
from learning.search import early_stopping, space
from learning.settings import MAX_SEED
from learning.states import SWEEP_STATES, TRIAL_STATES

MAX_TRIALS = 10_000  # of one sweep
MAX_NAME = 200  # characters
MAX_TAG = 40  # characters
MAX_TAGS = 20
MAX_NOTES = 20_000  # characters
MAX_ID = 2**31 - 1

Id = Annotated[int, Path(ge=1, le=MAX_ID)]
Limit = Annotated[int, Query(ge=1, le=10_000)]
Offset = Annotated[int, Query(ge=0, le=10**9)]
Cursor = Annotated[int, Query(ge=0, le=2**62)]


def _check_line(name: str) -> str:
    if not name.isprintable() or not name.strip():
        raise ValueError("must be a line of printable characters")
    return name.strip()


Name = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_check_line)]


def _check_tag(tag: str) -> str:
    tag = _check_line(tag)
    if "," in tag:
        raise ValueError("must be without a comma")
    return tag


def _check_text(text: str) -> str:
    if any(not (character.isprintable() or character in "\n\t") for character in text.replace("\r\n", "\n")):
        raise ValueError("must be lines of printable characters")
    return text.replace("\r\n", "\n").strip()


Tag = Annotated[str, Field(max_length=MAX_TAG), AfterValidator(_check_tag)]
Tags = Annotated[
    list[Tag], Field(max_length=MAX_TAGS), AfterValidator(lambda tags: list(dict.fromkeys(tags)))
]
Notes = Annotated[str, Field(max_length=MAX_NOTES), AfterValidator(_check_text)]
JsonObject = dict[str, JsonValue]


def _reporting(name: str, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`parse`, with each error that it finds in the field `name` as an error of its own."""

    def check(value: Any) -> Any:
        try:
            return parse(value)
        except Invalid as invalid:
            raise ValidationError.from_exception_data(
                name, [_to_pydantic(name, error) for error in invalid.errors]
            ) from None

    return check


def _check_settings(values: JsonObject) -> JsonObject:
    settings.Settings.parse(values)
    return values


def _parse_space(value: Any) -> space.Space:
    return value if isinstance(value, space.Space) else space.Space.parse(value)


def _parse_rule(value: Any) -> early_stopping.StoppingRule | None:
    return value if isinstance(value, early_stopping.StoppingRule) else early_stopping.parse_rule(value)


def _to_json(value: Any) -> JsonObject:
    """The JSON form of settings, a space or a rule; a value that is JSON already stays."""
    found: JsonObject = value.to_dict() if hasattr(value, "to_dict") else value
    return found


_OBJECT = WithJsonSchema({"type": "object", "additionalProperties": True})


def _to_pydantic(name: str, error: FieldError) -> InitErrorDetails:
    """The error in pydantic's form; pydantic puts the field's name before, and takes no half surrogates."""
    field, sentence = (text.encode("utf-8", "replace").decode() for text in (error.field, error.message))
    location = "" if field == name else field.removeprefix(f"{name}.")
    message = PydanticCustomError(READY_MESSAGE, "{sentence}", {"sentence": sentence})
    return InitErrorDetails(type=message, loc=(location,) if location else (), input=error.value)


Settings = Annotated[JsonObject, AfterValidator(_reporting("settings", _check_settings))]
Space = Annotated[
    space.Space, PlainValidator(_reporting("space", _parse_space)), PlainSerializer(_to_json), _OBJECT
]
Stopping = Annotated[
    early_stopping.StoppingRule,
    PlainValidator(_reporting("stopping", _parse_rule)),
    PlainSerializer(_to_json),
    _OBJECT,
]
# In answers: the JSON form of settings, a space or a rule; a time, which rows have in seconds since 1970.
JsonForm = Annotated[JsonObject, BeforeValidator(_to_json)]
Time = Annotated[str, BeforeValidator(lambda time: time if isinstance(time, str) else iso_time(time))]


def _word(*words: str) -> WithJsonSchema:
    """Says in the document what a stored word may be. It is not checked: an old row may have another."""
    return WithJsonSchema({"type": "string", "enum": list(words)})


TrialStateName = Annotated[str, _word(*TRIAL_STATES)]
SweepStateName = Annotated[str, _word(*SWEEP_STATES)]
AutopilotStateName = Annotated[str, _word("running", "finished", "stopped", "failed")]
StageName = Annotated[str, _word(*AUTOPILOT_STAGES)]
CheckCode = Annotated[str, _word(*CHECK_CODES)]

Sampler = Literal["random", "grid", "sobol"]
TrialCount = Annotated[StrictInt, Field(ge=1, le=MAX_TRIALS)]
Seed = Annotated[StrictInt, Field(ge=0, le=MAX_SEED)]
Points = Annotated[list[Settings], Field(min_length=1, max_length=MAX_TRIALS)]


class In(BaseModel):
    """What a route takes: a field it does not know is an error."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """What a route gives: read from a row's attributes of the same names; more fields may come later.

    Numbers that are not finite are written as null; models that have `flags` say there which they were.
    """

    model_config = ConfigDict(from_attributes=True, ser_json_inf_nan="null")

    @classmethod
    def of(cls, row: object, **more: object) -> Self:
        """The answer about a row, with the fields that the row itself does not have."""
        names = [name for name in cls.model_fields if name not in more and hasattr(row, name)]
        return cls.model_validate({name: getattr(row, name) for name in names} | more)
