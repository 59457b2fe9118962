"""Mail addresses, telephone numbers, language tags and countries."""

from __future__ import annotations

import re
from typing import Any, Optional

from .._values import trim_blanks
from ._base import SPACES, as_text, of_text, trim_spaces
from ._letters import slug
from ._tables import COUNTRIES

_NOT_IN_ADDRESSES = re.compile(f"[{SPACES}\u0000-\u001f\u007f-\u009f,;<>]")


@of_text
def email_address(text: str) -> Optional[str]:
    """The mail address in lower case, where the text is one. No full check of RFC 5321."""
    address = trim_spaces(text)
    local, at, domain = address.partition("@")
    if not at or "@" in domain or _NOT_IN_ADDRESSES.search(address):
        return None
    labels = domain.split(".")
    good = (
        local != ""
        and not local.startswith(".")
        and not local.endswith(".")
        and len(labels) >= 2
        and all(label and not label.startswith("-") and not label.endswith("-") for label in labels)
    )
    return address.lower() if good else None


@of_text
def email_local_part(text: str) -> Optional[str]:
    """What stands before the `@` of a mail address, in lower case."""
    address = email_address(text)
    return None if address is None else address.partition("@")[0]


@of_text
def email_domain(text: str) -> Optional[str]:
    """What stands after the `@` of a mail address, in lower case."""
    address = email_address(text)
    return None if address is None else address.partition("@")[2]


_DROPPED = re.compile(f"[{SPACES}\\-./()\u2010-\u2015\u2212\u00b7\u200b\ufeff\uff08\uff09\uff0d]")
_NO_DIGIT = re.compile("[^0-9]")
_EXTENSION = re.compile("(?:extension|;ext|ext|x|#)\\Z", re.IGNORECASE | re.ASCII)
_LANGUAGE = re.compile("[A-Za-z]{2,3}")
_REGION = re.compile("[A-Z]{2}|[0-9]{3}")
_SUBTAG = re.compile("(?P<script>[A-Za-z]{4})|(?P<region>[A-Za-z]{2}|[0-9]{3})|[A-Za-z0-9]{4,8}")
_FULL_WIDTH_DIGITS = {0xFF10 + digit: str(digit) for digit in range(10)}


@of_text
def phone_number(text: str, country_code: Any = None) -> Optional[str]:
    """The telephone number, as E.164 where its country is known: from the number itself, else from `country_code`."""
    number = _without_extension(trim_blanks(text)).removeprefix("tel:").replace("(0)", "")
    international = number[:1] in ("+", "＋")
    digits = _DROPPED.sub("", (number[1:] if international else number).translate(_FULL_WIDTH_DIGITS))
    if _NO_DIGIT.search(digits):
        return None
    if not international and digits.startswith("00"):
        digits, international = digits[2:], True
    code = "" if country_code is None else as_text(country_code, "phone_number").translate(_FULL_WIDTH_DIGITS)
    code = _NO_DIGIT.sub("", code)
    if not international and code:
        # The trunk prefix of most of the world; Italy keeps it, and should give its numbers with +39.
        digits, international = code + digits.removeprefix("0"), True
    # E.164 §6.1: at most 15 digits, and no country code begins with 0.
    if international:
        return f"+{digits}" if 7 <= len(digits) <= 15 and not digits.startswith("0") else None
    return digits if 3 <= len(digits) <= 15 else None


def _without_extension(text: str) -> str:
    """The number before `ext`, `x` or `#` and up to six digits."""
    number = text.rstrip("0123456789")
    if len(number) == len(text) or len(text) - len(number) > 6:
        return text
    before = number.rstrip(" .:=")
    marked = _EXTENSION.search(before)
    return before[: marked.start()] if marked else text


@of_text
def language_tag(text: str) -> Optional[str]:
    """The language tag (BCP 47) in its usual case, with hyphens: `de_ch` is `de-CH`."""
    tag = []
    # POSIX locales carry an encoding: `de_DE.UTF-8`.
    for at, part in enumerate(trim_spaces(text).split(".")[0].replace("_", "-").split("-")):
        if at == 0:
            if not _LANGUAGE.fullmatch(part):
                return None
            tag.append(part.lower())
            continue
        found = _SUBTAG.fullmatch(part)
        if found is None:
            return None
        # RFC 5646 §2.1.1: scripts in title case, regions in capitals.
        tag.append(part.upper() if found["region"] else part.capitalize() if found["script"] else part.lower())
    return "-".join(tag)


@of_text
def language_part(text: str) -> Optional[str]:
    """The language of a language tag: `de` of `de-CH`."""
    tag = language_tag(text)
    return None if tag is None else tag.split("-")[0]


@of_text
def region_part(text: str) -> Optional[str]:
    """The region of a language tag: `CH` of `de-CH`; None where it has none."""
    parts = (language_tag(text) or "").split("-")[1:]
    return next((part for part in parts if _REGION.fullmatch(part)), None)


def _name_key(name: str) -> str:
    """The words of a country's name that tell it apart."""
    words = [word for word in slug(name).split("-") if word not in ("the", "and")]
    return "-".join("saint" if word == "st" else word for word in words)


# Built once: in a component the result is part of the snapshot.
_BY_CODE = {code: row for row in COUNTRIES for code in row[:3]}
_BY_NAME = {_name_key(name): row for row in COUNTRIES for name in row[3:]}


def _country(text: str) -> Optional[list[str]]:
    name = trim_spaces(text)
    return _BY_CODE.get(name.upper()) or _BY_NAME.get(_name_key(name) or " ")


@of_text
def country_alpha2(text: str) -> Optional[str]:
    """The two-letter code of a country (ISO 3166-1), from a code or its English name."""
    row = _country(text)
    return row[0] if row else None


@of_text
def country_alpha3(text: str) -> Optional[str]:
    """The three-letter code of a country, from a code or its English name."""
    row = _country(text)
    return row[1] if row else None


@of_text
def country_name(text: str) -> Optional[str]:
    """The English name of a country, from a code or one of its names."""
    row = _country(text)
    return row[3] if row else None
