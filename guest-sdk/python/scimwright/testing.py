"""For unit tests: golden cases, log lines and look-ups, without a Wasm runtime.

    import unittest
    from scimwright import testing

    import mapping

    class Cases(unittest.TestCase):
        def test_every_case_maps_as_expected(self):
            testing.run_cases(mapping, "cases").check()

A case goes through everything that the component does, the contract's values included; only the engine and the
sandbox are others. This module never gets into a component.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

from . import _wit
from ._wit import case_of, types

_CONTEXT = {
    "tenant": "default",
    "provider": "acme",
    "resource_type": "User",
    "operation": "preview",
    "now": "2026-01-01T00:00:00Z",
}


@dataclass
class LogLine:
    """A line that a mapping wrote to the log."""

    level: str
    message: str
    fields: dict[str, str]


_lines: list[LogLine] = []
_granted: list[Mapping[str, Any]] = []
_tape: Optional[Sequence[Mapping[str, Any]]] = None


def _keep_log(level: Any, message: str, fields: Iterable[tuple[str, str]]) -> None:
    _lines.append(LogLine(level.name.lower(), message, dict(fields)))


def _answer(source: str, key: str, fields: Sequence[str]) -> Any:
    if _tape is not None:
        return _from_tape(_tape, source, key, fields)
    records = [record for record in _granted if record["source"] == source]
    if not records:
        raise _wit.Err(_wit.lookup.LookupError_NotGranted(source))
    found = next((record for record in records if record["key"] == key), None)
    return None if found is None else _source({**found, "fields": _pick(found["fields"], fields)})


_wit.log.log = _keep_log
_wit.lookup.lookup = _answer


def _from_tape(tape: Sequence[Mapping[str, Any]], source: str, key: str, fields: Sequence[str]) -> Any:
    """The answer of a case's own look-ups: the same question, else unavailable."""
    asked = [entry for entry in tape if entry["source"] == source and entry["key"] == key]
    entry = next((entry for entry in asked if sorted(entry.get("fields", fields)) == sorted(fields)), None)
    if entry is None:
        reason = f"the case has no look-up of `{key}` in `{source}` with these fields"
        raise _wit.Err(_wit.lookup.LookupError_Unavailable(reason))
    if "unavailable" in entry:
        raise _wit.Err(_wit.lookup.LookupError_Unavailable(entry["unavailable"]))
    if entry.get("found") is None:
        return None
    return _source({"source": source, "key": key, "fields": entry["found"], "types": entry.get("types", {})})


