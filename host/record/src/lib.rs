//! What a source yields: records, their keys, and the trait every source implements.
//!
//! This crate is the vocabulary that sources, mapping, state and provisioning share.
//! It reads nothing itself.
//!
//! - [`lookup`]: [`RecordLookup`], one record by its key
//! - [`names`]: the names people give things in the configuration, and [`RecordKey`]
//! - [`record`]: [`Record`] and its typed [`FieldValue`]s
//! - [`source`]: [`RecordSource`], and what one pass over it yields: everything, what [`Changed`], or single records
//!
//! ```
//! use scimwright_record::{FieldValue, Record, RecordKey, SourceName};
//!
//! let record = Record::new(SourceName::parse("hr")?, RecordKey::parse("E1001")?)
//!     .with("given_name", FieldValue::Text("Zoë".into()))
//!     .with("active", FieldValue::Boolean(true));
//! assert_eq!(record.field("given_name"), Some(&FieldValue::Text("Zoë".into())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod lookup;
pub mod names;
pub mod record;
pub mod source;

pub use lookup::{HeldSources, LookupUnavailable, RecordLookup};
pub use names::{InvalidName, ModuleName, ProviderName, RecordKey, ResourceTypeName, SourceName, TenantName};
pub use record::{Field, FieldValue, Record};
pub use source::{Changed, MAX_REPEATED, Malformed, Position, RecordSource, RecordStream, Row, SourceError};
