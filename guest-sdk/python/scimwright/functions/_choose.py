"""Choosing between values, and lists of them."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional, Sequence

from .._values import trim_blanks
from ._base import as_text, of_value


def is_blank(value: Any) -> bool:
    """Whether a value is absent, or a text with nothing but blank characters, or a list of such."""
    if value is None:
        return True
    if isinstance(value, (list, tuple)):
        return all(map(is_blank, value))
    return isinstance(value, str) and trim_blanks(value) == ""


def is_present(value: Any) -> bool:
    """The opposite of `is_blank`."""
    return not is_blank(value)


def coalesce(*values: Any) -> Any:
    """The first value that is not blank, as it is; None when all are."""
    return next(filter(is_present, values), None)


def choose(value: Any, cases: Mapping[str, Any], otherwise: Any = None) -> Any:
    """The result that stands beside the value in `cases`; `otherwise` when none does."""
    if value is None:
        return otherwise
    wanted = trim_blanks(as_text(value, "choose")).lower()
    return next((result for key, result in cases.items() if trim_blanks(as_text(key, "choose")).lower() == wanted), otherwise)


@of_value
def distinct(values: Iterable[Any]) -> list[Any]:
    """The values, each once, in the order of their first occurrence."""
    return list(dict.fromkeys(values))


@of_value
def compact(values: Iterable[Any]) -> list[Any]:
    """The values that are not blank."""
    return list(filter(is_present, values))


def count(values: Optional[Iterable[Any]]) -> int:
    """How many values are not blank; absent counts as an empty list."""
    return 0 if values is None else len(compact(values))


@of_value
def item(values: Sequence[Any], number: int) -> Any:
    """The value with this number, counted from 1; None where there are fewer."""
    return values[number - 1] if 1 <= number <= len(values) else None


@of_value
def first(values: Iterable[Any]) -> Any:
    """The first value that is not blank; None where none is."""
    return next(filter(is_present, values), None)


@of_value
def first_free(candidates: Iterable[str], taken: Optional[Iterable[str]] = None) -> Optional[str]:
    """The first candidate that is not taken, compared without case; None when all are."""
    used = {name.lower() for name in taken or ()}
    return next((name for name in candidates if name.lower() not in used), None)
