"""What all functions share: absent in, absent out."""

from __future__ import annotations

import functools
from datetime import date
from decimal import Decimal
from typing import Any, Callable, Concatenate, ParamSpec, Protocol, TypeVar, Union, cast, overload

from .._values import plain_text

Text = Union[str, int, float, Decimal, date]
"""What reads as a text: numbers, truth values and dates do too."""

_P = ParamSpec("_P")
_R = TypeVar("_R", covariant=True)
_V = TypeVar("_V", contravariant=True)

SPACES = "\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space as Unicode has it, for functions that trim no more than that."""

_SPACE_CHARACTERS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def trim_spaces(text: str) -> str:
    """The text without white space at its ends."""
    return text.strip(_SPACE_CHARACTERS)


def as_text(value: Any, name: str) -> str:
    """A field as the text that it is; lists and dicts are a mistake of the author."""
    text = plain_text(value)
    if text is None:
        raise TypeError(f"functions.{name} takes a text, not a {type(value).__name__}")
    return text


class OfText(Protocol[_P, _R]):
    """A function of a text, which answers None where there is none."""

    __name__: str

    @overload
    def __call__(self, text: None, /, *rest: _P.args, **named: _P.kwargs) -> None: ...
    @overload
    def __call__(self, text: Text, /, *rest: _P.args, **named: _P.kwargs) -> _R: ...


class OfValue(Protocol[_V, _P, _R]):
    """A function of a value, which answers None where there is none."""

    __name__: str

    @overload
    def __call__(self, value: None, /, *rest: _P.args, **named: _P.kwargs) -> None: ...
    @overload
    def __call__(self, value: _V, /, *rest: _P.args, **named: _P.kwargs) -> _R: ...


def of_text(function: Callable[Concatenate[str, _P], _R]) -> OfText[_P, _R]:
    """A function whose first argument is a text: absent answers None, numbers and dates are read as text."""

    @functools.wraps(function)
    def run(text: Any, *rest: _P.args, **named: _P.kwargs) -> Any:
        return None if text is None else function(as_text(text, function.__name__), *rest, **named)

    return cast("OfText[_P, _R]", run)


def of_value(function: Callable[Concatenate[_V, _P], _R]) -> OfValue[_V, _P, _R]:
    """A function that answers None where its first argument is absent."""

    @functools.wraps(function)
    def run(value: Any, *rest: _P.args, **named: _P.kwargs) -> Any:
        return None if value is None else function(value, *rest, **named)

    return cast("OfValue[_V, _P, _R]", run)
