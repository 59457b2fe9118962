"""Fills in what a profile lacks, from where somebody works and from what the mappings before this one made.

A default-values module is asked last. It sees the record and the resource so far, and offers values; the host takes
those whose attribute is open. What a mapping cleared stays so: a default never undoes a clear.
"""

from scimwright import Context, Record, defaults, functions, is_open

# Countries of one time zone. Those of several take the setting, rather than a guess that is wrong for half of them.
TIMEZONES = {
    "AT": "Europe/Vienna",
    "CH": "Europe/Zurich",
    "DE": "Europe/Berlin",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "IN": "Asia/Kolkata",
    "JP": "Asia/Tokyo",
    "PL": "Europe/Warsaw",
}
# Likewise for languages: nobody guesses one for Switzerland.
LANGUAGES = {"AT": "de", "DE": "de", "FR": "fr", "GB": "en", "IN": "en", "JP": "ja", "PL": "pl", "US": "en"}


@defaults(
    name="profile-defaults",
    version="0.1.0",
    description="Fills in locale, language, time zone, display name and profile address.",
    reads=["country"],
    writes=["locale", "preferredLanguage", "timezone", "displayName", "profileUrl", "userType"],
    settings={
        "locale": {"description": "The locale of countries without one language of their own.", "default": "en-GB"},
        "timezone": {
            "description": "The time zone of countries with several, as in the IANA list.",
            "default": "Etc/UTC",
        },
        "profile_url": {"description": "The address of a profile, with {user} for the login name."},
        "user_type": {"description": "What kind of user people are.", "default": "Employee"},
    },
)
def fill(record: Record, ctx: Context, mapped: dict) -> dict:
    country = functions.country_alpha2(record.optional_text("country"))
    locale = locale_of(country, ctx)
    offered = {
        "locale": locale,
        # The language goes with the locale that the profile ends up with, whoever set it.
        "preferredLanguage": functions.language_part(mapped.get("locale") or locale),
        "timezone": TIMEZONES.get(country) or ctx.setting("timezone"),
        "displayName": display_name(mapped),
        "profileUrl": profile_url(mapped, ctx),
        "userType": ctx.setting("user_type"),
    }
    # What has no value is not offered: None would clear, and a default fills in.
    return {name: value for name, value in offered.items() if value and is_open(mapped, name)}


def locale_of(country: "str | None", ctx: Context) -> "str | None":
    language = LANGUAGES.get(country)
    return f"{language}-{country}" if language else ctx.setting("locale")


def display_name(mapped: dict) -> "str | None":
    """The full name, in the order of its script; who has none is called by the login name."""
    name = mapped.get("name") or {}
    return functions.full_name(name.get("givenName"), name.get("familyName")) or mapped.get("userName")


def profile_url(mapped: dict, ctx: Context) -> "str | None":
    """Login names may hold what an address cannot."""
    user, pattern = mapped.get("userName"), ctx.setting("profile_url")
    return functions.replace(pattern, "{user}", functions.percent_encode(user)) if user else None
