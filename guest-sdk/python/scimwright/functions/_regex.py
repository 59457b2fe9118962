"""One small language of patterns, the same in every SDK.

Regular expressions differ between engines in dozens of small ways. So a pattern is read here, what would not mean the
same everywhere is refused, and the rest is written anew for this engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Optional

from ._base import as_text, of_text

_LITERAL_ESCAPES = "^$\\.*+?()[]{}|/"
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": "\\t\\n\\x0b\\x0c\\r "}
_MOST = 1000
_COUNTS = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUPS = re.compile(r"(\$[0-9$])")


class PatternError(ValueError):
    """A pattern that is wrong, or that engines understand differently."""


@of_text
def replace_regex(text: str, pattern: str, replacement: Any) -> str:
    """The text with every match of the pattern replaced; `$0` is the match, `$1` to `$9` its groups, `$$` a dollar."""
    read = _compiled(pattern)
    if read.engine.search(""):
        raise read.wrong("matches the empty text, which every engine finds in other places")
    parts = _replacement_parts("" if replacement is None else as_text(replacement, "replace_regex"), read)

    replaced, done, at = [], 0, 0
    while (found := read.engine.search(text, at)) is not None:
        at = found.end()
        if found.start() == at:
            # `\b\d*` can be empty where there is something else. Engines differ in where they go on; this is what all
            # SDKs do.
            at += 1
            if at > len(text):
                break
            continue
        replaced.append(text[done : found.start()])
        replaced += [part if isinstance(part, str) else found.group(part) or "" for part in parts]
        done = at
    return "".join(replaced) + text[done:]


@of_text
def matches_regex(text: str, pattern: str) -> bool:
    """Whether the pattern matches anywhere in the text."""
    return _compiled(pattern).engine.search(text) is not None


@of_text
def extract_regex(text: str, pattern: str) -> Optional[str]:
    """The first group of the first match, unless it is empty; or the whole match when the pattern has no group."""
    read = _compiled(pattern)
    found = read.engine.search(text)
    if found is None:
        return None
    # Engines differ in whether a group that can be empty took part.
    return (found[1] or None) if read.groups else found[0]


def _replacement_parts(text: str, read: "_Compiled") -> "list[str | int]":
    """`$0` to `$9` as numbers, everything else as text."""
    parts: "list[str | int]" = []
    for part in _GROUPS.split(text):
        if part == "$$":
            parts.append("$")
        elif len(part) == 2 and part[0] == "$" and part[1] in "0123456789":
            group = int(part[1])
            if group > read.groups:
                raise read.wrong(f"has no group {group}, which the replacement names")
            parts.append(group)
        else:
            parts.append(part)
    return parts


@dataclass
class _Compiled:
    pattern: str
    engine: "re.Pattern[str]"
    groups: int

    def wrong(self, problem: str) -> PatternError:
        return PatternError(f"the pattern `{self.pattern}` {problem}")


_known: dict[str, _Compiled] = {}


def _compiled(pattern: str) -> _Compiled:
    """A pattern is written once and used for every record of an instance, so it is read once."""
    found = _known.get(pattern)
    if found is None:
        found = _known[pattern] = _Reader(as_text(pattern, "replace_regex")).read()
    return found


@dataclass
class _Part:
    """A part of a pattern for the engine, and whether it is a group that is counted or has one in it."""

    source: str
    counted: bool = False
    is_place: bool = False


class _Reader:
    """Each method reads a part."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.groups = 0

    def wrong(self, problem: str) -> PatternError:
        return PatternError(f"the pattern `{self.text}` {problem}")

    def not_portable(self, what: str) -> PatternError:
        return self.wrong(f"is not portable: {what}")

    def read(self) -> _Compiled:
        whole = self.alternatives()
        if self.at < len(self.text):
            raise self.wrong("has a `)` without its `(`")
        return _Compiled(self.text, re.compile(whole.source, re.ASCII), self.groups)

    @property
    def next(self) -> Optional[str]:
        return self.text[self.at] if self.at < len(self.text) else None

    def take(self) -> Optional[str]:
        letter = self.next
        self.at += 1
        return letter

    def alternatives(self) -> _Part:
        parts = [self.sequence()]
        while self.next == "|":
            self.at += 1
            parts.append(self.sequence())
        return _Part("|".join(part.source for part in parts), any(part.counted for part in parts))

    def sequence(self) -> _Part:
        source, counted = "", False
        while self.next is not None and self.next not in "|)":
            atom = self.atom()
            source += atom.source + self.quantifier(atom)
            counted = counted or atom.counted
        return _Part(source, counted)

    def atom(self) -> _Part:
        letter = self.take()
        assert letter is not None
        if letter == "(":
            return self.group()
        if letter == "[":
            return _Part(self.character_class())
        if letter == ".":
            return _Part("[^\\n]")
        if letter == "^":
            return _Part("\\A", is_place=True)
        if letter == "$":
            return _Part("\\Z", is_place=True)
        if letter == "\\":
            return self.escape()
        if letter in "*+?":
            raise self.wrong(f"has a `{letter}` with nothing before it")
        if letter in "]{}":
            raise self.not_portable(f"an unescaped `{letter}`; write `\\{letter}`")
        return _Part(re.escape(letter))

    def group(self) -> _Part:
        opening = "("
        if self.next == "?":
            if self.text[self.at + 1 : self.at + 2] != ":":
                raise self.not_portable("of groups with `(?` there is only `(?:...)`")
            self.at += 2
            opening = "(?:"
        else:
            self.groups += 1
        inside = self.alternatives()
        if self.take() != ")":
            raise self.wrong("has a `(` without its `)`")
        return _Part(f"{opening}{inside.source})", inside.counted or opening == "(")

    def escape(self) -> _Part:
        letter = self.take()
        if letter is None:
            raise self.wrong("ends with a lone `\\`")
        if letter == "b":
            return _Part("\\b", is_place=True)
        if letter in _CLASSES:
            return _Part(f"[{_CLASSES[letter]}]")
        if letter in "DWS":
            return _Part(f"[^{_CLASSES[letter.lower()]}]")
        if letter in _CONTROLS:
            return _Part(re.escape(_CONTROLS[letter]))
        if letter in _LITERAL_ESCAPES:
            return _Part(re.escape(letter))
        raise self.not_portable(f"`\\{letter}`")

    def quantifier(self, atom: _Part) -> str:
        """`*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}`, and these followed by `?`."""
        begin, sign = self.at, self.next
        if sign is None or sign not in "*+?{":
            return ""
        if sign == "{":
            self.counts()
        if atom.counted and sign != "?":
            # What a group has of an earlier turn, some engines forget.
            raise self.not_portable(f"`{sign}` behind a group that is counted; write `(?:...)`")
        if atom.is_place:
            raise self.not_portable("a place such as `^`, `$` or `\\b` cannot be repeated")
        self.at += 1
        if self.next == "?":
            self.at += 1
        source = self.text[begin : self.at]
        if self.next is not None and self.next in "*+?{":
            raise self.not_portable(f"`{self.next}` behind `{source}`")
        return source

    def counts(self) -> None:
        """Reads up to the closing brace."""
        found = _COUNTS.match(self.text[self.at :])
        if found is None:
            raise self.not_portable("an unescaped `{`; write `\\{`")
        least, most = int(found[1]), int(found[3] or found[1])
        if max(least, most) > _MOST:
            raise self.not_portable(f"a count above {_MOST}")
        if most < least:
            raise self.wrong(f"has the counts of `{found[0]}` in the wrong order")
        self.at += found.end() - 1

    def character_class(self) -> str:
        source = "["
        if self.next == "^":
            source += "^"
            self.at += 1
        if self.next == "]":
            raise self.not_portable("a `]` at the start of a class; write `\\]`")
        first = True
        while True:
            if not first and self.next == "-" and self.text[self.at + 1 : self.at + 2] != "]":
                raise self.not_portable("a `-` in a class; write `\\-`")
            first = False
            item = self.class_item()
            if item is None:
                return source + "]"
            behind = self.text[self.at + 1 : self.at + 2]
            if self.next != "-" or behind in ("]", ""):
                source += item[0]
                continue
            if behind == "-":
                raise self.not_portable("`--` in a class")
            self.at += 1
            last = self.class_item()
            if item[1] is None or last is None or last[1] is None:
                raise self.not_portable("a range with a class at an end")
            if last[1] < item[1]:
                raise self.wrong("has a range in the wrong order")
            source += f"{item[0]}-{last[0]}"

    def class_item(self) -> Optional[tuple[str, Optional[str]]]:
        """One character or `\\d` of a class, for the engine, and the character; None at its end."""
        letter = self.take()
        if letter is None:
            raise self.wrong("has a `[` without its `]`")
        if letter == "]":
            return None
        if letter == "[":
            raise self.not_portable("an unescaped `[` in a class; write `\\[`")
        if letter in "&-~|" and self.next == letter:
            raise self.not_portable(f"`{letter}{letter}` in a class")
        if letter != "\\":
            return re.escape(letter), letter
        escaped = self.take()
        if escaped is None:
            raise self.wrong("ends with a lone `\\`")
        if escaped in _CLASSES:
            return _CLASSES[escaped], None
        if escaped in _CONTROLS:
            return re.escape(_CONTROLS[escaped]), _CONTROLS[escaped]
        if escaped == "-" or escaped in _LITERAL_ESCAPES:
            return re.escape(escaped), escaped
        raise self.not_portable(f"`\\{escaped}` in a class")
