//! What a mapping decides about a record, why it cannot, and the traits it does so through.

use crate::attributes::AttributeMap;
use crate::context::Context;
use crate::manifest::Describe;
use crate::record::Record;

/// Turns a record into the attributes of a resource.
pub trait MapAttributes: Describe {
    /// Maps one record. The same record and context always give the same outcome.
    ///
    /// # Errors
    /// [`MappingError`] says who can help; the host shows it beside the record and goes on with the others.
    fn map(ctx: &Context, record: &Record) -> Result<Outcome, MappingError>;
}

/// Supplies values for attributes that the mapping left open.
pub trait SupplyDefaults: Describe {
    /// Returns attributes for a record. The host uses those that [are open](AttributeMap::is_open) in
    /// `mapped`: neither set nor cleared.
    ///
    /// # Errors
    /// As for [`MapAttributes::map`].
    fn defaults(ctx: &Context, record: &Record, mapped: &AttributeMap) -> Result<AttributeMap, MappingError>;
}

/// What a mapping decides about a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is to be provisioned with these attributes.
    Provision(AttributeMap),
    /// It is out of scope, for the reason given. What becomes of a resource it already has is the
    /// configuration's decision (`deprovision`), not the module's.
    Skip(String),
}

impl Outcome {
    /// The record is out of scope, for this reason: `left the company`.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::Skip(reason.into())
    }
}

impl From<AttributeMap> for Outcome {
    fn from(attributes: AttributeMap) -> Self {
        Self::Provision(attributes)
    }
}

/// Why a record could not be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The record is at fault, and whoever keeps the source can correct it.
    #[error("{}{message}", match .field {
        Some(field) => format!("field `{field}`: "),
        None => String::new(),
    })]
    InvalidRecord {
        /// The field at fault, where one is.
        field: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// A look-up that the mapping needs did not work.
    #[error("{0}")]
    LookupFailed(String),
    /// The mapping refuses the record by a rule of its own.
    #[error("{0}")]
    Rejected(String),
    /// Anything else: a setting that makes no sense, for example.
    #[error("{0}")]
    Other(String),
}

impl MappingError {
    /// This field of the record is at fault: `MappingError::field("email", "has no @")`.
    pub fn field(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidRecord { field: Some(name.into()), message: message.into() }
    }

    /// The record as a whole is at fault.
    pub fn record(message: impl Into<String>) -> Self {
        Self::InvalidRecord { field: None, message: message.into() }
    }

    /// The mapping refuses the record by a rule of its own.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::Rejected(message.into())
    }

    /// Anything else.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }

    /// The contract's word for this kind of error: `invalid-record`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InvalidRecord { .. } => "invalid-record",
            Self::LookupFailed(_) => "lookup-failed",
            Self::Rejected(_) => "rejected",
            Self::Other(_) => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_field_names_it() {
        let error = MappingError::field("email", "`ada` has no @");
        assert_eq!(error.to_string(), "field `email`: `ada` has no @");
        assert_eq!(MappingError::record("is empty").to_string(), "is empty");
    }
}
