"""Upper and lower case, by the Unicode rules for no language in particular."""

from __future__ import annotations

from bisect import bisect_right

from ._base import of_text
from ._tables import OTHER_ALPHABETIC

_STARTS = [first for first, _ in OTHER_ALPHABETIC]


def is_letter(letter: str) -> bool:
    """Alphabetic in Unicode, which is more than Python's letters: vowel signs, letter numbers."""
    if letter.isalpha():
        return True
    at = bisect_right(_STARTS, ord(letter)) - 1
    return at >= 0 and ord(letter) <= OTHER_ALPHABETIC[at][1]


def is_mark(letter: str) -> bool:
    """A combining mark of the block for Latin, Greek and Cyrillic."""
    return "\u0300" <= letter <= "\u036f"


def is_apostrophe(letter: str) -> bool:
    """`'` or `’`."""
    return letter in "'’"


@of_text
def lower(text: str) -> str:
    """The text in lower case."""
    return text.lower()


@of_text
def upper(text: str) -> str:
    """The text in upper case."""
    return text.upper()


@of_text
def capitalize(text: str) -> str:
    """The first code point in upper case, the others in lower case."""
    small = text.lower()
    return small[:1].upper() + small[1:]


@of_text
def title_case(text: str) -> str:
    """Each word with a capital first and small letters behind: `O'Neil`, `D’Arcy`, but `it's`."""
    small = text.lower()
    return "".join(
        letter.upper() if is_letter(letter) and _starts_word(small, at) else letter for at, letter in enumerate(small)
    )


def _inside(letter: str) -> bool:
    return is_letter(letter) or is_mark(letter)


def _starts_word(letters: str, at: int) -> bool:
    if at == 0:
        return True
    before = letters[at - 1]
    if _inside(before) or before in "0123456789":
        return False
    if not is_apostrophe(before) or at < 2 or not _inside(letters[at - 2]):
        return True
    # `O'Neil`: one letter of the word before the apostrophe, and two or more behind it.
    start = at - 2
    while start > 0 and (_inside(letters[start - 1]) or letters[start - 1] in "0123456789"):
        start -= 1
    letters_before = sum(not is_mark(letter) for letter in letters[start : at - 1])
    letters_behind = 0
    for letter in letters[at:]:
        if not _inside(letter):
            break
        letters_behind += is_letter(letter)
    after_apostrophe = start > 0 and is_apostrophe(letters[start - 1])
    return letters_before == 1 and not after_apostrophe and letters_behind >= 2
