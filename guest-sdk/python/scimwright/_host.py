"""The two things that a module may ask of its host: a line in the log, a record of another source."""

from __future__ import annotations

from typing import Any, Iterable, Optional

from . import _wit
from ._errors import MappingError
from ._record import Record, to_record


def _sendable(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()


class _Log:
    """The module's voice in the host's log: `log.warn("no such site", site=record["site"])`."""

    def trace(self, message: str, **details: Any) -> None:
        """For the module's author."""
        self._write("TRACE", message, details)

    def debug(self, message: str, **details: Any) -> None:
        """For the module's author, in bulk."""
        self._write("DEBUG", message, details)

    def info(self, message: str, **details: Any) -> None:
        """Worth knowing."""
        self._write("INFO", message, details)

    def warn(self, message: str, **details: Any) -> None:
        """Worth looking into."""
        self._write("WARN", message, details)

    def error(self, message: str, **details: Any) -> None:
        """Something is wrong."""
        self._write("ERROR", message, details)

    def _write(self, level: str, message: str, details: dict[str, Any]) -> None:
        fields = [(_sendable(name), _sendable(value)) for name, value in details.items()]
        _wit.log.log(_wit.log.Level[level], _sendable(message), fields)


log = _Log()


def lookup(source: str, key: Any, fields: Iterable[str]) -> Optional[Record]:
    """Finds the record with this key in another source, cut down to the fields named; None where there is none.

    The source has to stand in the manifest's `lookups` and in the configuration's `grants`.
    """
    names = [str(name) for name in fields]
    try:
        found = _wit.lookup.lookup(str(source), str(key), names)
    except _wit.Err as error:
        if _wit.case_of(error.value) == "NotGranted":
            message = f"source `{source}` is not granted to this module; name it in the module's `grants.lookups`"
        else:
            message = f"source `{source}` could not be read: {error.value.value}"
        raise MappingError("lookup-failed", message) from None
    return None if found is None else to_record(found, names, "the fields that the look-up names")
