"""The filter language over trials, parsed into one SQL condition (values only as bound parameters).

    filter     = all ("or" all)*
    all        = term ("and" term)*
    term       = "not" term | "(" filter ")" | comparison
    comparison = NAME ("<" | "<=" | ">" | ">=" | "=" | "!=") value | NAME "in" "(" value ("," value)* ")"
    value      = NUMBER | WORD | "any text" | "[" numbers with commas "]"

A comparison with a missing value is false, so != is true for it. Words and lists support only = and !=.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, func, not_, or_

from learning.errors import FilterError as FilterError
from store.read.columns import TrialColumn, find_column

MAX_LENGTH = 2000  # characters
MAX_DEPTH = 30  # of nested parentheses and nots

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]))
    |(?P<word>[A-Za-z_][A-Za-z0-9_.]*(?:-[A-Za-z0-9_.]+)*)
    |"(?P<double>[^"]*)"|'(?P<single>[^']*)'
    |(?P<list>\[[0-9,\s]*\])
    |(?P<sign><=|>=|!=|==|<>|[<>=(),])
    |(?P<end>$))""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, word, text, list, sign or end
    text: str
    at: int  # character, from 1

    def is_word(self, word: str) -> bool:
        return self.kind == "word" and self.text.lower() == word


def parse_filter(text: str) -> ColumnElement[bool]:
    """The filter as a condition on the trial table. Raises FilterError with a sentence that says where."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"The filter has {len(text)} characters; at most {MAX_LENGTH} are read.")
    return _Parser(_tokenize(text)).parse()


def _tokenize(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            start = len(text) - len(rest) + 1
            raise FilterError(f"At character {start} the filter has {rest[:10]!r}: no such sign.")
        kind = match.lastgroup or "end"
        tokens.append(
            _Token({"double": "text", "single": "text"}.get(kind, kind), match[kind], match.start(kind) + 1)
        )
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens, with one method for each rule."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def parse(self) -> ColumnElement[bool]:
        whole = self._any()
        if self._peek().kind != "end":
            raise _unexpected(self._peek(), "and, or, or the end")
        return whole

    def _any(self) -> ColumnElement[bool]:
        parts = [self._all()]
        while self._peek().is_word("or"):
            self._take()
            parts.append(self._all())
        return or_(*parts)

    def _all(self) -> ColumnElement[bool]:
        parts = [self._term()]
        while self._peek().is_word("and"):
            self._take()
            parts.append(self._term())
        return and_(*parts)

    def _term(self) -> ColumnElement[bool]:
        token = self._take()
        if token.is_word("not"):
            return not_(self._nest(token, self._term))
        if token.text == "(" and token.kind == "sign":
            inside = self._nest(token, self._any)
            closing = self._take()
            if closing.kind != "sign" or closing.text != ")":
                raise _unexpected(closing, "and, or, or )")
            return inside.self_group()
        return self._comparison(token)

    def _nest(self, token: _Token, rule: Callable[[], ColumnElement[bool]]) -> ColumnElement[bool]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError(f"At character {token.at} the filter is nested deeper than {MAX_DEPTH}.")
        inside = rule()
        self._depth -= 1
        return inside

    def _comparison(self, token: _Token) -> ColumnElement[bool]:
        if token.kind != "word" or token.text.lower() in ("and", "or"):
            raise _unexpected(token, "a column or setting")
        column = find_column(token.text)
        sign = self._take()
        if sign.is_word("in"):
            return or_(*self._list_members(token, column))
        if sign.kind != "sign" or sign.text in "(),":
            raise _unexpected(sign, "one of < <= > >= = != in")
        return _compare(token, column, sign, self._take())

    def _list_members(self, token: _Token, column: TrialColumn) -> list[ColumnElement[bool]]:
        self._expect("(")
        parts = []
        more = True
        while more:
            value = self._take()
            parts.append(_compare(token, column, _Token("sign", "=", value.at), value))
            more = self._peek().kind == "sign" and self._peek().text == ","
            if more:
                self._take()
        self._expect(")")
        return parts

    def _expect(self, sign: str) -> None:
        token = self._take()
        if token.kind != "sign" or token.text != sign:
            raise _unexpected(token, "a comma or )" if sign == ")" else sign)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)  # the end may be taken again and again
        return token


def _compare(token: _Token, column: TrialColumn, sign: _Token, value: _Token) -> ColumnElement[bool]:
    if value.kind == "number":
        return _compare_number(token, column, sign, value)
    if value.kind == "list" and not column.is_list:
        raise FilterError(f"At character {value.at} {token.text} is compared with a list, but it is none.")
    if value.kind in ("word", "text", "list"):
        return _compare_word(token, column, sign, value)
    raise _unexpected(value, "a number or a word")


def _compare_number(token: _Token, column: TrialColumn, sign: _Token, value: _Token) -> ColumnElement[bool]:
    number = float(value.text)
    if column.number is None:
        raise FilterError(
            f"At character {value.at} {token.text} is compared with a number, but it is a word."
        )
    if not math.isfinite(number):
        raise FilterError(f"At character {value.at} the number {value.text[:20]} is too large.")
    stored = column.number
    equal = func.coalesce(stored == number, false())
    compared = {
        "<": stored < number,
        "<=": stored <= number,
        ">": stored > number,
        ">=": stored >= number,
    }
    if sign.text in compared:
        return func.coalesce(compared[sign.text], false())
    return _negate_if_unequal(sign, equal)


def _compare_word(token: _Token, column: TrialColumn, sign: _Token, value: _Token) -> ColumnElement[bool]:
    if column.word is None:
        raise FilterError(
            f"At character {value.at} {token.text} is compared with a word, but it is a number."
        )
    if sign.text not in ("=", "==", "!=", "<>"):
        raise FilterError(f"At character {sign.at} words are compared by = or !=, not by {sign.text}.")
    if not value.text.isprintable():
        raise FilterError(f"At character {value.at} the text has a character that cannot be printed.")
    word = value.text.lower() if column.words else value.text
    if column.words and word not in column.words:
        raise FilterError(
            f"At character {value.at} stands {value.text[:40]!r}, but {token.text} is one of "
            f"{', '.join(column.words)}."
        )
    if column.is_list:
        word = f"[{''.join(word.strip('[]').split())}]"
    return _negate_if_unequal(sign, func.coalesce(column.word == word, false()))


def _negate_if_unequal(sign: _Token, equal: ColumnElement[bool]) -> ColumnElement[bool]:
    return not_(equal) if sign.text in ("!=", "<>") else equal


def _unexpected(token: _Token, wanted: str) -> FilterError:
    found = "ends" if token.kind == "end" else f"has {token.text[:20]!r}"
    return FilterError(f"At character {token.at} the filter {found} where {wanted} should stand.")
