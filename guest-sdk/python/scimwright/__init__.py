"""scimwright for Python: a mapping is a plain function from a dict to a dict.

    from scimwright import mapping, skip

    @mapping(
        name="people", version="1.0.0", description="Maps people to SCIM Users.",
        reads=["email", "given_name"], writes=["userName", "name"],
    )
    def map(record, ctx):
        if not record["email"]:
            return skip("has no mail address")
        return {"userName": record["email"], "name": {"givenName": record["given_name"]}}

- `_module`: the decorators, the manifest, the context and the glue to the contract
- `_record`: records and readers of their fields
- `_convert`: what a mapping returns, and its kinds of values
- `_errors`: skipping, refusing, and where a mistake was made
- `_host`: log and look-ups
- `functions`: names, dates, telephone numbers and so on
- `testing`: golden cases, log lines and look-ups for unit tests; never part of a component
"""

from . import functions
from ._convert import (
    ENTERPRISE_USER,
    Link,
    as_json,
    clear,
    date_time,
    enterprise,
    is_open,
    leave,
    link,
    reference,
)
from ._errors import MappingError, Skip, invalid, lookup_failed, rejected, skip
from ._host import log, lookup
from ._module import Context, defaults, mapping
from ._record import Record

__all__ = [
    "ENTERPRISE_USER",
    "Context",
    "Link",
    "MappingError",
    "Record",
    "Skip",
    "as_json",
    "clear",
    "date_time",
    "defaults",
    "enterprise",
    "functions",
    "invalid",
    "is_open",
    "leave",
    "link",
    "log",
    "lookup",
    "lookup_failed",
    "mapping",
    "reference",
    "rejected",
    "skip",
]
__version__ = "0.1.0"
