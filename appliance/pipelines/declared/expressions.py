"""Conditions of branches: comparisons, `contains`, `is empty`, and, or, not. Parsed by hand and evaluated over a tree.

    steps.found.count >= 3 and not (inputs.question contains "borrador" or steps.total.value is empty)

Nothing of Python is reachable from here: the grammar has no calls, no attributes of objects and no arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from appliance.pipelines.declared.references import Reference, TemplateWrong, parse_reference

_MOST_DEPTH = 20
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"\n]*"|'[^'\n]*')|(?P<number>-?\d{1,15}(?:\.\d{1,10})?(?![\w.]))"""
    r"""|(?P<sign>==|!=|<=|>=|<|>|\(|\))|(?P<word>[A-Za-z_][\w.-]*))"""
)
Sign = Literal["==", "!=", "<", "<=", ">", ">=", "contains"]
_SIGNS = ("==", "!=", "<", "<=", ">", ">=")
_WORDS = {"true": True, "false": False, "null": None}


class ExpressionWrong(Exception):
    """code, values: of a finding; `at` is the character, from 1."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class Literal_:
    """A text, a number, true, false or null."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Compared:
    """left SIGN right."""

    sign: Sign
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Empty:
    """Whether there is nothing: no value, no text, no rows, no passages."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a value is true, by itself."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Joined:
    """Of both, or of one."""

    by: Literal["and", "or"]
    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    condition: Condition


Operand = Literal_ | Reference
Condition = Compared | Empty | Truth | Joined | Not
Lookup = Callable[[Reference], Any]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Condition:
    """Raises ExpressionWrong."""
    return _Parser(list(_tokens(text)), len(text) + 1).whole()


def operands(condition: Condition) -> Iterator[Operand]:
    """Every value that it looks at."""
    if isinstance(condition, Joined):
        yield from operands(condition.left)
        yield from operands(condition.right)
    elif isinstance(condition, Not):
        yield from operands(condition.condition)
    elif isinstance(condition, Compared):
        yield condition.left
        yield condition.right
    else:
        yield condition.operand


def comparisons(condition: Condition) -> Iterator[Compared | Truth]:
    """Every part whose types must fit."""
    if isinstance(condition, Joined):
        yield from comparisons(condition.left)
        yield from comparisons(condition.right)
    elif isinstance(condition, Not):
        yield from comparisons(condition.condition)
    elif isinstance(condition, Compared | Truth):
        yield condition


def holds(condition: Condition, value_of: Lookup) -> bool:
    """Whether it is so. What cannot be compared is not so."""
    if isinstance(condition, Joined):
        if condition.by == "and":
            return holds(condition.left, value_of) and holds(condition.right, value_of)
        return holds(condition.left, value_of) or holds(condition.right, value_of)
    if isinstance(condition, Not):
        return not holds(condition.condition, value_of)
    if isinstance(condition, Empty):
        return _is_empty(_value(condition.operand, value_of))
    if isinstance(condition, Truth):
        return _value(condition.operand, value_of) is True
    return _compare(condition.sign, _value(condition.left, value_of), _value(condition.right, value_of))


def _value(operand: Operand, value_of: Lookup) -> Any:  # noqa: ANN401 - any result of a step
    return operand.value if isinstance(operand, Literal_) else value_of(operand)


def _is_empty(value: Any) -> bool:  # noqa: ANN401 - any result of a step
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | tuple | dict) and not value)


def _compare(sign: Sign, left: Any, right: Any) -> bool:  # noqa: ANN401 - any results of steps
    if sign == "contains":
        if isinstance(left, str):
            return isinstance(right, str) and right.casefold() in left.casefold()
        return isinstance(left, list | tuple | dict) and any(_same(one, right) for one in left)
    if sign in ("==", "!="):
        return _same(left, right) is (sign == "==")
    return _ordered(sign, _comparable(left), _comparable(right))


def _ordered(sign: Sign, left: Decimal | str | None, right: Decimal | str | None) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        order = (left > right) - (left < right)
    elif isinstance(left, Decimal) and isinstance(right, Decimal):
        order = int(left.compare(right))
    else:
        return False
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[sign]


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any results of steps
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    return _comparable(one) == _comparable(other)


def _comparable(value: Any) -> Decimal | str | None:  # noqa: ANN401 - any result of a step
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    return str(value)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise ExpressionWrong("expression_sign", said=text[at], at=at + 1)
        kind = str(found.lastgroup)
        yield _Token(kind, found.group(kind), found.start(kind) + 1)
        at = found.end()


class _Parser:
    """or < and < not < comparison."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._end = end
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        condition = self._either()
        if (token := self._next()) is not None:
            raise ExpressionWrong("expression_more", said=token.text, at=token.at)
        return condition

    def _next(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, *texts: str) -> _Token | None:
        token = self._next()
        if token is not None and token.kind != "text" and token.text in texts:
            self._at += 1
            return token
        return None

    def _either(self) -> Condition:
        left = self._both()
        while self._takes("or"):
            left = Joined("or", left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._one()
        while self._takes("and"):
            left = Joined("and", left, self._one())
        return left

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ExpressionWrong("expression_deep", most=_MOST_DEPTH)
        try:
            if self._takes("not"):
                return Not(self._one())
            if self._takes("("):
                inner = self._either()
                if not self._takes(")"):
                    raise ExpressionWrong("expression_open", at=self._where())
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Condition:
        left = self._operand()
        if self._takes("is"):
            is_not = self._takes("not") is not None
            if not self._takes("empty"):
                raise ExpressionWrong("expression_is", at=self._where())
            return Not(Empty(left)) if is_not else Empty(left)
        sign = self._takes(*_SIGNS, "contains")
        if sign is None:
            return Truth(left)
        return Compared(sign.text, left, self._operand())  # type: ignore[arg-type]

    def _operand(self) -> Operand:
        token = self._next()
        if token is None:
            raise ExpressionWrong("expression_end")
        self._at += 1
        if token.kind == "text":
            return Literal_(token.text[1:-1])
        if token.kind == "number":
            return Literal_(float(token.text) if "." in token.text else int(token.text))
        if token.kind == "word" and token.text in _WORDS:
            return Literal_(_WORDS[token.text])
        if token.kind == "word":
            try:
                return parse_reference(token.text)
            except TemplateWrong as wrong:
                raise ExpressionWrong(wrong.code, **wrong.values) from wrong
        raise ExpressionWrong("expression_value", said=token.text, at=token.at)

    def _where(self) -> int:
        token = self._next()
        return self._end if token is None else token.at
