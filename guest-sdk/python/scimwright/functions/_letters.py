"""Letters without their diacritics, and in ASCII."""

from __future__ import annotations

import re
from typing import Optional

from ._base import of_text
from ._case import is_mark
from ._tables import DIACRITICS, LANGUAGES, LETTERS

_LATIN_OR_GREEK = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u03ff\u1e00-\u1fff]")
_NO_WORD = re.compile("[^a-z0-9]+")


@of_text
def normalize_diacritics(text: str) -> str:
    """Latin and Greek letters without their diacritics; everything else as it is."""
    plain, base = [], ""
    for letter in text:
        if is_mark(letter):
            if not _LATIN_OR_GREEK.match(base):
                plain.append(letter)
            continue
        base = letter
        plain.append(DIACRITICS.get(letter, letter))
    return "".join(plain)


@of_text
def to_ascii(text: str, language: Optional[str] = None) -> str:
    """The text in ASCII; what has no plain form is left out. In German (`de`) `ü` is `ue`."""
    own = {} if language is None else LANGUAGES.get(language.replace("_", "-").split("-")[0].lower(), {})
    plain, at = [], 0
    while at < len(text):
        for length in (2, 1):
            key = text[at : at + length]
            ascii_form = own.get(key, LETTERS.get(key)) if len(key) == length else None
            if ascii_form is not None:
                plain.append(ascii_form)
                at += length
                break
        else:
            if text[at] <= "\x7f":
                plain.append(text[at])
            at += 1
    return "".join(plain)


@of_text
def slug(text: str) -> str:
    """Plain lower-case letters and digits with hyphens between words."""
    return _NO_WORD.sub("-", to_ascii(text).lower()).strip("-")