def _pick(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    wanted = set(names)
    return {name: value for name, value in fields.items() if name in wanted}


def logs() -> list[LogLine]:
    """Takes the lines that were logged since they were last asked for."""
    taken = list(_lines)
    _lines.clear()
    return taken


def provide_lookup(source: str, key: str, fields: Mapping[str, Any]) -> None:
    """Lets look-ups find a record. Its source counts as granted from now on."""
    _granted.append({"source": source, "key": key, "fields": fields})


def forget_lookups() -> None:
    """Takes back what was provided."""
    _granted.clear()


def run_case(module: ModuleType, case: Mapping[str, Any]) -> dict[str, Any]:
    """Runs one case and tells what came out: the resource, `{"skip": ...}` or `{"error": ...}`."""
    global _tape
    about: Any = getattr(module, "About")
    manifest = about().describe()
    fields = case["fields"] if "*" in manifest.reads else _pick(case["fields"], manifest.reads)
    source = _source({**case, "fields": fields})
    ctx = _context(case.get("context", {}))
    _tape = case.get("lookups")
    try:
        if hasattr(module, "AttributeMapping"):
            outcome = getattr(module, "AttributeMapping")().map(ctx, source)
            if case_of(outcome) == "Skip":
                return {"skip": outcome.value}
            return _resource(outcome.value, manifest)
        mapped = _mapped(case.get("mapped", {}))
        return _resource(getattr(module, "DefaultValues")().defaults(ctx, source, mapped), manifest)
    except _wit.Err as error:
        return {"error": _error(error.value)}
    finally:
        _tape = None


_KINDS = {"InvalidRecord": "invalid-record", "LookupFailed": "lookup-failed", "Rejected": "rejected", "Other": "other"}


def _error(error: Any) -> dict[str, Any]:
    kind = _KINDS[case_of(error)]
    if kind != "invalid-record":
        return {"kind": kind, "message": error.value}
    at = {} if error.value.field is None else {"field": error.value.field}
    return {"kind": kind, **at, "message": error.value.message}


@dataclass
class CaseFailure:
    """A case that did not come out as expected."""

    name: str
    difference: str
    actual: Any


@dataclass
class CaseReport:
    """What became of the cases of a folder."""

    passed: list[str] = field(default_factory=list)
    failed: list[CaseFailure] = field(default_factory=list)

    def __str__(self) -> str:
        failures = "".join(
            f"\n{failure.name}: {failure.difference}\n"
            f"what came out: {json.dumps(failure.actual, indent=2, ensure_ascii=False)}\n"
            for failure in self.failed
        )
        return f"{len(self.passed)} cases passed, {len(self.failed)} failed\n{failures}"

    def check(self) -> None:
        """Raises with every failure unless all cases passed."""
        if self.failed:
            raise AssertionError(str(self))


def run_cases(module: ModuleType, folder: "str | Path") -> CaseReport:
    """Runs every golden case of a folder. A folder without any is an error and not a success."""
    path = Path(folder)
    files = sorted(path.glob("*.record.json"))
    if not files:
        raise FileNotFoundError(f"{path}: there is no case; a case is a NAME.record.json with a NAME.expected.json")
    report = CaseReport()
    for file in files:
        name = file.name.removesuffix(".record.json")
        case = _read(file)
        expected = case["expected"] if "expected" in case else _read(path / f"{name}.expected.json")
        actual = run_case(module, case)
        difference = _first_difference("", expected, actual)
        if difference is None:
            report.passed.append(name)
        else:
            report.failed.append(CaseFailure(name, difference, actual))
    return report


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None


def _context(given: Mapping[str, Any]) -> Any:
    values = dict(_CONTEXT)
    for name, value in given.items():
        if name == "settings":
            continue
        if name not in _CONTEXT:
            raise ValueError(f"context.{name}: is nothing that a context has")
        values[name] = value
    operation = types.Operation[values.pop("operation").upper()]
    settings = [(name, str(value)) for name, value in given.get("settings", {}).items()]
    return types.Context(operation=operation, settings=settings, **values)


def _source(case: Mapping[str, Any]) -> Any:
    for what in ("source", "key"):
        if not isinstance(case.get(what), str):
            raise ValueError(f"{what}: {'is missing' if what not in case else 'is not a text'}")
    kinds = case.get("types", {})
    fields = [types.Field(name, _field(value, kinds.get(name))) for name, value in case["fields"].items()]
    return types.SourceRecord(case["source"], case["key"], fields)


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "text": types.FieldValue_Text,
    "boolean": types.FieldValue_Boolean,
    "integer": types.FieldValue_Integer,
    "decimal": lambda value: types.FieldValue_Decimal(float(value)),
    "date-time": types.FieldValue_DateTime,
    "binary": lambda value: types.FieldValue_Binary(base64.b64decode(value)),
    "many": types.FieldValue_Many,
    "json": lambda value: types.FieldValue_Json(json.dumps(value, ensure_ascii=False)),
}


def _field(value: Any, kind: Optional[str]) -> Any:
    return types.FieldValue_Null() if value is None else _FIELDS[kind or _implied(value)](value)


def _implied(value: Any) -> str:
    for kind, name in ((str, "text"), (bool, "boolean"), (int, "integer"), (float, "decimal")):
        if isinstance(value, kind):
            return name
    return "many" if isinstance(value, list) and all(isinstance(item, str) for item in value) else "json"


