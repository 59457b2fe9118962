"""Dates and moments as whole numbers: days since 1970, seconds of the day, nanoseconds.

Python's datetime knows microseconds only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Optional

from ._base import trim_spaces

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
DAY = 86400
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST = date.min.toordinal() - _EPOCH
_LAST = date.max.toordinal() - _EPOCH


@dataclass(frozen=True)
class Instant:
    """A date (`is_date`) or a moment."""

    is_date: bool
    days: int
    seconds: int = 0
    nanos: int = 0

    @property
    def unix(self) -> int:
        """Whole seconds since 1970."""
        return self.days * DAY + self.seconds

    @property
    def order(self) -> tuple[int, int]:
        """Earlier ones are less."""
        return self.unix, self.nanos

    @property
    def date(self) -> date:
        """The day of the calendar."""
        return date.fromordinal(self.days + _EPOCH)

    def __str__(self) -> str:
        day = self.date.isoformat()
        if self.is_date:
            return day
        fraction = f".{self.nanos:09}".rstrip("0") if self.nanos else ""
        return f"{day}T{self.seconds // 3600:02}:{self.seconds // 60 % 60:02}:{self.seconds % 60:02}{fraction}Z"


def parse(text: str) -> Optional[Instant]:
    """A date (`YYYY-MM-DD`) or a moment (RFC 3339); None where the text is neither."""
    trimmed = trim_spaces(text)
    found = _DATE.fullmatch(trimmed)
    if found:
        return date_of(int(found[1]), int(found[2]), int(found[3]))
    found = _MOMENT.fullmatch(trimmed)
    day = parse(found[1]) if found else None
    if found is None or day is None:
        return None
    hours, minutes, seconds = int(found[2]), int(found[3]), int(found[4])
    offset_hours, offset_minutes = int(found[7] or 0), int(found[8] or 0)
    # RFC 3339 §5.7: a leap second is :60.
    if hours > 23 or minutes > 59 or seconds > 60 or offset_hours > 23 or offset_minutes > 59:
        return None
    offset = (offset_hours * 60 + offset_minutes) * (-60 if found[6] == "-" else 60)
    return moment_of(day.unix + hours * 3600 + minutes * 60 + seconds - offset, int((found[5] or "").ljust(9, "0")))


def date_of(year: int, month: int, day: int) -> Optional[Instant]:
    """A date of the calendar; None where there is no such day."""
    try:
        return Instant(True, date(year, month, day).toordinal() - _EPOCH)
    except ValueError:
        return None


def moment_of(unix: int, nanos: int = 0) -> Optional[Instant]:
    """The moment of so many seconds since 1970; None outside the years 0001 to 9999."""
    days, seconds = divmod(unix, DAY)
    return Instant(False, days, seconds, nanos) if _FIRST <= days <= _LAST else None


def date_of_days(days: int) -> Optional[Instant]:
    """The date of so many days since 1970; None outside the years 0001 to 9999."""
    return Instant(True, days) if _FIRST <= days <= _LAST else None


def shown(instant: Optional[Instant]) -> Optional[str]:
    """As text; None stays None."""
    return None if instant is None else str(instant)


def add_months(instant: Instant, months: int) -> Optional[Instant]:
    """So many months later, on the same day or the month's last; None outside the years 0001 to 9999."""
    start = instant.date
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return None
    last = date(year, month + 1, 28).toordinal() + 3
    while date.fromordinal(min(last, date.max.toordinal())).month != month + 1:
        last -= 1
    days = min(date(year, month + 1, 1).toordinal() + start.day - 1, last)
    return replace(instant, days=days - _EPOCH)
