"""From what a mapping returns to the contract's attributes, and back for default-values modules.

Every mistake names its place: an author reads "`emails[1].value`: a function is no SCIM value", not a trap.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Iterator, Optional, Sequence

from ._errors import Unfit
from ._values import moment_text, to_moment
from ._wit import case_of, types

ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
"""The enterprise extension of users (RFC 7643 §4.3)."""


class _Sign:
    """A sign that stands for a whole attribute."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


clear = _Sign("clear")
"""Removes an attribute at the provider, as None does."""

leave = _Sign("leave")
"""Leaves an attribute alone, as leaving it out does: `"locale": tag or leave`."""


@dataclass(frozen=True)
class Link:
    """The resource of a record: the host puts the provider's id in its place."""

    resource_type: str
    key: str


@dataclass(frozen=True)
class Reference:
    """A URI as SCIM's type `reference`."""

    uri: str


@dataclass(frozen=True)
class DateTime:
    """A moment as RFC 3339 text. A datetime is one already."""

    text: str


@dataclass(frozen=True)
class Json:
    """Any JSON, for schemas that nest deeper than SCIM says they may."""

    value: Any


def link(resource_type: str, key: Any) -> Link:
    """ "The resource of that record": `"manager": {"value": link("User", "E7")}`."""
    if key is None or key == "":
        raise ValueError(f'link("{resource_type}", ...) needs a key')
    return Link(str(resource_type), str(key))


def reference(uri: str) -> Reference:
    """A URI as SCIM's type `reference`."""
    return Reference(str(uri))


def date_time(text: str) -> DateTime:
    """A moment from RFC 3339 text."""
    return DateTime(str(text))


def as_json(value: Any) -> Json:
    """Any JSON, for schemas that nest deeper than SCIM says they may."""
    return Json(value)


def enterprise(*names: str) -> list[str]:
    """Full names of the enterprise extension's attributes: `writes=["userName", *enterprise("manager")]`."""
    return [f"{ENTERPRISE_USER}:{name}" for name in names]


def to_attributes(returned: Any, writes: Sequence[str]) -> list[Any]:
    """What a mapping returned, as the contract's list of attributes."""
    if not isinstance(returned, Mapping):
        raise Unfit("", f"the mapping returned {_kind_of(returned)}, where a dict of attributes is needed")
    attributes = []
    for name, value in returned.items():
        if not isinstance(name, str):
            raise Unfit("", f"the mapping returned a name of attribute that is no text: {name!r}")
        if value is leave:
            continue
        for full, inside in _extension(name, value, writes):
            if inside is not leave:
                attributes.append(types.Attribute(_good_text(full, full), _attribute_value(full, inside)))
    return attributes


