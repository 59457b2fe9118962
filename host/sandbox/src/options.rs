//! What can be chosen about a sandbox, and the bounds that keep a choice sensible.

use crate::capabilities::{BulkLimits, Capabilities, PagingMethods};
use crate::plays::Plays;
use secrecy::SecretString;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How a sandbox listens, whom it admits, and how much it accepts.
///
/// ```
/// use scimwright_sandbox::SandboxOptions;
///
/// let options = SandboxOptions { bearer_token: Some("s3cret".into()), ..SandboxOptions::default() };
/// assert_eq!(options.address.port(), 0, "any free port");
/// assert!(!format!("{options:?}").contains("s3cret"));
/// ```
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Where to listen. Port 0 takes any free port; [`RunningSandbox`](crate::RunningSandbox) knows which.
    /// An address that is not loopback needs a [`bearer_token`](Self::bearer_token).
    pub address: SocketAddr,
    /// The token every SCIM request has to carry (RFC 6750); without one everybody is let in.
    pub bearer_token: Option<SecretString>,
    /// Resources on a page where the request names no `count`; at most [`max_page`](Self::max_page).
    pub default_page: usize,
    /// Resources on a page whatever the request's `count` says.
    pub max_page: usize,
    /// The largest request body, in bytes; a larger one is answered 413.
    pub max_body_bytes: usize,
    /// True: what the schemas do not allow is refused with 400. False: in POST and PUT, attributes that nobody
    /// declared and members that do not exist are dropped, a single value stands for a list of one, and
    /// `"true"` for `true`; `schemas` and `Content-Type` may be missing.
    pub strict: bool,
    /// How pages of a list are reached, as it works and as it is declared. A played provider that pages in
    /// another way does so whatever is declared here.
    pub paging: PagingMethods,
    /// What works. A played provider's own say overrides it.
    pub capabilities: Capabilities,
    /// What `/ServiceProviderConfig` says works; none means the truth.
    pub declares: Option<Capabilities>,
    /// How much one bulk request may hold.
    pub bulk: BulkLimits,
    /// The provider to behave like; none means one that follows the RFCs.
    pub plays: Option<Plays>,
    /// How long each answer is held back, to stand in for a network.
    pub latency: Duration,
}

impl Default for SandboxOptions {
    /// Any free loopback port, nobody turned away, pages of 100 and at most 1,000 by index, bodies to 4 MiB,
    /// strict, everything supported and declared.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            bearer_token: None,
            default_page: 100,
            max_page: 1000,
            max_body_bytes: 4 * 1024 * 1024,
            strict: true,
            paging: PagingMethods::Index,
            capabilities: Capabilities::default(),
            declares: None,
            bulk: BulkLimits::default(),
            plays: None,
            latency: Duration::ZERO,
        }
    }
}
