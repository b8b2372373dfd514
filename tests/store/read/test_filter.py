"""The filter's grammar: what it finds, how it refuses, and that no text of a user ever becomes SQL."""

import operator
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from learning.errors import FilterError
from learning.search.space import Space
from learning.settings import Settings
from store.actions import sweep_actions
from store.actions.sweep_actions import NewSweep
from store.db.database import Database
from store.read import trials
from store.read.columns import COLUMNS, parse_sort
from store.read.filter import MAX_DEPTH, MAX_LENGTH, parse_filter
from tests.support.queue_steps import NOW, claim, make_epoch, record

# lr, update, hidden, batch_size, best val_acc (None: has not begun)
ROWS: list[tuple[float, str, tuple[int, ...], int | str, float | None]] = [
    (1e-3, "sgd", (50,), 100, 0.5),
    (1e-4, "adam", (100, 50), "full", 0.3),
    (1e-5, "sgd", (50, 20), 10, None),
    (1e-6, "momentum", (), 100, 0.5),
]


@pytest.fixture
def sweep_id(database: Database) -> int:
    drawn = tuple(
        replace(
            Settings(epochs=1), lr=lr, update=update, hidden=hidden, batch_size=size, stratify=n == 0, seed=n
        )
        for n, (lr, update, hidden, size, _) in enumerate(ROWS)
    )
    with database.write() as c:
        made = sweep_actions.create(c, NewSweep("a", "digits", None, Space({}), {}, "random", 0, drawn), NOW)
    for _ in ROWS:
        claimed = claim(database)
        accuracy = ROWS[claimed.trials[0].number][4]
        if accuracy is not None:
            loss = float("inf") if claimed.trials[0].number == 3 else 1.0
            record(database, claimed, [make_epoch(claimed.trials[0].id, 1, val_acc=accuracy, loss=loss)])
    return made.id


def found(database: Database, sweep_id: int, filter: str | None = None, sort: str = "number") -> list[int]:
    with database.read() as c:
        rows, total = trials.list_page(c, sweep_id, 100, 0, sort, filter)
    assert total == len(rows)
    return [row.number for row in rows]


EXAMPLES = {
    "": [0, 1, 2, 3],
    "lr > 1e-4": [0],
    "lr >= 1e-4 and lr < .001": [1],
    "settings.lr<=1e-5": [2, 3],
    "best_val_acc > 0.4": [0, 3],
    "not best_val_acc > 0.4": [1, 2],
    "best_val_acc != 0.5": [1, 2],
    "update = sgd": [0, 2],
    "update == 'sgd'": [0, 2],
    'update != "sgd"': [1, 3],
    "UPDATE = SGD or Update=Adam": [0, 1, 2],
    "state = finished and not (update = adam or lr < 1e-5)": [0],
    "update = sgd or update = adam and lr < 1e-9": [0, 2],
    "(update = sgd or update = adam) and lr < 1e-4": [2],
    "hidden = '100,50'": [1],
    "hidden = 50": [0, 2],
    "hidden > 60": [1],
    "hidden = [100, 50]": [1],
    "hidden != [50]": [1, 2, 3],
    "hidden = []": [3],
    "hidden in ([50], [ 50,20 ])": [0, 2],
    "number in (1, 3)": [1, 3],
    "update in (adam, 'momentum') or number IN (0)": [0, 1, 3],
    "not number in (0, 1)": [2, 3],
    "gap > 0.1": [1],
    "update_ratio = 1e-3": [0, 1, 3],
    "seconds >= 0": [0, 1, 3],
    "hidden = ''": [3],
    "batch_size = full": [1],
    "batch_size < 50": [2],
    "batch_size != 100": [1, 2],
    "stratify = true": [0],
    "excluded = false": [0, 1, 2, 3],
    "number = 2 or seed = +3": [2, 3],
    "loss > -1": [0, 1],
    "last.lr > 0": [0, 1, 3],
    "train_count > 0": [],
    "worker = w": [0, 1, 2, 3],
    "reason != x": [0, 1, 2, 3],
}


