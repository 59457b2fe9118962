//! One SCIM service provider over HTTP: requests built, sent and judged.
//!
//! The protocol is kept apart from input and output. `request` turns a call into a request value, `judge`
//! turns a response value into a result, and `transport` alone sends anything; it is also the only file that
//! names an HTTP library. Which rules all this keeps, and which tests hold them, is in `docs/client.md`.
//!
//! Two types are what most callers need. [`Client`] makes one call and says how it went; [`Provider`] takes what
//! is wanted, and knows what to make of the answers.
//!
//! - [`client`]: [`Client`] and its calls
//! - [`provider`]: [`Provider`], which knows the provider's habits and meets them
//! - [`settings`]: [`ProviderSettings`], checked before a client exists
//! - [`auth`]: [`Authentication`], whose secrets print as `[redacted]`: fixed credentials, or tokens kept fresh
//! - [`tls`], [`proxy`], [`guard`]: whom to trust, which way to go, and where never to
//! - [`pace`]: [`Pace`], how fast requests are sent
//! - [`discovery`]: [`Discovery`], what a provider says about itself
//! - [`capability`]: [`Capabilities`], each with its [`Provenance`]: declared, observed, overridden …
//! - [`failure`]: [`ClientError`] and [`Failure`], sorted by what can be done about them
//! - [`call`]: [`CallReport`], a row of the client log
//! - [`observer`]: [`CallObserver`], who is shown each of them
//! - [`retry`]: [`RetryPolicy`], what is tried again by itself
//! - [`query`]: [`Query`] and [`Selection`], what a call asks to see
//! - [`bulk`]: [`BulkOutcome`], many operations in few requests
//! - `request` and `judge`: what is sent, and what an answer means
//! - `dialect`: a standard patch in the words that a provider understands
//! - `address`: addresses below the base URL, percent-encoded
//! - `message`: HTTP messages as plain values
//! - `paging`: reading all pages, by index or by cursor, so that it always ends
//! - `quote`: a provider's words, bounded and without our secrets
//! - `transport`: connections
//!
//! ```no_run
//! use scimwright_client::{Authentication, Client, ProviderSettings, Query};
//! use scimwright_scim::{AttributePath, Filter};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let auth = Authentication::bearer(std::env::var("ACME_TOKEN")?);
//! let settings = ProviderSettings::new("acme", "https://acme.example/scim/v2".parse()?, auth);
//! let client = Client::new(settings)?;
//!
//! let discovery = client.discover().await?;
//! let users = discovery.resource_type("User").ok_or("acme has no Users")?.resource_type;
//! let query = Query::filtered(Filter::eq(AttributePath::parse("userName")?, "jdoe"));
//! let found = client.query(&users, &query).await?;
//! assert!(found.value.resources.len() <= 1, "answered in {:?}", found.call.duration);
//! # Ok(())
//! # }
//! ```

pub mod auth;
pub mod bulk;
pub mod call;
pub mod capability;
pub mod client;
pub mod discovery;
pub mod failure;
pub mod guard;
pub mod observer;
pub mod pace;
pub mod provider;
pub mod proxy;
pub mod query;
pub mod retry;
pub mod settings;
pub mod tls;

mod address;
mod dialect;
mod judge;
mod message;
mod paging;
mod quote;
mod request;
mod transport;

pub use auth::{Authentication, ClientCredentials, SecretPlacement, TokenSource};
pub use bulk::{BulkOutcome, Done, NotAttempted, OperationOutcome};
pub use call::{Action, CallReport, Exchange, Subject};
pub use capability::{Capabilities, Capability, CapabilityOverrides, Provenance, Sourced};
pub use client::Client;
pub use discovery::{Discovery, DiscoveryNote, Document, ResourceTypeBinding};
pub use failure::{ClientError, Failure, FailureClass, Refusal, RetryAdvice};
pub use guard::{AddressGuard, IpNet};
pub use judge::{Created, Deleted, Modified, Retrieved};
pub use message::Method;
pub use observer::CallObserver;
pub use pace::{DEFAULT_CONCURRENCY, Pace};
pub use provider::calls::{Done as ProvisioningDone, Provisioned};
pub use provider::create::Creation;
pub use provider::find::Found;
pub use provider::known::Known;
pub use provider::match_key::MatchKey;
pub use provider::notice::Notice;
pub use provider::update::{PlannedWrite, Updated};
pub use provider::{Kind, Provider, Unwritable};
pub use proxy::ProxySettings;
pub use query::{Query, Selection};
pub use quote::MAX_QUOTE_CHARS;
pub use retry::RetryPolicy;
pub use settings::{DEFAULT_MAX_BODY_BYTES, ProviderSettings, SettingsError, SettingsRule, Timeouts};
pub use tls::{ClientIdentity, Pem, TlsSettings};
