//! Filters as values (RFC 7644 section 3.4.2.2): the tree, and how one is built in code.
//!
//! A filter is never glued from strings: it is built here, or parsed by [`parse`](Filter::parse), and prints
//! itself with every value escaped. What was parsed prints as something that parses to the same tree.
//!
//! - `parse`: text to tree, with a byte range and an expectation in every error
//! - `print`: tree to text
//! - `check`: does it make sense for the schemas?
//! - `eval`: does a resource match?
//! - `suggest`: what somebody may have meant

mod check;
mod eval;
mod parse;
mod print;
mod suggest;

pub(crate) use eval::element_matches;
pub use parse::FilterError;
pub(crate) use parse::Parser;

use crate::path::AttributePath;
use serde_json::{Number, Value};

/// A filter (RFC 7644 section 3.4.2.2).
///
/// ```
/// use scimwright_scim::{AttributePath, Filter};
///
/// let filter = Filter::parse(r#"userName eq "jdoe" and (title pr or emails[type eq "work"])"#)?;
/// assert_eq!(filter.to_string(), r#"userName eq "jdoe" and (title pr or emails[type eq "work"])"#);
///
/// let name = AttributePath::parse("displayName")?;
/// assert_eq!(Filter::eq(name, "5\" O'Hara").to_string(), r#"displayName eq "5\" O'Hara""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// `a or b`: at least one matches.
    Or(Operands),
    /// `a and b`: all match.
    And(Operands),
    /// `not (a)`.
    Not(Box<Filter>),
    /// `path pr`: the attribute has a value.
    Present(AttributePath),
    /// `path eq value` and its like.
    Compare {
        /// The attribute.
        path: AttributePath,
        /// How it is compared.
        operator: Comparison,
        /// With what.
        value: FilterValue,
    },
    /// `path[filter]`: one and the same value of the attribute matches the inner filter, whose paths name
    /// sub-attributes.
    Element {
        /// The attribute, without a sub-attribute.
        path: AttributePath,
        /// What one of its values has to match. It holds no further [`Filter::Element`].
        filter: Box<Filter>,
    },
}

/// What `and` or `or` joins: two filters or more.
///
/// A chain is kept flat, so that a long one costs no depth.
#[derive(Debug, Clone, PartialEq)]
pub struct Operands(Vec<Filter>);

/// How a value is compared (RFC 7644 section 3.4.2.2, table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `eq`: equal.
    Equal,
    /// `ne`: not equal.
    NotEqual,
    /// `co`: contains.
    Contains,
    /// `sw`: starts with.
    StartsWith,
    /// `ew`: ends with.
    EndsWith,
    /// `gt`: greater than.
    Greater,
    /// `ge`: greater than or equal.
    GreaterOrEqual,
    /// `lt`: less than.
    Less,
    /// `le`: less than or equal.
    LessOrEqual,
}

/// What an attribute is compared with: a JSON value without parts.
#[derive(Debug, Clone, PartialEq)]
pub enum FilterValue {
    /// `null`: equal to an attribute that has no value.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(String),
}

/// An array or object, which a filter cannot compare with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a filter compares with a string, a number, a boolean or null, not with {0}")]
pub struct NotComparable(String);

impl Filter {
    /// The longest filter that is parsed, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The deepest nesting of `(` and `[` that is parsed. A filter built in code may nest deeper; it does not
    /// parse back then.
    pub const MAX_DEPTH: usize = 64;

    /// `path eq value`.
    #[must_use]
    pub fn eq(path: AttributePath, value: impl Into<FilterValue>) -> Self {
        Self::compare(path, Comparison::Equal, value)
    }

    /// `path OPERATOR value`.
    #[must_use]
    pub fn compare(path: AttributePath, operator: Comparison, value: impl Into<FilterValue>) -> Self {
        Self::Compare { path, operator, value: value.into() }
    }

    /// `path pr`.
    #[must_use]
    pub fn present(path: AttributePath) -> Self {
        Self::Present(path)
    }

    /// `path[filter]`; the path's own sub-attribute, if any, plays no part.
    #[must_use]
    pub fn element(path: AttributePath, filter: Self) -> Self {
        Self::Element { path: path.without_sub(), filter: Box::new(filter) }
    }

    /// `self and other`; a chain grows.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::And(operands) => Self::And(operands.with(other)),
            first => Self::And(Operands::new(first, other)),
        }
    }

    /// `self or other`; a chain grows.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Or(operands) => Self::Or(operands.with(other)),
            first => Self::Or(Operands::new(first, other)),
        }
    }

    /// `not (self)`.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// All of them joined by `and`; `None` when there are none.
    #[must_use]
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        filters.into_iter().reduce(Self::and)
    }

    /// Any of them, joined by `or`; `None` when there are none.
    #[must_use]
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        filters.into_iter().reduce(Self::or)
    }
}

impl Operands {
    /// Two operands.
    #[must_use]
    pub fn new(first: Filter, second: Filter) -> Self {
        Self(vec![first, second])
    }

    /// The same and one more, at the end.
    #[must_use]
    pub fn with(mut self, next: Filter) -> Self {
        self.0.push(next);
        self
    }
}

impl std::ops::Deref for Operands {
    type Target = [Filter];
    fn deref(&self) -> &[Filter] {
        &self.0
    }
}

impl From<&str> for FilterValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for FilterValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for FilterValue {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<bool> for FilterValue {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<i64> for FilterValue {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for FilterValue {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl TryFrom<&Value> for FilterValue {
    type Error = NotComparable;
    fn try_from(value: &Value) -> Result<Self, NotComparable> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Bool(flag) => Ok(Self::Boolean(*flag)),
            Value::Number(number) => Ok(Self::Number(number.clone())),
            Value::String(text) => Ok(Self::Text(text.clone())),
            other => Err(NotComparable(crate::unreadable::describe(other))),
        }
    }
}

impl From<&FilterValue> for Value {
    fn from(value: &FilterValue) -> Self {
        match value {
            FilterValue::Null => Self::Null,
            FilterValue::Boolean(flag) => Self::Bool(*flag),
            FilterValue::Number(number) => Self::Number(number.clone()),
            FilterValue::Text(text) => Self::String(text.clone()),
        }
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;
    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

impl serde::Serialize for Filter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Filter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod differential;
