//! Printing a filter so that it parses back to the same tree.

use super::{Comparison, Filter, FilterValue, Operands};
use std::fmt::{self, Display, Formatter};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(operands) => join(f, operands, " or ", |inner| matches!(inner, Self::Or(_))),
            // RFC 7644 section 3.4.2.2: `and` binds tighter than `or`.
            Self::And(operands) => {
                join(f, operands, " and ", |inner| matches!(inner, Self::Or(_) | Self::And(_)))
            }
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare { path, operator, value } => write!(f, "{path} {operator} {value}"),
            Self::Element { path, filter } => write!(f, "{path}[{filter}]"),
        }
    }
}

fn join(
    f: &mut Formatter<'_>,
    operands: &Operands,
    word: &str,
    needs_parentheses: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    for (index, operand) in operands.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        if needs_parentheses(operand) { write!(f, "({operand})")? } else { write!(f, "{operand}")? }
    }
    Ok(())
}

impl Comparison {
    pub(super) const WORDS: [(&'static str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    /// The operator's word: `eq`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As JSON (RFC 7644 section 3.4.2.2: compValue), so that quotes and control characters are escaped.
impl Display for FilterValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        serde_json::Value::from(self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::arbitrary;
    use crate::path::AttributePath;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_printed_filter_parses_back_to_itself(filter in arbitrary::filter()) {
            let text = filter.to_string();
            prop_assert_eq!(Filter::parse(&text).map_err(|error| error.to_string()), Ok(filter), "{}", text);
        }
    }

    #[test]
    fn parentheses_stand_only_where_the_tree_needs_them() {
        let pr = |name| Filter::present(AttributePath::parse(name).unwrap());
        assert_eq!(pr("a").and(pr("b")).or(pr("c")).to_string(), "a pr and b pr or c pr");
        assert_eq!(pr("a").or(pr("b")).and(pr("c")).to_string(), "(a pr or b pr) and c pr");
        assert_eq!(pr("a").and(pr("b")).and(pr("c")).to_string(), "a pr and b pr and c pr");
        assert_eq!(pr("a").and(pr("b").and(pr("c"))).to_string(), "a pr and (b pr and c pr)");
        assert_eq!(pr("a").or(pr("b")).negated().to_string(), "not (a pr or b pr)");
    }

    /// Point 18: filter values are escaped as JSON strings.
    #[test]
    fn a_value_is_escaped_and_cannot_break_out() {
        let path = AttributePath::parse("userName").unwrap();
        let hostile = "x\" or \"\" eq \"\\\n";
        let filter = Filter::eq(path, hostile);
        assert_eq!(filter.to_string(), "userName eq \"x\\\" or \\\"\\\" eq \\\"\\\\\\n\"");
        assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
    }
}
