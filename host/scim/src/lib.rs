//! RFC 7643 and RFC 7644 as values: schema, paths, filters, patch, diff, messages. No I/O.
//!
//! Everything a SCIM client or server says is a value here that parses itself, prints itself and compares by
//! SCIM's rules; nothing opens a socket or a file. The way from a wanted state to a request body:
//!
//! ```
//! use scimwright_scim::{AttributePath, Desired, Resource, builtin, diff, prepare};
//! use serde_json::json;
//!
//! let users = builtin::user_schema_set();
//! let mut wanted = Desired::new();
//! wanted.set(&AttributePath::parse("username")?, json!("JDoe"));
//! wanted.set(&AttributePath::parse("name.familyName")?, json!("Doe"));
//! wanted.set(&AttributePath::parse("groups")?, json!([{"value": "g1"}]));
//!
//! // What the schema does not let a client write is left out, and said.
//! let (wanted, notes) = prepare(wanted, &users);
//! assert_eq!(notes[0].to_string(), "`groups` is left out: it is readOnly");
//!
//! // The body of a create …
//! let body = wanted.to_resource(users.resource_type());
//! assert_eq!(body.to_value()["userName"], "JDoe");
//!
//! // … and of the smallest change that makes an existing resource agree.
//! let seen = json!({"id": "1", "userName": "JDoe", "name": {"familyName": "Dough"}});
//! let mut seen = Resource::from_value(seen)?;
//! let patch = diff(&wanted, None, &seen, &users);
//! assert_eq!(
//!     patch.to_value()["Operations"],
//!     json!([{"op": "replace", "path": "name.familyName", "value": "Doe"}])
//! );
//! patch.apply(&mut seen, &users)?;
//! assert!(diff(&wanted, None, &seen, &users).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Names and addresses:
//! - [`name`] — [`AttributeName`], which compares without case
//! - [`urn`] — [`SchemaUrn`], and the URNs of the RFCs
//! - [`path`] — [`AttributePath`], such as `name.givenName`
//!
//! What a provider declares:
//! - [`schema`] — [`Schema`] and its [`Attribute`]s, with all characteristics
//! - [`resource_type`] — [`ResourceType`]
//! - [`schema_set`] — [`SchemaSet`], the schemas of one resource type looked up as one
//! - [`service_provider_config`] — [`ServiceProviderConfig`]
//! - [`builtin`] — what RFC 7643 defines of all these
//!
//! Resources and changes to them:
//! - [`resource`] — [`Resource`], a JSON object with SCIM's look-up rules
//! - [`compare`] — when two values are the same state
//! - [`desired`] — [`Desired`], the attributes that we manage and what they are to be
//! - [`prepare`](mod@prepare) — a wanted state cut to what the schemas allow
//! - [`check`](mod@check) — what a provider would refuse, before it is sent
//! - [`diff`](mod@diff) — the smallest patch from what is seen to what is wanted
//! - [`patch`] — [`PatchRequest`]: parse, print, apply
//!
//! Messages:
//! - [`filter`] — [`Filter`]: parse, print, evaluate
//! - [`list_response`] — [`ListResponse`], a page of results
//! - [`search`] — [`SearchRequest`], a query sent by POST
//! - [`bulk`] — [`BulkRequest`] and [`BulkResponse`], several operations in one request
//! - [`error`](mod@error) — [`ScimError`]
//! - [`unreadable`] — [`Unreadable`], JSON that is none of these
//!
//! # Bounds
//! Texts from the wire are bounded where reading them costs more than their length: filters and paths in
//! bytes and nesting ([`Filter::MAX_BYTES`], [`Filter::MAX_DEPTH`]), names and URNs in bytes. JSON arrives
//! as [`serde_json::Value`], whose own parser stops at 128 levels; whoever reads the bytes bounds their
//! number.

pub mod builtin;
pub mod bulk;
pub mod check;
pub mod compare;
pub mod desired;
pub mod diff;
pub mod error;
pub mod filter;
pub mod list_response;
pub mod name;
pub mod patch;
pub mod path;
pub mod prepare;
pub mod resource;
pub mod resource_type;
pub mod schema;
pub mod schema_set;
pub mod search;
pub mod service_provider_config;
pub mod unreadable;
pub mod urn;

mod json;
mod text;

#[cfg(test)]
mod testing;

pub use bulk::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult};
pub use check::{Finding, Occasion, check};
pub use desired::{Desired, DesiredValue};
pub use diff::{Conflict, conflicts, diff, diff_and_conflicts};
pub use error::{ScimError, ScimType};
pub use filter::{Comparison, Filter, FilterError, FilterValue, NotComparable, Operands};
pub use list_response::ListResponse;
pub use name::{AttributeName, InvalidName};
pub use patch::{PatchOperation, PatchPath, PatchRequest};
pub use path::{AttributePath, InvalidPath};
pub use prepare::{LeftOut, PreparationNote, prepare};
pub use resource::Resource;
pub use resource_type::{ResourceType, SchemaExtension};
pub use schema::{Attribute, DataType, Mutability, Returned, Schema, Uniqueness};
pub use schema_set::SchemaSet;
pub use search::{SearchRequest, SortOrder};
pub use service_provider_config::{
    AuthenticationScheme, Bulk, FilterSupport, Pagination, ServiceProviderConfig,
};
pub use unreadable::Unreadable;
pub use urn::{InvalidUrn, SchemaUrn};
