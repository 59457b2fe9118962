"""Formats of dates: `dd.MM.yyyy`, `d MMM yyyy h:mm a`. One reading of them, for parsing and for printing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Optional

from ._moments import Instant, date_of, moment_of

_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True)
class _Field:
    """How a field is read (a pattern), what it says of the date, and how it is printed."""

    pattern: str
    keep: Callable[[dict[str, int], str], None]
    show: Callable[[Instant], str]


def _number(part: str, length: int, show: Callable[[Instant], int], most: int = 0) -> _Field:
    def keep(read: dict[str, int], text: str) -> None:
        read[part] = int(text)

    return _Field(f"[0-9]{{{length},{most or length}}}", keep, lambda instant: f"{show(instant):0{length}}")


def _name(part: str, names: list[str], show: Callable[[Instant], int]) -> _Field:
    def keep(read: dict[str, int], text: str) -> None:
        read[part] = [name.lower() for name in names].index(text.lower())

    return _Field("|".join(names), keep, lambda instant: names[show(instant)])


def _short(names: list[str]) -> list[str]:
    return [name[:3] for name in names]


def _keep_short_year(read: dict[str, int], text: str) -> None:
    read["year"] = int(text) + (1900 if int(text) >= 69 else 2000)


def _keep_offset(read: dict[str, int], text: str) -> None:
    if text in "Zz":
        read["offset"] = 0
        return
    hours, minutes = int(text[1:3]), int(text[4:])
    read["offset"] = (hours * 60 + minutes) * (-60 if text[0] == "-" else 60)
    read["bad"] = int(hours > 23 or minutes > 59)


def _hour(instant: Instant) -> int:
    return instant.seconds // 3600


def _twelve(instant: Instant) -> int:
    return (_hour(instant) + 11) % 12 + 1


_FIELDS = {
    "yyyy": _number("year", 4, lambda instant: instant.date.year),
    "yy": _Field("[0-9]{2}", _keep_short_year, lambda instant: f"{instant.date.year % 100:02}"),
    "MM": _number("month", 2, lambda instant: instant.date.month),
    "M": _number("month", 1, lambda instant: instant.date.month, 2),
    "MMM": _name("month_name", _short(_MONTHS), lambda instant: instant.date.month - 1),
    "MMMM": _name("month_name", _MONTHS, lambda instant: instant.date.month - 1),
    "dd": _number("day", 2, lambda instant: instant.date.day),
    "d": _number("day", 1, lambda instant: instant.date.day, 2),
    "EEE": _name("weekday", _short(_DAYS), lambda instant: instant.date.weekday()),
    "EEEE": _name("weekday", _DAYS, lambda instant: instant.date.weekday()),
    "HH": _number("hours", 2, _hour),
    "H": _number("hours", 1, _hour, 2),
    "hh": _number("twelve", 2, _twelve),
    "h": _number("twelve", 1, _twelve, 2),
    "a": _name("half", ["AM", "PM"], lambda instant: int(_hour(instant) >= 12)),
    "mm": _number("minutes", 2, lambda instant: instant.seconds // 60 % 60),
    "ss": _number("seconds", 2, lambda instant: instant.seconds % 60),
    "SSS": _number("millis", 3, lambda instant: instant.nanos // 1_000_000),
    "XXX": _Field("[Zz]|[+-][0-9]{2}:[0-9]{2}", _keep_offset, lambda instant: "Z"),
}
_NEEDED = {"year": ("yyyy", "yy"), "month": ("MM", "M", "MMM", "MMMM"), "day": ("dd", "d")}

# Compiled while the module is built: a fresh instance for every record would do it for every record.
_RUNS = re.compile(r"''|'(?:[^']|'')*'?|([A-Za-z])\1*|[^A-Za-z']+")
_QUOTED = re.compile("'(?:[^']|'')*'")
_READERS = {field.pattern: re.compile(field.pattern, re.IGNORECASE | re.ASCII) for field in _FIELDS.values()}
_known: "dict[str, list[str | _Field]]" = {}


def read_format(form: str) -> "list[str | _Field]":
    """A format as its pieces: texts, and fields from the table above."""
    if form not in _known:
        _known[form] = _pieces(form)
    return _known[form]


def read_date_format(form: str) -> "list[str | _Field]":
    """A format that a date can be read with: one with a year, a month and a day."""
    pieces = read_format(form)
    for what, names in _NEEDED.items():
        if not any(_FIELDS[name] in pieces for name in names):
            raise ValueError(f"the date format `{form}` has no {what}")
    return pieces


def _pieces(form: str) -> "list[str | _Field]":
    pieces: "list[str | _Field]" = []
    for found in _RUNS.finditer(form):
        run = found[0]
        if run == "''":
            pieces.append("'")
        elif run.startswith("'"):
            if not _QUOTED.fullmatch(run):
                raise ValueError(f"the date format `{form}` has an apostrophe without its other half")
            pieces.append(run[1:-1].replace("''", "'"))
        elif found[1] is None:
            pieces.append(run)
        elif run in _FIELDS:
            pieces.append(_FIELDS[run])
        else:
            raise ValueError(f"the date format `{form}` has `{run}`, which is none of {' '.join(_FIELDS)}")
    return pieces


@dataclass(frozen=True)
class Read:
    """What a format has read: the date as it was written, and the moment in UTC."""

    date: Instant
    moment: Optional[Instant]


def read_with(pieces: "list[str | _Field]", text: str) -> Optional[Read]:
    """What a format reads in a text; None where it does not fit."""
    read: dict[str, int] = {}
    for piece in pieces:
        if isinstance(piece, str):
            if not text.startswith(piece):
                return None
            text = text[len(piece) :]
            continue
        found = _READERS[piece.pattern].match(text)
        if found is None:
            return None
        piece.keep(read, found[0])
        text = text[found.end() :]
    return None if text else _to_read(read)


def _to_read(read: dict[str, int]) -> Optional[Read]:
    if "twelve" in read:
        if not 1 <= read["twelve"] <= 12:
            return None
        read.setdefault("hours", read["twelve"] % 12 + 12 * read.get("half", 0))
    if "month_name" in read:
        read["month"] = read["month_name"] + 1
    hours, minutes, seconds = (read.get(part, 0) for part in ("hours", "minutes", "seconds"))
    day = date_of(read.get("year", 0), read.get("month", 0), read.get("day", 0))
    if day is None or hours > 23 or minutes > 59 or seconds > 59 or read.get("bad"):
        return None
    unix = day.unix + hours * 3600 + minutes * 60 + seconds - read.get("offset", 0)
    return Read(day, moment_of(unix, read.get("millis", 0) * 1_000_000))


def show(pieces: "list[str | _Field]", instant: Instant) -> str:
    """A moment in a format, in UTC."""
    return "".join(piece if isinstance(piece, str) else piece.show(instant) for piece in pieces)
