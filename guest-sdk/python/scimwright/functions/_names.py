"""Names of people, and login names made of them."""

from __future__ import annotations

import re
from typing import Any, Mapping, Optional, Sequence

from ._base import SPACES, as_text, of_text, of_value
from ._case import is_apostrophe, is_letter, is_mark
from ._letters import to_ascii

_SPACE = re.compile(f"[{SPACES}]")
_INVISIBLE = re.compile("[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# Emoji with their modifiers, arrows, dingbats and other pictures; private use; the replacement character.
_SYMBOL = re.compile(
    "[\u20d0-\u20ff\u2190-\u2bff\ue000-\uf8ff\ufe00-\ufe0f\ufffc\ufffd\U0001f000-\U0001faff\U000e0000-\U0010ffff]"
)
_EAST_ASIAN = re.compile(
    "[\u3005\u3006\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u1100-\u11ff\uac00-\ud7af]"
)


# Most names have nothing to clean, and a test of the whole is far cheaper than a walk through it.
_CLEAN = re.compile("[!-~\u00a1-\u02ff]+(?: [!-~\u00a1-\u02ff]+)*")


@of_text
def clean_name(text: str) -> str:
    """A name with one plain space between words, and without what forms and spreadsheets leave behind."""
    if _CLEAN.fullmatch(text):
        return text
    clean, gap, dropped = "", False, False
    for letter in text:
        is_space = bool(_SPACE.match(letter))
        if is_space or _INVISIBLE.match(letter):
            gap = gap or is_space
            continue
        # A joiner belongs to the letter before it (Sinhala, Malayalam); behind a symbol it is part of an emoji.
        if _SYMBOL.match(letter) or (letter == "\u200d" and (dropped or not clean)):
            dropped = True
            continue
        dropped = False
        if gap and clean:
            clean += " "
        gap = False
        clean += letter
    return clean


@of_text
def family_name_first(given: str, family: Any) -> bool:
    """Whether a full name is written family name first: both are in Han, kana or Hangul."""

    def east_asian(name: str) -> bool:
        if not _EAST_ASIAN.search(name):
            return False
        letters = [letter for letter in name if is_letter(letter)]
        return bool(letters) and all(_EAST_ASIAN.match(letter) for letter in letters)

    return family is not None and east_asian(given) and east_asian(as_text(family, "family_name_first"))


def full_name(given: Any, family: Any) -> str:
    """Both names in the order of their script; one that is absent or empty is left out."""
    first = "" if given is None else as_text(given, "full_name")
    last = "" if family is None else as_text(family, "full_name")
    if not first or not last:
        return first + last
    return last + first if family_name_first(first, last) else f"{first} {last}"


@of_text
def initials(text: str) -> str:
    """The first letter of each word, in upper case."""
    letters, found = "", False
    for letter in text:
        if is_letter(letter):
            if not found:
                letters += letter.upper()
            found = True
        elif not is_apostrophe(letter) and not is_mark(letter):
            found = False
    return letters


_NOT_PLAIN = re.compile("[^a-z0-9-]")
_IN_BRACES = re.compile(r"(\{[^{}]*\})")
_SEPARATORS = re.compile("([._-])[._-]+")
_MOST = 1000


class _Number:
    """`{n}` of a pattern."""


class _Value(str):
    """`{name}` of a pattern."""


@of_value
def user_name_candidates(patterns: Sequence[str], parts: Mapping[str, Any], count: int) -> list[str]:
    """Login names to try in turn, built from the parts of a name: `{given:1}.{family}{n}@example.com`."""
    plain = {name: _plain_part(value) for name, value in parts.items()}
    read = [_read_pattern(pattern, plain) for pattern in patterns]
    wanted = min(count, _MOST)
    candidates: dict[str, None] = {}
    for pieces in read:
        numbered = any(isinstance(piece, _Number) for piece in pieces)
        for number in range(2, 2 * _MOST if numbered else 3):
            if len(candidates) >= wanted:
                break
            candidate = _build(pieces, number)
            if candidate is None:
                break
            candidates[candidate] = None
    return list(candidates)


def _plain_part(value: Any) -> str:
    if value is None:
        return ""
    return _NOT_PLAIN.sub("", to_ascii(as_text(value, "user_name_candidates")).lower()).strip("-")


def _read_pattern(pattern: str, parts: Mapping[str, str]) -> "list[str | _Number]":
    pieces: "list[str | _Number]" = []
    for piece in _IN_BRACES.split(pattern):
        if not (piece.startswith("{") and piece.endswith("}")):
            if "{" in piece or "}" in piece:
                raise ValueError(f"the pattern `{pattern}` has a brace without its other half")
            if piece:
                pieces.append(piece.lower())
        elif piece == "{n}" and "n" not in parts:
            pieces.append(_Number())
        else:
            name, colon, length = piece[1:-1].partition(":")
            if name not in parts:
                raise ValueError(f"the pattern `{pattern}` names `{name}`, which is none of the parts")
            if colon and not (length.isascii() and length.isdigit()):
                raise ValueError(f"the pattern `{pattern}` has a length that is no number in `{piece}`")
            pieces.append(_Value(parts[name][: int(length)] if colon else parts[name]))
    return pieces


def _build(pieces: "Sequence[str | _Number]", number: int) -> Optional[str]:
    values = [piece for piece in pieces if isinstance(piece, _Value)]
    if values and not any(values):
        return None
    text = "".join(piece if isinstance(piece, str) else str(number) for piece in pieces)
    local, at, domain = text.partition("@")
    tidy = _SEPARATORS.sub(r"\1", local).strip("._-")
    return tidy + at + domain if tidy else None
