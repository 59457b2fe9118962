"""Cutting, joining and comparing text. Text is counted in code points: an emoji is one."""

from __future__ import annotations

import re
from typing import Any, Optional

from .._values import BLANKS, trim_blanks
from ._base import as_text, of_text
from ._choose import is_present

_BLANK_RUNS = re.compile(f"[{BLANKS}]+")
_LIST_MARKS = re.compile(r"[;,|\r\n]")
_NO_DIGIT = re.compile("[^0-9]")


@of_text
def append(text: str, suffix: Any) -> str:
    """The text with the suffix behind it."""
    return text if suffix is None else text + as_text(suffix, "append")


@of_text
def join(separator: str, *parts: Any) -> str:
    """The parts that are not blank, joined by the separator; a part that is a list stands for its values."""
    values: list[Any] = []
    for part in parts:
        values.extend(part if isinstance(part, (list, tuple)) else [part])
    return separator.join(as_text(value, "join") for value in values if is_present(value))


@of_text
def split(text: str, separator: str) -> list[str]:
    """The texts between the separators."""
    if text == "":
        return []
    return text.split(separator) if separator else [text]


@of_text
def split_list(text: str) -> list[str]:
    """The values of a list in one text: cut at `;`, `,`, `|` and line ends, trimmed, blank ones left out."""
    return [part for part in map(trim_blanks, _LIST_MARKS.split(text)) if part]


@of_text
def replace(text: str, find: str, replacement: Any) -> str:
    """The text with every occurrence of `find` replaced."""
    return text.replace(find, "" if replacement is None else as_text(replacement, "replace")) if find else text


@of_text
def trim(text: str) -> str:
    """The text without blank characters at its ends."""
    return trim_blanks(text)


@of_text
def strip_spaces(text: str) -> str:
    """The text without any blank characters, inside too."""
    return _BLANK_RUNS.sub("", text)


@of_text
def collapse_spaces(text: str) -> str:
    """The text trimmed, with one plain space for each run of blank characters inside."""
    return _BLANK_RUNS.sub(" ", trim_blanks(text))


@of_text
def length(text: str) -> int:
    """How many code points the text has."""
    return len(text)


@of_text
def left(text: str, count: int) -> str:
    """The first code points."""
    return text[: max(0, count)]


@of_text
def right(text: str, count: int) -> str:
    """The last code points."""
    return text[-count:] if count > 0 else ""


@of_text
def mid(text: str, start: int, count: int) -> str:
    """`count` code points from the one with number `start` on, counted from 1."""
    begin = max(1, start) - 1
    return text[begin : begin + max(0, count)]


@of_text
def substring(text: str, start: int, end: Optional[int] = None) -> str:
    """The code points from `start` on, up to and without `end`, counted from 0."""
    return text[max(0, start) : None if end is None else max(0, end)]


@of_text
def index_of(text: str, find: str) -> Optional[int]:
    """Where `find` first occurs, in code points from 0; None where it does not."""
    at = text.find(find)
    return None if at < 0 else at


@of_text
def contains(text: str, find: str) -> bool:
    """Whether `find` occurs in the text."""
    return find in text


@of_text
def starts_with(text: str, start: str) -> bool:
    """Whether the text begins so."""
    return text.startswith(start)


@of_text
def ends_with(text: str, end: str) -> bool:
    """Whether the text ends so."""
    return text.endswith(end)


@of_text
def equals_ignore_case(text: str, other: Any) -> bool:
    """Whether both are the same text in lower case."""
    return other is not None and text.lower() == as_text(other, "equals_ignore_case").lower()


@of_text
def word(text: str, number: int, delimiters: Optional[str] = None) -> Optional[str]:
    """The word with this number, counted from 1; `delimiters` is a text of single characters."""
    separated = _BLANK_RUNS.split(text) if delimiters is None else _split_at(text, delimiters)
    words = [part for part in separated if part]
    return words[number - 1] if 1 <= number <= len(words) else None


def _split_at(text: str, delimiters: str) -> list[str]:
    parts = [""]
    for letter in text:
        if letter in delimiters:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


@of_text
def before(text: str, mark: str) -> Optional[str]:
    """What stands before the first `mark`; None where the text has none."""
    at = text.find(mark)
    return None if at < 0 else text[:at]


@of_text
def after(text: str, mark: str) -> Optional[str]:
    """What stands after the first `mark`; None where the text has none."""
    at = text.find(mark)
    return None if at < 0 else text[at + len(mark) :]


@of_text
def pad_left(text: str, length: int, fill: str) -> str:
    """The text with `fill` before it until it has this many code points."""
    missing = length - len(text)
    return (fill * missing)[:missing] + text if missing > 0 and fill else text


@of_text
def only_digits(text: str) -> str:
    """The digits 0 to 9 of the text."""
    return _NO_DIGIT.sub("", text)


@of_text
def remove_characters(text: str, characters: str) -> str:
    """The text without these characters."""
    return "".join(letter for letter in text if letter not in characters)


@of_text
def mask(text: str, keep: Optional[int] = None) -> str:
    """`*` for all but the last code points, and for all where nothing would be hidden."""
    shown = keep if keep is not None and 0 < keep < len(text) else 0
    return "*" * (len(text) - shown) + text[len(text) - shown :]


@of_text
def redact(text: str) -> str:
    """`[redacted]` in place of a text that is not blank."""
    return "[redacted]" if is_present(text) else text
