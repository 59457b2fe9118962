//! The sandbox's protocol, rule by rule, and once over HTTP.
//!
//! All but `over_http` hand request values to [`Provider::handle`](scimwright_sandbox::Provider::handle).

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the way tests do")]

mod bulk;
mod capabilities;
mod changing;
mod creating;
mod cursors;
mod discovery;
mod door;
mod groups;
mod over_http;
mod plays;
mod querying;
mod support;
