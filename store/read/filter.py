"""The filter language over trials, parsed into one SQL condition (values only as bound parameters).

A comparison with a missing value is false, so != is true for it. Words and lists support only = and !=.
"""

import math
from functools import cache

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args
from lark.parsers.lalr_interactive_parser import InteractiveParser
from sqlalchemy import ColumnElement, and_, false, func, not_, or_

from learning.errors import FilterError as FilterError
from store.read.columns import find_column

MAX_LENGTH = 2000  # characters
MAX_DEPTH = 30  # of nested parentheses and nots

# Lark reads a keyword only where one may stand: `worker = or` compares with a word.
_GRAMMAR = r"""
    filter: all (_OR all)*
    all: term (_AND term)*
    ?term: _NOT term -> negation
        | _OPEN filter _CLOSE -> group
        | NAME SIGN value -> comparison
        | NAME _IN _LIST_OPEN value (_COMMA value)* _CLOSE -> membership
    ?value: NUMBER | WORD | TEXT | LIST

    NAME: /(?!(and|or)(?!-?[A-Za-z0-9_.]))/i WORD
    WORD: /[A-Za-z_][A-Za-z0-9_.]*(-[A-Za-z0-9_.]+)*/
    NUMBER: /[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?(?![A-Za-z0-9_.])/
    TEXT: /"[^"]*"|'[^']*'/
    LIST: /\[[0-9,\s]*\]/
    SIGN: /<=|>=|!=|==|<>|[<>=]/
    _NOT.1: /not/i _WORD_ENDS
    _AND: /and/i _WORD_ENDS
    _OR: /or/i _WORD_ENDS
    _IN: /[iI][nN]/ _WORD_ENDS  // /in/i would read the Turkish dotless i too
    _WORD_ENDS: /(?!-?[A-Za-z0-9_.])/
    _OPEN: "("
    _LIST_OPEN: "("
    _COMMA: ","
    _CLOSE: ")"
    %ignore /\s+/
"""
# What should stand where the parser accepts this; where it accepts none of them, the filter may end.
_WANTED = {
    "NAME": "a column or setting",
    "SIGN": "one of < <= > >= = != in",
    "NUMBER": "a number or a word",
    "_LIST_OPEN": "(",
    "_COMMA": "a comma or )",
    "_CLOSE": "and, or, or )",
}


def parse_filter(text: str) -> ColumnElement[bool]:
    """The filter as a condition on the trial table. Raises FilterError with a sentence that says where."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"The filter has {len(text)} characters; at most {MAX_LENGTH} are read.")
    steps = build_parser().parse_interactive(text)
    try:
        for token in steps.iter_parse():
            if token.type == "NAME":
                find_column(token)  # an unknown name is refused before what follows it
            if token.type in ("_NOT", "_OPEN") and _depth(steps) == MAX_DEPTH:
                raise _refuse(token, f"the filter is nested deeper than {MAX_DEPTH}")
        condition: ColumnElement[bool] = steps.feed_token(Token("$END", "", len(text)))
    except UnexpectedToken as error:
        found = f"has {error.token[:20]!r}" if error.token.type != "$END" else "ends"
        raise _refuse(error.token, f"the filter {found} where {_wanted(steps)} should stand") from None
    except UnexpectedCharacters as error:
        rest = text[error.pos_in_stream :]
        unknown = Token("", rest, len(text) - len(rest))
        raise _refuse(unknown, f"the filter has {rest[:10]!r}: no such sign") from None
    return condition


@cache
def build_parser() -> Lark:
    """The parser, built once a process, which takes longer than most filters do."""
    return Lark(_GRAMMAR, start="filter", parser="lalr", transformer=_Conditions())


def _depth(steps: InteractiveParser) -> int:
    """How many nots and parentheses are open."""
    read = steps.parser_state.value_stack
    return sum(isinstance(part, Token) and part.type in ("_NOT", "_OPEN") for part in read)


def _wanted(steps: InteractiveParser) -> str:
    accepted = steps.accepts()  # type: ignore[no-untyped-call]
    return next((words for kind, words in _WANTED.items() if kind in accepted), "and, or, or the end")


@v_args(inline=True)
class _Conditions(Transformer[Token, ColumnElement[bool]]):
    """What each rule of the grammar means in SQL."""

    def filter(self, *parts: ColumnElement[bool]) -> ColumnElement[bool]:
        return or_(*parts)

    def all(self, *parts: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(*parts)

    def negation(self, term: ColumnElement[bool]) -> ColumnElement[bool]:
        return not_(term)

    def group(self, inside: ColumnElement[bool]) -> ColumnElement[bool]:
        return inside.self_group()

    def comparison(self, name: Token, sign: Token, value: Token) -> ColumnElement[bool]:
        compare = _compare_number if value.type == "NUMBER" else _compare_word
        return compare(name, sign, value)

    def membership(self, name: Token, *values: Token) -> ColumnElement[bool]:
        return or_(*(self.comparison(name, Token("SIGN", "="), value) for value in values))

    def TEXT(self, token: Token) -> Token:  # noqa: N802
        """Without its quotes; called by the lexer."""
        return Token("TEXT", token[1:-1], (token.start_pos or 0) + 1)


def _compare_number(name: Token, sign: Token, value: Token) -> ColumnElement[bool]:
    stored = find_column(name).number
    number = float(value)
    if stored is None:
        raise _refuse(value, f"{name} is compared with a number, but it is a word")
    if not math.isfinite(number):
        raise _refuse(value, f"the number {value[:20]} is too large")
    equal = func.coalesce(stored == number, false())
    compared = {
        "<": stored < number,
        "<=": stored <= number,
        ">": stored > number,
        ">=": stored >= number,
    }
    if sign in compared:
        return func.coalesce(compared[sign], false())
    return _negate_if_unequal(sign, equal)


def _compare_word(name: Token, sign: Token, value: Token) -> ColumnElement[bool]:
    column = find_column(name)
    if value.type == "LIST" and not column.is_list:
        raise _refuse(value, f"{name} is compared with a list, but it is none")
    if column.word is None:
        raise _refuse(value, f"{name} is compared with a word, but it is a number")
    if sign not in ("=", "==", "!=", "<>"):
        raise _refuse(sign, f"words are compared by = or !=, not by {sign}")
    if not value.isprintable():
        raise _refuse(value, "the text has a character that cannot be printed")
    word = value.lower() if column.words else str(value)
    if column.words and word not in column.words:
        known = ", ".join(column.words)
        raise _refuse(value, f"stands {value[:40]!r}, but {name} is one of {known}")
    if column.is_list:
        word = f"[{''.join(word.strip('[]').split())}]"
    return _negate_if_unequal(sign, func.coalesce(column.word == word, false()))


def _negate_if_unequal(sign: Token, equal: ColumnElement[bool]) -> ColumnElement[bool]:
    return not_(equal) if sign in ("!=", "<>") else equal


def _refuse(token: Token, what: str) -> FilterError:
    return FilterError(f"At character {(token.start_pos or 0) + 1} {what}.")
