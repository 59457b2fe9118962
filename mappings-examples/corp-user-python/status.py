"""Whether somebody is active, in the words that personnel systems use."""

from scimwright import Context, Record, functions, invalid

ACTIVE = {"active", "a", "employed", "current", "working", "probation", "hired", "enabled", "full-time"}
LEAVE = {"leave", "on leave", "loa", "parental leave", "maternity leave", "sabbatical", "sick leave"}
GONE = {
    "terminated",
    "inactive",
    "left",
    "resigned",
    "retired",
    "dismissed",
    "former",
    "deceased",
    "disabled",
    "suspended",
    "leaver",
    "i",
}


def active(record: Record, ctx: Context) -> bool:
    """A blank status is active: sources that have no such column list only people who are there.

    A word that is not known is an error, because guessing either way is bad: access for somebody who left, or none for
    somebody who works.
    """
    text = record.optional_text("status")
    if text is None:
        return True
    word = text.lower().replace("_", " ")
    if word in ACTIVE:
        return True
    if word in LEAVE:
        return ctx.boolean_setting("leave_is_active") is not False
    if word in GONE:
        return False
    answer = functions.parse_boolean(text)
    if answer is None:
        invalid(
            "status",
            f"`{text}` is not a status; understood are active, leave, terminated and words like them, or a yes or a no",
        )
    return answer
