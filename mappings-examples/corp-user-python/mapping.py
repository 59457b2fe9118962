"""Maps the people of a company to SCIM Users.

One function an attribute, so that a reader who looks for `userName` finds all of its rules in one place.
A blank field clears its attribute: what was removed in the source is removed at the provider.
"""

from dataclasses import dataclass

from scimwright import ENTERPRISE_USER, Context, Record, enterprise, functions, invalid, link, log, mapping
from status import active


@mapping(
    name="corp-user-python",
    version="0.1.0",
    description="Maps the people of a company to SCIM Users.",
    reads=[
        "employee_id",
        "given_name",
        "family_name",
        "preferred_name",
        "email",
        "phone",
        "mobile",
        "job_title",
        "department",
        "division",
        "cost_center",
        "manager_id",
        "status",
        "locale",
    ],
    writes=[
        "externalId",
        "userName",
        "name",
        "displayName",
        "emails",
        "phoneNumbers",
        "active",
        "title",
        "preferredLanguage",
        "locale",
        *enterprise("employeeNumber", "department", "division", "costCenter", "manager"),
    ],
    settings={
        "domain": {
            "description": "The domain of login names that are built from a person's name.",
            "default": "example.com",
        },
        "country_code": {"description": "The country of telephone numbers that do not name theirs, for example +49."},
        "leave_is_active": {"description": "Whether people on leave keep their access.", "default": True},
    },
)
def map(record: Record, ctx: Context) -> dict:
    person = Person.read(record)
    return {
        "externalId": record.key,
        "userName": person.user_name(ctx),
        "name": {
            "formatted": functions.full_name(person.given, person.family) or None,
            "familyName": person.family or None,
            "givenName": person.given or None,
        },
        "displayName": functions.full_name(person.preferred or person.given, person.family) or None,
        "emails": [person.email and {"value": person.email, "type": "work", "primary": True}],
        "phoneNumbers": [phone_number(record, ctx, "phone", "work"), phone_number(record, ctx, "mobile", "mobile")],
        "active": active(record, ctx),
        "title": record.optional_text("job_title"),
        **language(record),
        ENTERPRISE_USER: {
            "employeeNumber": record.optional_text("employee_id"),
            "department": record.optional_text("department"),
            "division": record.optional_text("division"),
            "costCenter": record.optional_text("cost_center"),
            "manager": manager(record),
        },
    }


@dataclass
class Person:
    """The fields that more than one attribute is made of, cleaned."""

    given: str
    family: str
    preferred: str
    email: "str | None"

    @classmethod
    def read(cls, record: Record) -> "Person":
        def name(field: str) -> str:
            return functions.clean_name(record.optional_text(field)) or ""

        email = record.optional_text("email")
        if email:
            # An address that is wrong is an error and not dropped: it is the login, and somebody should correct it.
            email = functions.email_address(email) or invalid("email", f"`{email}` is not a mail address")
        return cls(name("given_name"), name("family_name"), name("preferred_name"), email)

    def user_name(self, ctx: Context) -> str:
        """The mail address is what people know as their login; who has none gets one built from the name."""
        if self.email:
            return self.email
        domain = ctx.setting("domain")
        parts = {"given": self.given, "family": self.family}
        built = functions.user_name_candidates(["{given}.{family}"], parts, 1)
        if domain and built:
            return f"{built[0]}@{domain.lower()}"
        invalid(
            "email",
            "is blank, and no login name can be built: that takes a name with Latin, Greek or Cyrillic letters and "
            "the setting `domain`",
        )


def phone_number(record: Record, ctx: Context, field: str, kind: str) -> "dict | None":
    """A number that cannot be read is treated as blank: one without a telephone can work, one without an account cannot."""
    text = record.optional_text(field)
    number = functions.phone_number(text, ctx.setting("country_code"))
    if text and not number:
        log.warn("dropped what is no telephone number", field=field, value=text)
    return {"value": number, "type": kind} if number else None


def language(record: Record) -> dict:
    """One column stands for both: the language that people read, and how dates and numbers are written for them."""
    text = record.optional_text("locale")
    tag = functions.language_tag(text)
    if text and not tag:
        log.warn("dropped what is no language tag", field="locale", value=text)
    # Left out where the file has none: people choose their own language, and a default may fill it in.
    return {"preferredLanguage": tag, "locale": tag} if tag else {}


def manager(record: Record) -> "dict | None":
    key = record.optional_text("manager_id")
    if key == record.key:
        log.warn("nobody is their own manager", field="manager_id", value=key)
        return None
    return {"value": link("User", key)} if key else None
