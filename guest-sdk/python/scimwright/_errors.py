"""Ways for a mapping to end other than with attributes, and where in the author's files a mistake was made.

`skip`, `invalid`, `rejected` and `lookup_failed` raise by themselves. So `raise invalid(...)`, `return skip(...)`,
`value or invalid(...)` and a bare call all end the mapping, and a forgotten `return` cannot let a record through.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, NoReturn, Optional, overload


class Skip(Exception):
    """The record is out of scope."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MappingError(Exception):
    """The record cannot be mapped, for a reason of the contract: `kind` is its word for it."""

    def __init__(self, kind: str, message: str, field: Optional[str] = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = field


def skip(reason: str) -> NoReturn:
    """Leaves the record out of scope, for this reason."""
    raise Skip(str(reason))


@overload
def invalid(message: str, /) -> NoReturn: ...
@overload
def invalid(field: str, message: str, /) -> NoReturn: ...
def invalid(field: str, message: Optional[str] = None, /) -> NoReturn:
    """The record is at fault: `invalid("email", "has no @")`, or `invalid("...")` where no single field is."""
    if message is None:
        raise MappingError("invalid-record", str(field))
    raise MappingError("invalid-record", str(message), str(field))


def rejected(message: str) -> NoReturn:
    """The mapping refuses the record by a rule of its own."""
    raise MappingError("rejected", str(message))


def lookup_failed(message: str) -> NoReturn:
    """A look-up that the mapping needs did not work."""
    raise MappingError("lookup-failed", str(message))


_NUMBERED_FOLDER = re.compile(r"/\d+/(.+)$")
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + "/"


def describe(error: BaseException) -> str:
    """`AttributeError: 'NoneType' object has no attribute 'strip' (mapping.py:12)`."""
    name = type(error).__name__
    message = str(error)
    if isinstance(error, Unfit):
        return message
    if isinstance(error, Undeclared):
        text = message
    else:
        text = f"{name}: {message}" if message else name
    place = _place_of(error)
    return f"{text} ({place})" if place else text


class Unfit(Exception):
    """A value that cannot cross to the host, and where it stands."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"the mapping returned `{place}`: {problem}" if place else problem)


class Undeclared(KeyError):
    """A name that the manifest does not declare."""

    def __str__(self) -> str:
        return str(self.args[0])


def _place_of(error: BaseException) -> Optional[str]:
    """The author's file and line: the innermost frame that is not the SDK's."""
    place = None
    trace = error.__traceback__
    while trace is not None:
        file = os.path.abspath(trace.tb_frame.f_code.co_filename)
        if not file.startswith(_OWN_FOLDER) and not file.startswith("/python/"):
            # In a component every folder of sources has a number; elsewhere the file's name has to do.
            inside = _NUMBERED_FOLDER.match(file)
            place = f"{inside.group(1) if inside else os.path.basename(file)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The declared name that an undeclared one was probably meant to be, as part of a sentence."""
    least = max(2, len(name) // 3) + 1
    best = None
    for candidate in known:
        distance = _edit_distance(name.lower(), candidate.lower())
        if distance < least:
            best, least = candidate, distance
    return f"; did you mean `{best}`?" if best else ""


def _edit_distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        following = [i]
        for j, other in enumerate(b, 1):
            following.append(min(following[j - 1] + 1, row[j] + 1, row[j - 1] + (letter != other)))
        row = following
    return row[-1]
