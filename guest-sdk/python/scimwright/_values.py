"""What the record's fields and the functions have in common: white space, numbers and moments as text."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Optional

# White space, control characters, and what spreadsheets and web forms leave behind: zero-width spaces, byte order
# marks. The same set in every SDK.
BLANKS = (
    "\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
_ENDS = re.compile(f"\\A[{BLANKS}]+|[{BLANKS}]+\\Z")


def trim_blanks(text: str) -> str:
    """The text without blank characters at its ends."""
    return _ENDS.sub("", text)


def present(text: str) -> Optional[str]:
    """The text without blank characters at its ends; None where nothing is left."""
    return trim_blanks(text) or None


def number_text(number: "int | float | Decimal") -> str:
    """A number as text, without an exponent, and without a fraction where it is whole."""
    if isinstance(number, int):
        return str(number)
    text = format(Decimal(repr(number)) if isinstance(number, float) else number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Moment(datetime):
    """A date-time of a record. It knows the text that it was read from, so passing it on does not change it."""

    text: str


_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)\Z")


def to_moment(text: str) -> "Moment | str":
    """RFC 3339 text as a datetime; the text itself where Python cannot hold it."""
    found = _RFC3339.match(text)
    if not found:
        return text
    day, clock, seconds, fraction, zone = found.groups()
    leap = seconds == "60"
    micros = (fraction or "0")[:6].ljust(6, "0")
    try:
        read = datetime.fromisoformat(f"{day}T{clock}:{'59' if leap else seconds}.{micros}{zone.upper()}")
        if leap:
            read += timedelta(seconds=1)
    except (ValueError, OverflowError):
        return text
    moment = Moment(
        read.year, read.month, read.day, read.hour, read.minute, read.second, read.microsecond, read.tzinfo, fold=read.fold
    )
    moment.text = text
    return moment


def moment_text(moment: datetime) -> str:
    """A moment as the text that it was read from, else in UTC without needless zeros."""
    if isinstance(moment, Moment) and hasattr(moment, "text"):
        return moment.text
    if moment.tzinfo is None:
        raise ValueError("a datetime without a time zone; give it one: tzinfo=timezone.utc")
    read = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return read.isoformat(timespec="seconds" if read.microsecond == 0 else "microseconds").rstrip() + "Z"


def plain_text(value: Any) -> Optional[str]:
    """A text, number, truth value or date as text; None where the value is of another kind."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return number_text(value)
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    return None
