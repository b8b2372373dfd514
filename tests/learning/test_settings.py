import json

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.errors import Invalid
from learning.settings import MAX_EPOCHS, MAX_LAYERS, MAX_UNITS, Settings, read_field

BAD = [
    ("hidden", "50"),
    ("hidden", [0]),
    ("hidden", [MAX_UNITS + 1]),
    ("hidden", [1] * (MAX_LAYERS + 1)),
    ("hidden", [MAX_UNITS] * 3),
    ("hidden", [50.5]),
    ("hidden", None),
    ("activation", "swish"),
    ("activation", ["relu"]),
    ("init", ""),
    ("init_scale", 0),
    ("update", None),
    ("lr", 0),
    ("lr", -1e-3),
    ("lr", "1e-3"),
    ("lr", True),
    ("lr", float("nan")),
    ("lr", float("inf")),
    ("lr", 10**400),
    ("momentum", 1.0),
    ("momentum", -0.1),
    ("reg", -1),
    ("dropout", 1),
    ("schedule", "linear"),
    ("lr_decay", 0),
    ("lr_decay", 1.01),
    ("batch_size", 0),
    ("batch_size", "all"),
    ("batch_size", 10.0),
    ("batch_size", None),
    ("epochs", 0),
    ("epochs", MAX_EPOCHS + 1),
    ("epochs", True),
    ("seed", -1),
    ("seed", 2**53),
    ("preprocess", "zca"),
    ("train_count", 0),
    ("val_count", -1),
    ("stratify", 1),
    ("explosion", 0.5),
    ("explosion", -1),
    ("colour", 3),
]
GOOD = [
    ("hidden", [], ()),
    ("hidden", 50, (50,)),
    ("hidden", (50, 20), (50, 20)),
    ("hidden", [MAX_UNITS] * 2, (MAX_UNITS,) * 2),
    ("hidden", [1] * MAX_LAYERS, (1,) * MAX_LAYERS),
    ("lr", 1, 1.0),
    ("lr", 1e6, 1e6),
    ("momentum", 0.99, 0.99),
    ("dropout", 0.5, 0.5),
    ("lr_decay", 1, 1.0),
    ("batch_size", "full", "full"),
    ("batch_size", 1, 1),
    ("epochs", MAX_EPOCHS, MAX_EPOCHS),
    ("seed", None, None),
    ("seed", 2**53 - 1, 2**53 - 1),
    ("train_count", None, None),
    ("val_count", 0, 0),
    ("explosion", 0, 0.0),
    ("explosion", 1, 1.0),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_bad_field_is_refused_with_one_sentence_that_names_it(field, value):
    with pytest.raises(Invalid) as caught:
        Settings.parse({field: value})
    (error,) = caught.value.errors
    assert error.field == field
    assert error.value is value
    assert error.message.startswith(field)
    assert error.message.endswith(".")
    assert len(error.message) < 300


@pytest.mark.parametrize(("field", "value", "read"), GOOD)
def test_a_good_field_is_read_into_its_own_type(field, value, read):
    got = getattr(Settings.parse({field: value}), field)
    assert got == read
    assert type(got) is type(read)
    assert read_field(field, value) == read


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = SCALARS | st.lists(SCALARS, max_size=10) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=3)


@hypothesis.settings(deadline=None)
@given(st.sampled_from(sorted(Settings().to_dict())), VALUES)
def test_any_value_is_read_or_refused_in_words(field, value):
    try:
        settings = Settings.parse({field: value})
    except Invalid as invalid:
        refused = invalid.errors
    else:
        refused = ()
        assert Settings.parse(json.loads(json.dumps(settings.to_dict(), allow_nan=False))) == settings
    assert [error.field for error in refused] in ([], [field])
    assert all(error.message.endswith(".") for error in refused)


def test_every_bad_field_is_reported_at_once():
    with pytest.raises(Invalid) as caught:
        Settings.parse({"lr": -1, "reg": 0.1, "epochs": "five", "colour": "red"})
    assert [error.field for error in caught.value.errors] == ["lr", "epochs", "colour"]
    assert all(error.message in str(caught.value) for error in caught.value.errors)


def test_the_message_says_what_would_do():
    with pytest.raises(Invalid, match=r"^lr must be a number above 0 and at most 1e12, not -1\.$"):
        Settings.parse({"lr": -1})


def test_defaults_are_valid_and_survive_json():
    for settings in (Settings(), Settings.parse({"hidden": [10, 5], "batch_size": "full", "seed": 7})):
        assert Settings.parse(json.loads(json.dumps(settings.to_dict()))) == settings


SHARED = [
    {"hidden": [51]},
    {"activation": "tanh"},
    {"update": "adam"},
    {"batch_size": 99},
    {"epochs": 11},
    {"preprocess": "none"},
    {"train_count": 5},
    {"val_count": 5},
    {"stratify": True},
    {"dropout": 0.5},
]
FREE = [
    {"lr": 0.5},
    {"reg": 0.5},
    {"momentum": 0.5},
    {"lr_decay": 0.5},
    {"init": "he"},
    {"init_scale": 0.5},
    {"schedule": "cosine"},
    {"seed": 5},
    {"explosion": 5},
]


@pytest.mark.parametrize("change", SHARED)
def test_what_a_stack_shares_makes_another_group(change):
    assert Settings.parse(change).group_key() != Settings().group_key()


@pytest.mark.parametrize("change", FREE)
def test_what_may_differ_in_a_stack_makes_no_other_group(change):
    assert Settings.parse(change).group_key() == Settings().group_key()


def test_two_dropout_rates_share_a_stack():
    assert Settings.parse({"dropout": 0.1}).group_key() == Settings.parse({"dropout": 0.5}).group_key()


def test_every_field_either_is_shared_or_may_differ():
    tested = {name for change in [*SHARED, *FREE] for name in change}
    assert tested == set(Settings().to_dict())


def test_a_bad_value_is_said_as_it_was_sent() -> None:
    with pytest.raises(Invalid, match=r"not true\. .*not null\.$"):
        Settings.parse({"momentum": True, "lr": None})
