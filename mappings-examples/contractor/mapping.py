"""Maps contractors to SCIM Users, from the day they start to the day they end.

A mapping has no clock: `ctx.today` is the day of the run. The same record gives another outcome as days go by, and a
sync a day is all it takes. Nobody has to remember to close an account.
"""

from scimwright import (
    ENTERPRISE_USER,
    Context,
    Record,
    date_time,
    enterprise,
    functions,
    invalid,
    link,
    mapping,
    rejected,
    skip,
)

CONTRACT = "urn:example:scim:schemas:extension:contract:1.0:User"


@mapping(
    name="contractor",
    version="0.1.0",
    description="Maps contractors to SCIM Users, from the day they start to the day they end.",
    reads=["given_name", "family_name", "email", "company", "job_title", "sponsor_id", "start_date", "end_date"],
    writes=[
        "externalId",
        "userName",
        "name",
        "displayName",
        "emails",
        "userType",
        "title",
        "active",
        *enterprise("organization", "manager"),
        f"{CONTRACT}:startDate",
        f"{CONTRACT}:endDate",
    ],
    settings={
        "max_days": {
            "description": "How long a contract may be; blank allows contracts without an end.",
            "default": 365,
        },
        "lead_days": {"description": "How many days before the start the account is made, inactive.", "default": 0},
    },
)
def map(record: Record, ctx: Context) -> dict:
    start, end = contract(record, ctx)
    opens = functions.date_add(start, -(ctx.integer_setting("lead_days") or 0), "days")
    if functions.is_before(ctx.today, opens):
        return skip(f"starts on {start}")
    email = email_address(record)
    company = record.text("company")
    given = functions.clean_name(record.text("given_name"))
    family = functions.clean_name(record.text("family_name"))
    return {
        "externalId": record.key,
        "userName": email,
        "name": {"givenName": given, "familyName": family},
        # Colleagues should see whom they are writing to.
        "displayName": f"{functions.full_name(given, family)} ({company})",
        "emails": [{"value": email, "type": "work", "primary": True}],
        "userType": "Contractor",
        "title": record.optional_text("job_title"),
        "active": is_active(start, end, ctx.today),
        ENTERPRISE_USER: {"organization": company, "manager": sponsor(record)},
        # SCIM has no dates, only moments (RFC 7643 §2.3.5): the first one of the first day, the last one of the last.
        CONTRACT: {"startDate": date_time(f"{start}T00:00:00Z"), "endDate": end and date_time(f"{end}T23:59:59Z")},
    }


def contract(record: Record, ctx: Context) -> "tuple[str, str | None]":
    """The first and the last day. A contract without an end, or with one too far, is refused by a rule of the house."""
    start = day(record.date("start_date"))
    end = day(record.optional_date("end_date"))
    if end and functions.is_before(end, start):
        invalid("end_date", f"{end} is before the start, {start}")
    longest = ctx.integer_setting("max_days")
    if longest is None:
        return start, end
    if end is None:
        rejected(f"a contract without an end date is not allowed; the longest is {longest} days")
    if functions.date_diff(start, end, "days") > longest:
        rejected(f"the contract ends on {end}, more than {longest} days after its start on {start}")
    return start, end


def day(date: "str | None") -> "str | None":
    """The day of a date or of a moment, so that sources with either compare alike."""
    return functions.format_date(date, "yyyy-MM-dd")


def is_active(start: str, end: "str | None", today: str) -> bool:
    """The last day counts: people work on it."""
    has_begun = not functions.is_before(today, start)
    has_ended = end is not None and functions.is_after(today, end)
    return has_begun and not has_ended


def email_address(record: Record) -> str:
    text = record.text("email")
    return functions.email_address(text) or invalid("email", f"`{text}` is not a mail address")


def sponsor(record: Record) -> "dict | None":
    """Who answers for a contractor is an employee, and the manager at the provider."""
    key = record.optional_text("sponsor_id")
    return {"value": link("User", key)} if key else None