def _extension(name: str, value: Any, writes: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The attributes of `{"urn:...:User": {"department": "x"}}` under their full names, else the attribute itself.

    Which of the two it is, the manifest tells. None clears all that the manifest writes of the extension.
    """
    lower = name.lower()
    if not lower.startswith("urn:") or any(write.lower() == lower for write in writes):
        yield name, value
    elif isinstance(value, Mapping):
        for short, part in value.items():
            yield f"{name}:{short}", part
    elif (value is None or value is clear) and any(write.lower().startswith(f"{lower}:") for write in writes):
        for write in writes:
            if write.lower().startswith(f"{lower}:"):
                yield write, None
    else:
        yield name, value


def _attribute_value(place: str, value: Any) -> Any:
    if value is None or value is clear:
        return types.AttributeValue_Clear()
    if isinstance(value, Json):
        return types.AttributeValue_Json(_json_text(place, value.value))
    if isinstance(value, (list, tuple)):
        return _list_value(place, value)
    if isinstance(value, Mapping):
        parts = _complex(place, value)
        return types.AttributeValue_Complex(parts) if parts else types.AttributeValue_Clear()
    return types.AttributeValue_One(_scalar(place, value))


def _list_value(place: str, items: Sequence[Any]) -> Any:
    """A list; items that are None are left out, and an empty list clears."""
    kept = [(f"{place}[{at}]", item) for at, item in enumerate(items) if not _is_nothing(item)]
    if not any(isinstance(item, Mapping) for _, item in kept):
        scalars = [_scalar(at, item) for at, item in kept]
        return types.AttributeValue_Many(scalars) if scalars else types.AttributeValue_Clear()
    for at, item in kept:
        if not isinstance(item, Mapping):
            raise Unfit(at, f"{_kind_of(item)} among dicts; a list holds one or the other")
    values = [parts for parts in (_complex(at, item) for at, item in kept) if parts]
    return types.AttributeValue_Complexes(values) if values else types.AttributeValue_Clear()


def _complex(place: str, parts: Any) -> list[Any]:
    """The parts of a complex value. Parts that are None are left out: the whole value is replaced."""
    converted = []
    for name, value in parts.items():
        at = f"{place}.{name}"
        if _is_nothing(value):
            continue
        if isinstance(value, (list, tuple)):
            scalars = [_scalar(f"{at}[{n}]", item) for n, item in enumerate(value) if not _is_nothing(item)]
            if scalars:
                converted.append(types.SubAttribute(name, types.SubValue_Many(scalars)))
        else:
            converted.append(types.SubAttribute(_good_text(at, str(name)), types.SubValue_One(_scalar(at, value))))
    return converted


def _scalar(place: str, value: Any) -> Any:
    if isinstance(value, str):
        return types.Scalar_Text(_good_text(place, str(value)))
    if isinstance(value, bool):
        return types.Scalar_Boolean(value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Unfit(place, f"{value} is a whole number beyond 64 bits; give it as text")
        return types.Scalar_Integer(int(value))
    if isinstance(value, (float, Decimal)):
        number = float(value)
        if not math.isfinite(number):
            raise Unfit(place, f"{value} is no SCIM value")
        return types.Scalar_Decimal(number)
    if isinstance(value, datetime):
        try:
            return types.Scalar_DateTime(moment_text(value))
        except ValueError as error:
            raise Unfit(place, str(error)) from None
    if isinstance(value, date):
        return types.Scalar_Text(value.isoformat())
    if isinstance(value, (bytes, bytearray, memoryview)):
        return types.Scalar_Binary(bytes(value))
    if isinstance(value, Link):
        return types.Scalar_Link(types.RecordLink(_good_text(place, value.resource_type), _good_text(place, value.key)))
    if isinstance(value, Reference):
        return types.Scalar_Reference(_good_text(place, value.uri))
    if isinstance(value, DateTime):
        return types.Scalar_DateTime(_good_text(place, value.text))
    if isinstance(value, Json) or value is clear:
        what = "as_json(...)" if isinstance(value, Json) else "clear"
        raise Unfit(place, f"{what} stands for a whole attribute, not for a part of one")
    if isinstance(value, (Mapping, list, tuple)):
        raise Unfit(
            place,
            f"{_kind_of(value)} nests deeper than SCIM allows (RFC 7643 §2.3.8); as_json(...) is the way around",
        )
    raise Unfit(place, f"{_kind_of(value)} is no SCIM value")


def _json_text(place: str, value: Any) -> str:
    try:
        return _good_text(place, json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError) as error:
        raise Unfit(place, f"as_json(...) cannot be written: {error}") from None


def _good_text(place: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit(place, "a text with half a character in it (a lone surrogate)") from None
    return text


def _is_nothing(value: Any) -> bool:
    return value is None or value is leave


def _kind_of(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {"dict": "a dict", "list": "a list", "tuple": "a tuple", "set": "a set", "function": "a function"}
    if isinstance(value, str):
        return "a text"
    return names.get(type(value).__name__, f"a {type(value).__name__}")


def from_attributes(attributes: Sequence[Any]) -> dict[str, Any]:
    """The contract's list of attributes as a dict in the form that a mapping returns."""
    mapped: dict[str, Any] = {}
    for attribute in attributes:
        urn, colon, short = attribute.name.rpartition(":")
        if colon and urn.lower().startswith("urn:"):
            mapped.setdefault(urn, {})[short] = _from_value(attribute.value)
        else:
            mapped[attribute.name] = _from_value(attribute.value)
    return mapped


def _from_value(value: Any) -> Any:
    case = case_of(value)
    if case == "One":
        return _from_scalar(value.value)
    if case == "Many":
        return [_from_scalar(item) for item in value.value]
    if case == "Complex":
        return _from_parts(value.value)
    if case == "Complexes":
        return [_from_parts(parts) for parts in value.value]
    return json.loads(value.value) if case == "Json" else None


def _from_parts(parts: Sequence[Any]) -> dict[str, Any]:
    return {part.name: _from_value(part.value) for part in parts}


def _from_scalar(scalar: Any) -> Any:
    case = case_of(scalar)
    if case == "DateTime":
        return to_moment(scalar.value)
    if case == "Link":
        return Link(scalar.value.resource_type, scalar.value.key)
    return scalar.value


def is_open(mapped: "Mapping[str, Any]", name: str) -> bool:
    """Whether an attribute is open for a default: neither set nor cleared. Names are compared without case."""
    wanted: Optional[str] = name.lower()
    for known, value in mapped.items():
        if known.lower() == wanted:
            return value is leave
        if known.lower().startswith("urn:") and isinstance(value, Mapping):
            if any(f"{known}:{short}".lower() == wanted and part is not leave for short, part in value.items()):
                return False
    return True
