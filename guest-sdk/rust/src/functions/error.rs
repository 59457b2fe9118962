//! What the author of a mapping can do wrong with a function.

use crate::outcome::MappingError;

/// What is wrong with a pattern, a format or a unit. These are the author's, not the record's: a correct mapping
/// never meets one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// A pattern of [`replace_regex`](super::replace_regex) or [`user_name_candidates`](super::user_name_candidates).
    #[error("pattern `{pattern}`: {problem}")]
    Pattern {
        /// Which.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A format of [`parse_date`](super::parse_date) or [`format_date`](super::format_date).
    #[error("date format `{format}`: {problem}")]
    Format {
        /// Which.
        format: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A unit of [`date_add`](super::date_add), in words.
    #[error("unit `{0}`: is none; there are years, months, weeks, days, hours, minutes and seconds")]
    Unit(String),
}

impl From<FunctionError> for MappingError {
    fn from(error: FunctionError) -> Self {
        Self::other(error.to_string())
    }
}
