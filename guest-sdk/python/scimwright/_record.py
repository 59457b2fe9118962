"""The record as a dict, with readers of its fields.

A field that is declared and that the source left out is None. Reading a name that is not declared is a mistake and
says so: the host passes only what the manifest's `reads` has, so a misspelt name would otherwise look blank for ever.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Optional, Sequence, TypeVar

from ._errors import MappingError, Undeclared, did_you_mean
from ._values import plain_text, present, to_moment
from ._wit import case_of
from .functions._moments import parse as _parse_date
from .functions._numbers import parse_boolean as _parse_boolean

_WHOLE = re.compile("[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_T = TypeVar("_T")


class Record(dict):  # type: ignore[type-arg]
    """One keyed row of a source: `record["email"]`, or `record.text("email")` for a field that has to have a value.

    Each reader comes twice, `text` and `optional_text`; an optional one answers None for a blank field. Blank is None,
    the empty text, white space of any kind, and a field that the source left out.
    """

    source: str
    key: str
    _declared: Sequence[str]
    _where: str

    def __missing__(self, name: str) -> None:
        if "*" not in self._declared and name not in self._declared:
            raise Undeclared(f"`{name}` is not among {self._where}{did_you_mean(str(name), self._declared)}")
        return None

    def get(self, name: str, default: Any = None) -> Any:
        """The field's value, or `default` where the source left it out."""
        if name in self:
            return self[name]
        self.__missing__(name)
        return default

    def optional_text(self, name: str) -> Optional[str]:
        """A text without white space at its ends. Numbers and truth values read as their usual text."""
        value = self[name]
        if value is None:
            return None
        text = plain_text(value)
        if text is None:
            raise MappingError("invalid-record", f"holds {_kind_of(value)} where text is needed", name)
        return present(text)

    def optional_boolean(self, name: str) -> Optional[bool]:
        """A yes or a no, also in the words that people use for it."""
        return self._parsed(name, "a yes or a no", _parse_boolean)

    def optional_integer(self, name: str) -> Optional[int]:
        """A whole number, also where the source has it as text."""
        return self._parsed(name, "a whole number", lambda text: int(text) if _WHOLE.fullmatch(text) else None)

    def optional_decimal(self, name: str) -> Optional[float]:
        """A number, also where the source has it as text with a decimal point."""
        return self._parsed(name, "a number", lambda text: float(text) if _DECIMAL.fullmatch(text) else None)

    def optional_date(self, name: str) -> Optional[str]:
        """A date or a moment as it stands, `2024-03-01` or RFC 3339. Dates compare as text, with `ctx.today` too."""
        wanted = "a date like 2024-03-01 or a moment like 2024-03-01T08:00:00Z"
        return self._parsed(name, wanted, lambda text: text if _parse_date(text) else None)

    def many(self, name: str) -> list[str]:
        """The texts of a list, blank ones left out. A single text is a list of one, a blank field an empty list."""
        value = self[name]
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return [text for text in map(present, value) if text is not None]
        text = self.optional_text(name)
        return [] if text is None else [text]

    def text(self, name: str) -> str:
        """As `optional_text`; a blank field is an error of the record."""
        return self._required(name, self.optional_text(name))

    def boolean(self, name: str) -> bool:
        """As `optional_boolean`; a blank field is an error of the record."""
        return self._required(name, self.optional_boolean(name))

    def integer(self, name: str) -> int:
        """As `optional_integer`; a blank field is an error of the record."""
        return self._required(name, self.optional_integer(name))

    def decimal(self, name: str) -> float:
        """As `optional_decimal`; a blank field is an error of the record."""
        return self._required(name, self.optional_decimal(name))

    def date(self, name: str) -> str:
        """As `optional_date`; a blank field is an error of the record."""
        return self._required(name, self.optional_date(name))

    def _parsed(self, name: str, wanted: str, parse: Callable[[str], Optional[_T]]) -> Optional[_T]:
        text = self.optional_text(name)
        if text is None:
            return None
        value = parse(text)
        if value is None:
            shown = text if len(text) <= 60 else f"{text[:60]}…"
            raise MappingError("invalid-record", f"`{shown}` is not {wanted}", name)
        return value

    def _required(self, name: str, value: Optional[_T]) -> _T:
        if value is not None:
            return value
        message = (
            "is blank, and a value is needed"
            if name in self
            else "is missing, and a value is needed (a module gets only fields that its manifest reads)"
        )
        raise MappingError("invalid-record", message, name)


def _kind_of(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "a list"
    return "bytes" if isinstance(value, bytes) else "JSON"


def to_record(source: Any, declared: Sequence[str], where: str = "the manifest's `reads`") -> Record:
    """The contract's `source-record` as a dict of its fields."""
    record = Record((field.name, _field_value(field.value)) for field in source.fields)
    record.source = source.source
    record.key = source.key
    record._declared = declared
    record._where = where
    return record


def _field_value(value: Any) -> Any:
    case = case_of(value)
    if case == "Null":
        return None
    if case == "DateTime":
        return to_moment(value.value)
    if case == "Json":
        return json.loads(value.value)
    if case == "Binary":
        return bytes(value.value)
    return value.value
