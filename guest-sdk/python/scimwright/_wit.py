"""The contract's types: those that `componentize-py` generates, else classes of the same shape.

In a component they come from `wit_world`, which exists only there. Elsewhere, in tests above all, the same
conversions work on classes that look alike, so a golden case goes through all of the glue.
"""

from __future__ import annotations

from dataclasses import make_dataclass
from enum import Enum
from typing import Any

__all__ = ["IN_COMPONENT", "Err", "about", "case_of", "log", "lookup", "types"]

try:
    from componentize_py_types import Err  # type: ignore[import-not-found]
    from wit_world.exports import about  # type: ignore[import-not-found]
    from wit_world.imports import log, lookup, types  # type: ignore[import-not-found]

    IN_COMPONENT = True
except ImportError:
    IN_COMPONENT = False

    class _Namespace:
        """Stands for a generated module."""

        def __init__(self, **members: Any) -> None:
            self.__dict__.update(members)

    def _cases(variant: str, names: str, empty: tuple[str, ...] = ()) -> dict[str, Any]:
        return {
            f"{variant}_{name}": make_dataclass(f"{variant}_{name}", [] if name in empty else ["value"])
            for name in names.split()
        }

    def _record(name: str, fields: str) -> dict[str, Any]:
        return {name: make_dataclass(name, fields.split())}

    class Err(Exception):  # type: ignore[no-redef]
        """The failure case of a result."""

        def __init__(self, value: Any) -> None:
            super().__init__(value)
            self.value = value

    types = _Namespace(
        **_record("RecordLink", "resource_type key"),
        **_record("SubAttribute", "name value"),
        **_record("Attribute", "name value"),
        **_record("Field", "name value"),
        **_record("SourceRecord", "source key fields"),
        **_record("Context", "tenant provider resource_type operation now settings"),
        **_record("InvalidRecord", "field message"),
        **_cases("Scalar", "Text Boolean Integer Decimal DateTime Binary Reference Link"),
        **_cases("SubValue", "One Many"),
        **_cases("AttributeValue", "One Many Complex Complexes Json Clear", ("Clear",)),
        **_cases("FieldValue", "Null Text Boolean Integer Decimal DateTime Binary Many Json", ("Null",)),
        **_cases("Outcome", "Provision Skip"),
        **_cases("MappingError", "InvalidRecord LookupFailed Rejected Other"),
        Operation=Enum("Operation", ["CREATE", "UPDATE", "PREVIEW"], start=0),
    )
    about = _Namespace(
        **_record("Setting", "name description required default"),
        **_record("Manifest", "name version description reads writes lookups settings reuse"),
    )
    log = _Namespace(
        Level=Enum("Level", ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"], start=0),
        log=lambda level, message, fields: None,
    )

    def _no_host(source: str, key: str, fields: list[str]) -> Any:
        raise Err(lookup.LookupError_Unavailable("no host answers look-ups here"))

    lookup = _Namespace(**_cases("LookupError", "NotGranted Unavailable"), lookup=_no_host)


def case_of(value: Any) -> str:
    """The case of a variant's value: `DateTime` of `FieldValue_DateTime`."""
    return type(value).__name__.rpartition("_")[2]
