//! The rules that settings have to keep, each worded once.

use std::net::IpAddr;
use std::time::Duration;

/// Settings that no client can be made from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("provider `{provider}`: {rule}")]
pub struct SettingsError {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The rule that is broken.
    pub rule: SettingsRule,
}

/// The rules that settings have to keep; each prints as what is wrong and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsRule {
    /// A URL is of no kind that SCIM runs over.
    #[error("{setting} begins with `{scheme}:`; it has to be an https:// address")]
    Scheme {
        /// `base_url` or `token_url`, as in all of these.
        setting: &'static str,
        /// What it begins with.
        scheme: String,
    },
    /// http would send credentials and people's data in the clear.
    #[error(
        "{setting} uses http, which would send credentials in the clear to `{host}`; use https, or set \
         allow_insecure_http where the network in between is trusted"
    )]
    InsecureHttp {
        /// The URL's setting.
        setting: &'static str,
        /// The host they would be sent to.
        host: String,
    },
    /// Credentials stand in a URL, where they would reach logs.
    #[error("{setting} contains a user or a password; put credentials into `auth`")]
    UserInfo {
        /// The URL's setting.
        setting: &'static str,
    },
    /// The base URL does not end with its path.
    #[error("base_url has a `?` or `#` part; it has to end with the path that `/Users` is below")]
    Query,
    /// The token URL has a fragment, which RFC 6749 section 3.2 forbids.
    #[error("token_url has a `#` part, which is never sent; remove it")]
    Fragment,
    /// A part of `auth` cannot be sent.
    #[error("the {what} cannot be sent: {reason}")]
    Credentials {
        /// `bearer token`, `password`, `client_secret`.
        what: &'static str,
        /// What is wrong, in words that do not contain it.
        reason: &'static str,
    },
    /// A URL has an address that the address guard refuses.
    #[error(
        "{setting} leads to {address} ({kind}), which the address guard refuses; use a public address, or add the \
         network to its exceptions"
    )]
    Address {
        /// The URL's setting; `proxy` is one of them here.
        setting: &'static str,
        /// The address.
        address: IpAddr,
        /// What it is.
        kind: &'static str,
    },
    /// A certificate or a key cannot be used.
    #[error("{setting} cannot be used: {reason}")]
    Pem {
        /// `tls.extra_roots`, for instance.
        setting: &'static str,
        /// What is wrong, in words that do not contain it.
        reason: String,
    },
    /// The proxy cannot be used.
    #[error("the proxy cannot be used: {reason}")]
    Proxy {
        /// What is wrong, in words that do not contain its password.
        reason: String,
    },
    /// A configured header cannot be sent.
    #[error("the header `{header}` cannot be sent: {reason}")]
    Header {
        /// The header's name.
        header: String,
        /// What is wrong, in words that do not contain its value.
        reason: &'static str,
    },
    /// The time-outs contradict each other.
    #[error(
        "the time-outs cannot all hold: {connect:?} for a connection, {read:?} of silence, {request:?} for the \
         whole request; the first two have to be above zero and no longer than the last"
    )]
    Timeouts {
        /// For a connection.
        connect: Duration,
        /// Of silence.
        read: Duration,
        /// For the request as a whole.
        request: Duration,
    },
    /// No response could be read.
    #[error("max_body_bytes is 0, so that no response could be read")]
    NoBody,
    /// This machine's certificates, or the TLS library, could not be set up.
    #[error("https cannot be set up on this machine: {cause}; are the system's CA certificates installed?")]
    Tls {
        /// What the TLS library says.
        cause: String,
    },
    /// The HTTP library refuses to start.
    #[error("the HTTP client cannot be set up: {cause}")]
    Http {
        /// What it says.
        cause: String,
    },
}
