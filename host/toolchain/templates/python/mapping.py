"""Maps people to SCIM Users."""

from scimwright import invalid, mapping


@mapping(
    name="my-mapping",
    version="0.1.0",
    description="Maps people to SCIM Users.",
    # The host passes these fields of a record and no others.
    reads=["given_name", "family_name", "email", "status"],
    # Returning another attribute is an error.
    writes=["externalId", "userName", "name", "emails", "active"],
)
def map(record, ctx):
    # Blank or missing: an error that names the field, and the record waits until somebody corrects it.
    email = record.text("email").lower()
    if "@" not in email:
        raise invalid("email", f"`{email}` is not a mail address")
    name = {"givenName": record.optional_text("given_name"), "familyName": record.optional_text("family_name")}
    return {
        "externalId": record.key,
        "userName": email,
        # What is left out is left alone at the provider; None would clear it.
        "name": {part: text for part, text in name.items() if text},
        "emails": [{"value": email, "type": "work", "primary": True}],
        "active": record.optional_text("status") != "left",
    }