def test_what_a_filter_finds(database: Database, sweep_id: int) -> None:
    answers = {text: found(database, sweep_id, text) for text in EXAMPLES}
    assert answers == EXAMPLES


SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
}
NUMBERS = {
    "number": list(range(len(ROWS))),
    "LR": [row[0] for row in ROWS],
    "best_val_acc": [row[4] for row in ROWS],
}
Filter = tuple[str, frozenset[int]]  # its text, and the rows it finds


def compare(name: str, sign: str, value: float) -> Filter:
    rows = enumerate(NUMBERS[name])
    missing = sign in ("!=", "<>")
    return f"{name}{sign}{value}", frozenset(
        n for n, stored in rows if (missing if stored is None else SIGNS[sign](stored, value))
    )


def among(word: str, updates: Iterable[str]) -> Filter:
    return f"update {word} ({', '.join(updates)})", frozenset(
        n for n, row in enumerate(ROWS) if row[1] in updates
    )


def negate(word: str, inside: Filter) -> Filter:
    return f"{word} {inside[0]}", frozenset(range(len(ROWS))) - inside[1]


def disjoin(alternatives: list[list[Filter]]) -> Filter:
    return (
        " or ".join(" AND ".join(text for text, _ in parts) for parts in alternatives),
        frozenset().union(*(frozenset.intersection(*(rows for _, rows in parts)) for parts in alternatives)),
    )


def parenthesise(inside: Filter) -> Filter:
    return f"({inside[0]})", inside[1]


