"""The decorators `mapping` and `defaults`: from a manifest and a plain function to what the contract wants.

`componentize-py` looks for classes named after the exported interfaces in the module that it is given. The
decorators put them there, so an author writes functions only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, Mapping, Optional, Sequence, TypeVar

from . import _wit
from ._convert import from_attributes, to_attributes
from ._errors import MappingError, Skip, Undeclared, describe, did_you_mean
from ._record import Record, to_record
from ._values import present, to_moment
from .functions._numbers import parse_boolean, parse_integer

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])
_SETTING = ("description", "required", "default")


class Context:
    """Everything a mapping may know besides the record."""

    def __init__(self, ctx: Any, manifest: Any) -> None:
        self.tenant: str = ctx.tenant
        """The tenant on whose behalf the module runs."""
        self.provider: str = ctx.provider
        """The service provider's name in the configuration."""
        self.resource_type: str = ctx.resource_type
        """The SCIM resource type that is wanted: `User`, `Group`."""
        self.operation: str = ctx.operation.name.lower()
        """Why the mapping is asked: `create`, `update`, `preview`."""
        self.now: "datetime | str" = to_moment(ctx.now)
        """The moment of the run; the only clock there is."""
        self.today: str = ctx.now[:10]
        """The day of the run as `YYYY-MM-DD`."""
        self._names: list[str] = [setting.name for setting in manifest.settings]
        self.settings: dict[str, str] = {
            setting.name: setting.default for setting in manifest.settings if setting.default is not None
        }
        """The module's settings, defaults included, as they were given."""
        self.settings.update(ctx.settings)

    def setting(self, name: str) -> Optional[str]:
        """A setting's value or default, trimmed; None where it is blank."""
        if name not in self._names:
            raise Undeclared(f"`{name}` is not among the manifest's `settings`{did_you_mean(name, self._names)}")
        value = self.settings.get(name)
        return None if value is None else present(value)

    def required_setting(self, name: str) -> str:
        """The value of a setting that the module cannot work without."""
        value = self.setting(name)
        if value is None:
            raise MappingError("other", f"setting `{name}` has no value")
        return value

    def boolean_setting(self, name: str) -> Optional[bool]:
        """The value of a setting that is a yes or a no."""
        return self._parsed(name, "a yes or a no", parse_boolean)

    def integer_setting(self, name: str) -> Optional[int]:
        """The value of a setting that is a whole number."""
        return self._parsed(name, "a whole number", parse_integer)

    def _parsed(self, name: str, wanted: str, parse: Callable[[str], Optional[_T]]) -> Optional[_T]:
        text = self.setting(name)
        if text is None:
            return None
        value = parse(text)
        if value is None:
            raise MappingError("other", f"setting `{name}`: `{text}` is not {wanted}")
        return value


def mapping(
    *,
    name: str,
    version: str = "0.0.0",
    description: str = "",
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    lookups: Sequence[str] = (),
    settings: Optional[Mapping[str, Mapping[str, Any]]] = None,
    reuse: Optional[int] = None,
) -> Callable[[_F], _F]:
    """Makes the decorated `(record, ctx) -> dict` the module's mapping, with this manifest.

    `reads` are the source's fields that it gets, `writes` the attributes that it may return (extensions with their
    URN, see `enterprise`), `lookups` the sources that it looks things up in, `settings` what the configuration may
    set: `{"domain": {"description": "...", "default": "example.com"}}`. `reuse` asks for instances that map so many
    records one after the other.
    """
    manifest = _manifest(name, version, description, reads, writes, lookups, settings, reuse)

    def decorate(function: _F) -> _F:
        def run(ctx: Any, source: Any) -> Any:
            try:
                returned = function(to_record(source, manifest.reads), Context(ctx, manifest))
                return _wit.types.Outcome_Provision(to_attributes(returned, manifest.writes))
            except Skip as skip:
                return _wit.types.Outcome_Skip(skip.reason)
            except Exception as error:
                raise _wit.Err(_to_mapping_error(error)) from None

        _export(function, "About", describe=lambda: manifest)
        _export(function, "AttributeMapping", map=run)
        return function

    return decorate


