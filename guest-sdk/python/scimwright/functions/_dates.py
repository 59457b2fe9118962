"""Reading, printing and reckoning with dates. A date is `YYYY-MM-DD`, a moment RFC 3339 text or a datetime."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, Optional

from .._values import trim_blanks
from ._base import as_text, of_text, of_value
from ._formats import Read, read_date_format, read_format, read_with, show
from ._moments import Instant, add_months, date_of_days, moment_of, parse, shown


@of_text
def parse_date(text: str, *formats: str) -> Optional[str]:
    """The date, read by the first of the formats that fits, as `YYYY-MM-DD`; None when none fits."""
    found = _first_that_fits(text, formats or ("yyyy-MM-dd",))
    return None if found is None else str(found.date)


@of_text
def parse_date_time(text: str, *formats: str) -> Optional[str]:
    """The moment, read by the first of the formats that fits, in UTC; None when none fits."""
    if formats:
        found = _first_that_fits(text, formats)
        return None if found is None else shown(found.moment)
    instant = parse(text)
    return None if instant is None else str(replace(instant, is_date=False))


def _first_that_fits(text: str, formats: tuple[str, ...]) -> Optional[Read]:
    # Every format is checked, also behind one that fits.
    pieces = [read_date_format(form) for form in formats]
    trimmed = trim_blanks(text)
    return next(filter(None, (read_with(each, trimmed) for each in pieces)), None)


@of_text
def format_date(text: str, form: str) -> Optional[str]:
    """A date or moment in a format, in UTC; None where the text is neither."""
    pieces = read_format(form)
    instant = parse(text)
    return None if instant is None else show(pieces, instant)


_MONTHS = {"years": 12, "months": 1}
_SECONDS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def _check_unit(unit: str) -> None:
    if unit not in _MONTHS and unit not in _SECONDS:
        raise ValueError(f"`{unit}` is no unit of time; there are {', '.join([*_MONTHS, *_SECONDS])}")


@of_text
def date_add(text: str, amount: int, unit: str) -> Optional[str]:
    """The date or moment so much later, earlier where the amount is negative."""
    _check_unit(unit)
    instant = parse(text)
    if instant is None:
        return None
    if unit in _MONTHS:
        return shown(add_months(instant, amount * _MONTHS[unit]))
    if _SECONDS[unit] >= 86400:
        later = date_of_days(instant.days + amount * _SECONDS[unit] // 86400)
        return None if later is None else str(replace(instant, days=later.days))
    return shown(moment_of(instant.unix + amount * _SECONDS[unit], instant.nanos))


@of_text
def date_diff(text: str, to: Any, unit: str) -> Optional[int]:
    """How many whole units lie between two dates or moments, rounded towards 0."""
    _check_unit(unit)
    start, end = _both(text, to)
    if start is None or end is None:
        return None
    if unit in _MONTHS:
        return _towards_zero(_months(start, end), _MONTHS[unit])
    nanos = (end.unix - start.unix) * 1_000_000_000 + end.nanos - start.nanos
    return _towards_zero(nanos, _SECONDS[unit] * 1_000_000_000)


def _towards_zero(number: int, by: int) -> int:
    return number // by if number >= 0 else -(-number // by)


def _months(start: Instant, end: Instant) -> int:
    """The greatest number of months by which `start` moved does not pass `end`."""
    count = (end.date.year - start.date.year) * 12 + end.date.month - start.date.month
    sign = 1 if end.order > start.order else -1
    while count != 0:
        moved = add_months(start, count)
        if moved is not None and not (moved.order > end.order if sign > 0 else moved.order < end.order):
            break
        count -= sign
    return count


def _both(one: str, other: Any) -> tuple[Optional[Instant], Optional[Instant]]:
    return parse(one), None if other is None else parse(as_text(other, "date_diff"))


@of_text
def is_before(text: str, other: Any) -> Optional[bool]:
    """Whether a date or moment is earlier than another; None where one of them is neither."""
    one, two = _both(text, other)
    return None if one is None or two is None else one.order < two.order


@of_text
def is_after(text: str, other: Any) -> Optional[bool]:
    """Whether a date or moment is later than another; None where one of them is neither."""
    one, two = _both(text, other)
    return None if one is None or two is None else one.order > two.order


@of_text
def weekday(text: str) -> Optional[int]:
    """The day of the week in UTC, from 1 for Monday to 7 for Sunday."""
    instant = parse(text)
    return None if instant is None else instant.date.isoweekday()


# Hundreds of nanoseconds from 1601 to 1970.
_FILETIME_OF_1970 = 116444736000000000
_FILETIME = re.compile("[0-9]{1,19}")
_NEVER = 9223372036854775807


@of_text
def date_from_filetime(text: str) -> Optional[str]:
    """The moment of a Windows file time; 0 and the greatest mean never."""
    trimmed = trim_blanks(text)
    if not _FILETIME.fullmatch(trimmed) or int(trimmed) == 0 or int(trimmed) >= _NEVER:
        return None
    seconds, ticks = divmod(int(trimmed) - _FILETIME_OF_1970, 10_000_000)
    return shown(moment_of(seconds, ticks * 100))


@of_text
def filetime_from_date(text: str) -> Optional[str]:
    """A date or moment as Windows file time, in text; None where the text is neither, or before 1601."""
    instant = parse(text)
    if instant is None:
        return None
    filetime = instant.unix * 10_000_000 + instant.nanos // 100 + _FILETIME_OF_1970
    return str(filetime) if filetime >= 0 else None


@of_value
def date_from_unix(seconds: Any) -> Optional[str]:
    """The moment of a Unix time in whole seconds; None outside the years 0001 to 9999."""
    return shown(moment_of(math.floor(seconds)))


@of_text
def unix_from_date(text: str) -> Optional[int]:
    """A date or moment as Unix time in whole seconds, rounded down."""
    instant = parse(text)
    return None if instant is None else instant.unix


@of_value
def date_from_excel(number: Any) -> Optional[str]:
    """The date of a day number of a spreadsheet; up to 60 they count a 29 February 1900 that never was."""
    days = math.floor(number)
    return shown(date_of_days(days - 25569)) if 61 <= days <= 2958465 else None
