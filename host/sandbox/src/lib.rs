//! A SCIM service provider in memory, for the quickstart, dry runs and tests.
//!
//! It serves Users and Groups as RFC 7643 and RFC 7644 ask for: discovery, create, retrieve, query with
//! filter, sorting and pages by index or cursor (RFC 9865), replace, modify, delete, bulk, entity tags. What
//! `/ServiceProviderConfig` declares is true, and what it does not declare is refused, unless the sandbox is
//! told to lie. It also plays providers that depart from the RFCs, and holds clients to their ways. Everything
//! is forgotten when it stops.
//!
//! - [`options`]: where it listens, whom it admits, how much it accepts
//! - [`capabilities`]: what works, what is declared, how pages are reached, how much a bulk request holds
//! - [`plays`]: [`Plays`], the provider it behaves like
//! - [`server`]: [`Sandbox`], which starts it on a port, and [`RunningSandbox`]
//! - [`provider`]: [`Provider`], the protocol without a socket: a [`Request`] in, a [`Response`] out
//! - [`message`]: those two values
//! - [`stats`]: what it was asked, counted
//! - [`error`]: why it could not be started
//!
//! ```
//! use scimwright_sandbox::{Sandbox, SandboxOptions};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let sandbox = Sandbox::start(SandboxOptions::default()).await?;
//! assert!(sandbox.base_url().as_str().starts_with("http://127.0.0.1:"));
//! assert_eq!(sandbox.stats().total(), 0);
//! sandbox.shutdown().await;
//! # Ok::<(), scimwright_sandbox::SandboxError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod capabilities;
pub mod error;
pub mod message;
pub mod options;
pub mod plays;
pub mod provider;
pub mod server;
pub mod stats;

mod bulk; // many operations in one request
mod catalogue; // which schemas each resource type has
mod check; // holds what clients write against them
mod condition; // entity tags, If-Match and If-None-Match
mod cursor; // the cursors of RFC 9865
mod discovery; // the metadata endpoints
mod fault; // error responses
mod kind; // User and Group
mod projection; // which attributes a response contains
mod query; // what a query asks for
mod reading; // retrieve, list, search
mod representation; // a resource as clients see it
mod route; // which endpoint a path names
mod sorting; // how resources compare
mod store; // what is remembered, and the indexes
mod writing; // create, replace, modify, delete

pub use capabilities::{BulkLimits, Capabilities, PagingMethods};
pub use error::SandboxError;
pub use message::{Body, Method, Request, Response};
pub use options::SandboxOptions;
pub use plays::{Manners, Normalises, OddRemoval, Plays, Refusal, RetryAfter, Rule};
pub use provider::Provider;
pub use route::{BASE_PATH, STATS_PATH};
pub use server::{RunningSandbox, Sandbox};
pub use stats::Stats;
