"""The benchmark's mapping in Python: the rules of ../../workload, written as an author would."""

import re

from scimwright import invalid, mapping

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
PHONE = re.compile(r"\+?\d{2,15}")


@mapping(
    name="bench-user-python",
    version="0.1.0",
    description="Maps 12 fields of a person to 8 attributes of a SCIM User.",
    reads=[
        "given_name", "family_name", "preferred_name", "email", "phone", "mobile",
        "job_title", "grade", "department", "division", "employed", "starts_at",
    ],
    writes=[
        "userName", "name", "displayName", "emails", "phoneNumbers", "active", "title",
        f"{ENTERPRISE}:department",
    ],
    reuse=1000,
)
def map(record, ctx):
    email = email_address(record["email"])
    if email is None:
        raise invalid("email", f"is `{record['email']}`, which is not a mail address")
    given = name(record["given_name"])
    family = name(record["family_name"])
    preferred = name(record["preferred_name"])
    phones = [
        {"value": phone_number(record["phone"]), "type": "work"},
        {"value": phone_number(record["mobile"]), "type": "mobile"},
    ]
    return {
        "userName": email,
        "name": {"formatted": joined(given, " ", family), "familyName": family, "givenName": given},
        "displayName": joined(preferred or given, " ", family),
        "emails": [{"value": email, "type": "work", "primary": True}],
        "phoneNumbers": [phone for phone in phones if phone["value"]],
        "active": record["employed"] and record["starts_at"] <= ctx.now,
        "title": f"{record['job_title'].strip()}, grade {record['grade']}",
        ENTERPRISE: {"department": joined(record["division"].strip(), ": ", record["department"].strip())},
    }


def name(text):
    return " ".join(text.split())


def joined(first, between, second):
    return first + between + second if first and second else first + second


def email_address(text):
    address = text.strip()
    return address.lower() if EMAIL.fullmatch(address) else None


def phone_number(text):
    digits = re.sub(r"[ \-./()]", "", text.strip().replace("(0)", ""))
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    return digits if PHONE.fullmatch(digits) else None
