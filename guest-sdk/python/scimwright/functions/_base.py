"""What all functions share: absent in, absent out."""

from __future__ import annotations

import functools
from typing import Any, Callable, TypeVar

from .._values import plain_text

_F = TypeVar("_F", bound=Callable[..., Any])

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


def of_text(function: _F) -> _F:
    """A function whose first argument is a text: absent answers None, numbers and dates are read as text."""

    @functools.wraps(function)
    def run(text: Any, *rest: Any, **named: Any) -> Any:
        return None if text is None else function(as_text(text, function.__name__), *rest, **named)

    return run  # type: ignore[return-value]


def of_value(function: _F) -> _F:
    """A function that answers None where its first argument is absent."""

    @functools.wraps(function)
    def run(value: Any, *rest: Any, **named: Any) -> Any:
        return None if value is None else function(value, *rest, **named)

    return run  # type: ignore[return-value]