def defaults(
    *,
    name: Optional[str] = None,
    version: str = "0.0.0",
    description: str = "",
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    lookups: Sequence[str] = (),
    settings: Optional[Mapping[str, Mapping[str, Any]]] = None,
    reuse: Optional[int] = None,
) -> Callable[[_F], _F]:
    """Makes the decorated `(record, ctx, mapped) -> dict` the module's supplier of default values.

    In a module that maps too, it stands below the mapping and takes nothing: there is one manifest.
    """
    own = None if name is None else _manifest(name, version, description, reads, writes, lookups, settings, reuse)

    def decorate(function: _F) -> _F:
        manifest = own
        if manifest is None:
            about = function.__globals__.get("About")
            if about is None:
                raise TypeError("@defaults() without a name stands below a @mapping(...) in the same module")
            manifest = about().describe()

        def run(ctx: Any, source: Any, mapped: Any) -> Any:
            try:
                record = to_record(source, manifest.reads)
                returned = function(record, Context(ctx, manifest), from_attributes(mapped))
                return to_attributes(returned, manifest.writes)
            except Skip:
                raise _wit.Err(_wit.types.MappingError_Other("a default-values module cannot skip a record")) from None
            except Exception as error:
                raise _wit.Err(_to_mapping_error(error)) from None

        if own is not None:
            _export(function, "About", describe=lambda: manifest)
        _export(function, "DefaultValues", defaults=run)
        return function

    return decorate


def _export(function: Callable[..., Any], interface: str, **calls: Callable[..., Any]) -> None:
    """Puts a class with these methods beside the function, where `componentize-py` finds it."""
    methods = {name: staticmethod(call) for name, call in calls.items()}
    function.__globals__[interface] = type(interface, (), methods)


def _to_mapping_error(error: Exception) -> Any:
    if not isinstance(error, MappingError):
        return _wit.types.MappingError_Other(_sendable(describe(error)))
    message = _sendable(error.message)
    if error.kind == "invalid-record":
        return _wit.types.MappingError_InvalidRecord(_wit.types.InvalidRecord(error.field, message))
    if error.kind == "lookup-failed":
        return _wit.types.MappingError_LookupFailed(message)
    if error.kind == "rejected":
        return _wit.types.MappingError_Rejected(message)
    return _wit.types.MappingError_Other(message)


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _manifest(
    name: str,
    version: str,
    description: str,
    reads: Sequence[str],
    writes: Sequence[str],
    lookups: Sequence[str],
    settings: Optional[Mapping[str, Mapping[str, Any]]],
    reuse: Optional[int],
) -> Any:
    """The manifest, checked. It runs while the module is built, so a mistake is told there and not to an admin."""

    def wrong(problem: str) -> TypeError:
        return TypeError(f"the manifest of `{name}`: {problem}")

    for what, text in (("name", name), ("version", version), ("description", description)):
        if not isinstance(text, str):
            raise wrong(f"`{what}` has to be a text")
    for what, names in (("reads", reads), ("writes", writes), ("lookups", lookups)):
        if isinstance(names, str) or not all(isinstance(item, str) for item in names):
            raise wrong(f"`{what}` has to be a list of texts")
    if reuse is not None and not (isinstance(reuse, int) and 0 < reuse < 2**32):
        raise wrong("`reuse` has to be a number of records")
    described = [_setting(known, setting, wrong) for known, setting in (settings or {}).items()]
    return _wit.about.Manifest(
        name, version, description, list(reads), list(writes), list(lookups), described, reuse
    )


def _setting(name: str, setting: Any, wrong: Callable[[str], TypeError]) -> Any:
    if not isinstance(setting, Mapping):
        raise wrong(f'the setting `{name}` has to be a dict: {{"description": "...", "default": "..."}}')
    for part in setting:
        if part not in _SETTING:
            raise wrong(f"the setting `{name}` has no `{part}`{did_you_mean(str(part), _SETTING)}")
    default = setting.get("default")
    if isinstance(default, bool):
        # The contract's settings are texts; `True` is what people write.
        default = "true" if default else "false"
    return _wit.about.Setting(
        name,
        setting.get("description", ""),
        bool(setting.get("required", False)),
        None if default is None else str(default),
    )