def disjunctions(terms: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.lists(st.lists(terms, min_size=1, max_size=3), min_size=1, max_size=3).map(disjoin)


comparisons = st.builds(
    compare,
    st.sampled_from(list(NUMBERS)),
    st.sampled_from(list(SIGNS)),
    st.sampled_from([0, 1, 2, 0.3, 0.5, 1e-3, 1e-4, 1e-5]),
) | st.builds(
    among,
    st.sampled_from(["in", "IN"]),
    st.lists(st.sampled_from(["sgd", "adam", "momentum", "rmsprop"]), min_size=1, max_size=3),
)
terms = st.recursive(
    comparisons,
    lambda terms: (
        st.builds(negate, st.sampled_from(["not", "NOT"]), terms) | disjunctions(terms).map(parenthesise)
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(disjunctions(terms))
def test_not_binds_before_and_and_before_or(database: Database, sweep_id: int, filter: Filter) -> None:
    text, rows = filter
    assume(len(text) <= MAX_LENGTH)
    assert found(database, sweep_id, text) == sorted(rows)


def test_sorting_puts_what_has_no_value_last_and_equals_by_number(database: Database, sweep_id: int) -> None:
    assert found(database, sweep_id, sort="-best_val_acc") == [0, 3, 1, 2]
    assert found(database, sweep_id, sort="best_val_acc") == [1, 0, 3, 2]
    assert found(database, sweep_id, sort="settings.lr") == [3, 2, 1, 0]
    assert found(database, sweep_id, sort="-batch_size") == [0, 3, 2, 1]
    assert found(database, sweep_id, sort="update") == [1, 3, 0, 2]
    assert found(database, sweep_id, sort="-number") == [3, 2, 1, 0]


def test_every_name_can_be_sorted_by_and_compared(database: Database, sweep_id: int) -> None:
    for name, meaning in COLUMNS.items():
        for direction in ("", "-"):
            assert sorted(found(database, sweep_id, sort=direction + name)) == [0, 1, 2, 3]
        if meaning.number is not None:
            assert len(found(database, sweep_id, f"{name} < 1 or not {name} < 1")) == 4
        if meaning.word is not None:
            word = meaning.words[0] if meaning.words else "x"
            assert len(found(database, sweep_id, f"{name} = {word} or {name} != {word}")) == 4


def test_pages_are_cut_after_sorting(database: Database, sweep_id: int) -> None:
    with database.read() as c:
        rows, total = trials.list_page(c, sweep_id, 2, 1, "-lr", "update != adam")
    assert ([row.number for row in rows], total) == ([2, 3], 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr >", "At character 5 the filter ends where a number or a word should stand."),
        ("lr 3", "At character 4 the filter has '3' where one of < <= > >= = != in should stand."),
        ("lr > 3 4", "At character 8 the filter has '4' where and, or, or the end should stand."),
        ("(lr > 3", "At character 8 the filter ends where and, or, or ) should stand."),
        ("lr > 3)", "At character 7 the filter has ')' where and, or, or the end should stand."),
        ("and", "At character 1 the filter has 'and' where a column or setting should stand."),
        ("lr = 1; drop table trial", "At character 7 the filter has '; drop tab': no such sign."),
        ("lr = 12ab", "At character 6 the filter has '12ab': no such sign."),
        ("lr = sgd", "At character 6 lr is compared with a word, but it is a number."),
        ("lr = [1]", "At character 6 lr is compared with a list, but it is none."),
        ("hidden > [1]", "At character 8 words are compared by = or !=, not by >."),
        ("hidden = [a]", "At character 10 the filter has '[a]': no such sign."),
        ("lr in 3", "At character 7 the filter has '3' where ( should stand."),
        ("lr in (3", "At character 9 the filter ends where a comma or ) should stand."),
        ("lr in ()", "At character 8 the filter has ')' where a number or a word should stand."),
        ("update = 3", "At character 10 update is compared with a number, but it is a word."),
        ("update > sgd", "At character 8 words are compared by = or !=, not by >."),
        ("state = done", "At character 9 stands 'done', but state is one of queued, running,"),
        ("lr > 1e999", "At character 6 the number 1e999 is too large."),
        ("speed > 3", "'speed' is not a column or setting; there are id, number, state,"),
        ("worker = 'a\x00b'", "At character 11 the text has a character that cannot be printed."),
        (
            "x" * (MAX_LENGTH + 1),
            f"The filter has {MAX_LENGTH + 1} characters; at most {MAX_LENGTH} are read.",
        ),
        ("not " * (MAX_DEPTH + 1) + "lr > 1", "the filter is nested deeper than"),
        ("(" * (MAX_DEPTH + 1), "the filter is nested deeper than"),
    ],
)
def test_a_bad_filter_is_refused_in_one_sentence_that_says_where(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert message in str(caught.value)
    assert str(caught.value).endswith(".")
    assert caught.value.field == "filter"


@pytest.mark.parametrize("sort", ["", "-", "speed", "--lr", "lr desc", "lr; drop table trial", "1"])
def test_a_bad_sort_is_refused(sort: str) -> None:
    with pytest.raises(FilterError, match="is not a column or setting") as caught:
        parse_sort(sort)
    assert caught.value.field == "sort"


WORDS = [
    *COLUMNS,
    "and",
    "or",
    "not",
    "in",
    ",",
    "[100, 50]",
    "(",
    ")",
    "<",
    ">=",
    "=",
    "!=",
    "1e-3",
    "50",
    "full",
    "sgd",
    "'a;b\"",
    '"x"',
]
anything = st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything)
@example("worker = 'Robert''); DROP TABLE trial;--'")
@example("lr = 1 " + "or lr = 1 " * 180)
def test_any_text_is_a_filter_or_a_filter_error(sqlite_database: Database, text: str) -> None:
    try:
        where = parse_filter(text) if text.strip() else None
    except FilterError:
        return
    if where is not None:
        for dialect in (sqlite.dialect(), postgresql.dialect()):
            sql = str(where.compile(dialect=dialect))
            assert "DROP" not in sql
            assert "'a;b\"'" not in sql
    with sqlite_database.read() as c:
        assert trials.list_page(c, 1, 10, 0, "number", text) == ((), 0)


def test_values_are_parameters() -> None:
    compiled = parse_filter("worker = 'Robert; DROP TABLE trial' and lr > 0.125").compile(
        dialect=sqlite.dialect()
    )
    assert {"Robert; DROP TABLE trial", 0.125} <= set(compiled.params.values())
    assert "Robert" not in str(compiled)
    assert "0.125" not in str(compiled)
