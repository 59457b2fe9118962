//! Whether somebody is active, in the words that personnel systems use.

use scimwright_guest::prelude::*;

const ACTIVE: [&str; 9] =
    ["active", "a", "employed", "current", "working", "probation", "hired", "enabled", "full-time"];
const LEAVE: [&str; 7] =
    ["leave", "on leave", "loa", "parental leave", "maternity leave", "sabbatical", "sick leave"];
const GONE: [&str; 12] = [
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
];

/// A blank status is active: sources that have no such column list only people who are there. A word that is
/// not known is an error, because guessing either way is bad: access for somebody who left, or none for
/// somebody who works.
pub(crate) fn active(ctx: &Context, record: &Record) -> Result<bool, MappingError> {
    let Some(text) = record.optional_text("status")? else { return Ok(true) };
    let word = text.to_lowercase().replace('_', " ");
    let is_one_of = |words: &[&str]| words.contains(&word.as_str());
    if is_one_of(&ACTIVE) {
        Ok(true)
    } else if is_one_of(&LEAVE) {
        Ok(ctx.boolean_setting("leave_is_active")?.unwrap_or(true))
    } else if is_one_of(&GONE) {
        Ok(false)
    } else {
        record.boolean("status").map_err(|_| {
            MappingError::field(
                "status",
                format!(
                    "`{text}` is not a status; understood are active, leave, terminated and words like them, \
                     or a yes or a no"
                ),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CorpUser;

    fn status(text: &str) -> Result<bool, MappingError> {
        active(&testing::context::<CorpUser>(), &Record::builder("hr", "E1").text("status", text).build())
    }

    #[test]
    fn the_words_of_personnel_systems_are_understood() {
        for word in ["", "Active", "EMPLOYED", "on_leave", " leave ", "yes", "1", "TRUE"] {
            assert_eq!(status(word), Ok(true), "{word}");
        }
        for word in ["Terminated", "LEFT", "retired", "no", "0", "false"] {
            assert_eq!(status(word), Ok(false), "{word}");
        }
    }

    #[test]
    fn leave_can_be_set_to_end_access() {
        let ctx = testing::context::<CorpUser>().with_setting("leave_is_active", "no");
        let record = Record::builder("hr", "E1").text("status", "On leave").build();
        assert_eq!(active(&ctx, &record), Ok(false));
    }

    #[test]
    fn a_word_that_is_not_known_is_an_error_of_the_field() {
        let error = status("pending").unwrap_err();
        assert!(error.to_string().starts_with("field `status`: `pending` is not a status"), "{error}");
    }
}
