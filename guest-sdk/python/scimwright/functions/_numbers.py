"""Yes and no, and numbers, as files have them."""

from __future__ import annotations

import math
import re
from typing import Any, Optional

from .._values import trim_blanks
from ._base import of_text, of_value

_YES = ("true", "yes", "y", "t", "1", "on", "x")
_NO = ("false", "no", "n", "f", "0", "off")
_MOST = 2**53 - 1
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


# Compiled while the module is built: a fresh instance for every record would do it for every record.
_WHOLE = re.compile("[+-]?[0-9]{1,400}")
_NO_DIGIT = re.compile("[^0-9]")
_DECIMAL = {
    mark: re.compile(
        f"([+-]?)([0-9]+|[0-9]{{1,3}}([{other}'’ \u00a0\u2009\u202f])[0-9]{{3}}(?:\\3[0-9]{{3}})*)?(?:[{mark}]([0-9]+))?"
    )
    for mark, other in ((".", ","), (",", "."))
}
@of_text
def parse_boolean(text: str) -> Optional[bool]:
    """Yes or no in the words that people use; None where it is neither."""
    word = trim_blanks(text).translate(_ASCII_LOWER)
    return True if word in _YES else False if word in _NO else None


@of_text
def parse_integer(text: str) -> Optional[int]:
    """The whole number, within ±(2^53 - 1), where every language is exact."""
    digits = trim_blanks(text)
    # Python reads a number of any length, which takes its time.
    if not _WHOLE.fullmatch(digits):
        return None
    number = int(digits)
    return number if abs(number) <= _MOST else None


@of_text
def parse_number(text: str, decimal_mark: Optional[str] = None) -> "int | float | None":
    """The number, with `.` or `,` as its decimal mark and groups of three before it."""
    mark = "." if decimal_mark is None else decimal_mark
    if mark not in _DECIMAL:
        raise ValueError(f"a decimal mark is `.` or `,`, not `{mark}`")
    found = _DECIMAL[mark].fullmatch(trim_blanks(text))
    if found is None or (found[2] is None and found[4] is None):
        return None
    number = float(f"{found[1]}{_NO_DIGIT.sub('', found[2] or '0')}.{found[4] or '0'}")
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) <= _MOST else number


@of_value
def bit_and(number: Any, other: Any) -> Optional[int]:
    """The bits that both whole numbers have, from 0 to 2^53 - 1."""
    for value in (number, other):
        if not isinstance(value, int) or not 0 <= value <= _MOST:
            return None
    return int(number & other)