def _resource(attributes: Sequence[Any], manifest: Any) -> dict[str, Any]:
    """The resource that a list of attributes stands for: null for what is cleared, `$link` for links."""
    declared = {name.lower() for name in manifest.writes}
    resource: dict[str, Any] = {}
    for attribute in attributes:
        if attribute.name.lower() not in declared:
            raise AssertionError(f"`{attribute.name}` is set, but the manifest does not write it")
        urn, colon, short = attribute.name.rpartition(":")
        if colon and urn.lower().startswith("urn:"):
            resource.setdefault(urn, {})[short] = _value_json(attribute.value)
        else:
            resource[attribute.name] = _value_json(attribute.value)
    return resource


def _value_json(value: Any) -> Any:
    case = case_of(value)
    if case == "One":
        return _scalar_json(value.value)
    if case == "Many":
        return [_scalar_json(item) for item in value.value]
    if case == "Complex":
        return {part.name: _value_json(part.value) for part in value.value}
    if case == "Complexes":
        return [{part.name: _value_json(part.value) for part in parts} for parts in value.value]
    return json.loads(value.value) if case == "Json" else None


def _scalar_json(scalar: Any) -> Any:
    case = case_of(scalar)
    if case == "Link":
        return {"$link": f"{scalar.value.resource_type}/{scalar.value.key}"}
    return base64.b64encode(scalar.value).decode() if case == "Binary" else scalar.value


def _mapped(resource: Mapping[str, Any]) -> list[Any]:
    """The attributes that the `mapped` of a case stands for."""
    attributes = []
    for name, value in resource.items():
        if name.lower().startswith("urn:") and isinstance(value, dict):
            attributes += [types.Attribute(f"{name}:{short}", _value(part)) for short, part in value.items()]
        else:
            attributes.append(types.Attribute(name, _value(value)))
    return attributes


def _is_complex(value: Any) -> bool:
    return isinstance(value, dict) and "$link" not in value


def _value(value: Any) -> Any:
    if value is None:
        return types.AttributeValue_Clear()
    if isinstance(value, list):
        if any(map(_is_complex, value)):
            return types.AttributeValue_Complexes([_parts(item) for item in value])
        return types.AttributeValue_Many([_scalar(item) for item in value])
    return types.AttributeValue_Complex(_parts(value)) if _is_complex(value) else types.AttributeValue_One(_scalar(value))


def _parts(value: Mapping[str, Any]) -> list[Any]:
    return [
        types.SubAttribute(
            name,
            types.SubValue_Many([_scalar(item) for item in part]) if isinstance(part, list) else types.SubValue_One(_scalar(part)),
        )
        for name, part in value.items()
    ]


def _scalar(value: Any) -> Any:
    if isinstance(value, dict):
        resource_type, _, key = value["$link"].partition("/")
        return types.Scalar_Link(types.RecordLink(resource_type, key))
    if isinstance(value, bool):
        return types.Scalar_Boolean(value)
    if isinstance(value, int):
        return types.Scalar_Integer(value)
    return types.Scalar_Decimal(value) if isinstance(value, float) else types.Scalar_Text(value)


def _first_difference(place: str, expected: Any, actual: Any) -> Optional[str]:
    """The first place where two values differ, in words. Objects are compared without regard to order."""

    def inside(name: Any) -> str:
        return f"{place}.{name}" if place else str(name)

    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in expected:
            if name not in actual:
                return f"`{inside(name)}` is missing"
        for name in actual:
            if name not in expected:
                return f"`{inside(name)}` is not expected"
        pairs = [(name, expected[name], actual[name]) for name in expected]
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = [(at, wanted, found) for at, (wanted, found) in enumerate(zip(expected, actual))]
    else:
        # In JSON true is no 1.
        same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
        return None if same else f"`{place}` is {json.dumps(actual)}, expected {json.dumps(expected)}"
    return next(filter(None, (_first_difference(inside(name), wanted, found) for name, wanted, found in pairs)), None)
