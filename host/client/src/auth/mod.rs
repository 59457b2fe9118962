//! How a request proves who sends it.
//!
//! A secret lives in [`SecretString`], which prints as `[redacted]` and is wiped when dropped. It leaves that
//! type in two places only: the header or form of a request, and `quote`, which takes it out again of
//! whatever a provider echoes.
//!
//! - `basic`: user and password as a header
//! - `client_credentials`: the OAuth 2 grant: its request, and what the answer means
//! - `tokens`: the token in use; one fetch however many requests wait for it
//! - `authoriser`: what a request of this provider carries

mod authoriser;
mod basic;
mod client_credentials;
mod tokens;

pub(crate) use authoriser::Authoriser;
pub use client_credentials::{ClientCredentials, SecretPlacement};

use crate::quote::Secrets;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;

/// How requests to one provider are authenticated.
///
/// A client certificate is no variant, as it comes beside any of these: see
/// [`TlsSettings`](crate::TlsSettings).
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Authentication {
    /// Nothing is sent. For providers on loopback, for those that a proxy in front authenticates, and where
    /// a client certificate or a configured header is all that is asked for.
    #[default]
    None,
    /// RFC 6750 section 2.1: `Authorization: Bearer TOKEN`, always the same token.
    Bearer(SecretString),
    /// RFC 7617: `Authorization: Basic …`, user and password in UTF-8.
    Basic {
        /// The user; without a colon, which is where the password begins.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A bearer token that somebody else keeps fresh, in a file or behind a command.
    Fetched(Arc<dyn TokenSource>),
    /// A bearer token from an OAuth 2 server, by the client credentials grant (RFC 6749 section 4.4).
    ClientCredentials(ClientCredentials),
}

/// Where a bearer token can be fetched: a file, a command, a secrets store.
///
/// It is asked at the first request, and again after a 401, once for all requests that wait for the answer.
/// Its `Debug` must not show secrets.
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// Fetches the token. It may take as long as a request may
    /// ([`Timeouts::request`](crate::Timeouts::request)); after that it is given up.
    ///
    /// # Errors
    /// Why there is none: `cannot read /run/secrets/acme: permission denied`. It becomes part of the failure,
    /// so that it must not contain a secret.
    fn fetch(&self) -> BoxFuture<'_, Result<SecretString, String>>;
}

impl Authentication {
    /// Bearer authentication with this token.
    #[must_use]
    pub fn bearer(token: impl Into<String>) -> Self {
        Self::Bearer(SecretString::from(token.into()))
    }

    /// Basic authentication with this user and password.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { user: user.into(), password: SecretString::from(password.into()) }
    }

    /// Remembers every secret of the configuration, in each form in which it travels, for taking it out of
    /// texts again.
    pub(crate) fn register(&self, secrets: &mut Secrets) {
        match self {
            Self::None | Self::Fetched(_) => {}
            Self::Bearer(token) => secrets.keep(token),
            Self::Basic { user, password } => {
                secrets.keep(password);
                secrets.keep(&basic::encoded(user, password));
            }
            Self::ClientCredentials(grant) => {
                secrets.keep(&grant.client_secret);
                secrets.keep(&grant.encoded_pair());
            }
        }
    }

    /// What keeps a secret from being sent: which one, and why, in words that do not contain it.
    pub(crate) fn fault(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::None | Self::Fetched(_) => None,
            Self::Bearer(token) => token_fault(token).map(|reason| ("bearer token", reason)),
            Self::Basic { user, password } => basic::fault(user, password),
            Self::ClientCredentials(grant) => grant.fault(),
        }
    }
}

/// What keeps a token out of a header, in words that do not contain it.
fn token_fault(token: &SecretString) -> Option<&'static str> {
    let token = token.expose_secret();
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return token.is_empty().then_some(EMPTY);
    }
    // RFC 6750 section 2.1: b64token. Real tokens use more of ASCII than that, but never blanks.
    Some(line_break(token).unwrap_or("it contains a blank, a control character or a character outside ASCII"))
}

/// What is wrong with a secret that may contain anything but control characters.
fn secret_fault(secret: &str) -> Option<&'static str> {
    if secret.is_empty() {
        return Some(EMPTY);
    }
    let control = secret.chars().any(char::is_control).then_some("it contains a control character");
    line_break(secret).or(control)
}

const EMPTY: &str = "it is empty";

fn line_break(secret: &str) -> Option<&'static str> {
    secret
        .ends_with(['\n', '\r'])
        .then_some("it ends with a line break; was it read from a file with one at its end?")
}

fn bearer(token: &SecretString) -> SecretString {
    SecretString::from(format!("Bearer {}", token.expose_secret()))
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bearer(_) => f.write_str("Bearer([redacted])"),
            Self::Basic { user, .. } => write!(f, "Basic({user:?}, [redacted])"),
            Self::Fetched(source) => f.debug_tuple("Fetched").field(source).finish(),
            Self::ClientCredentials(grant) => grant.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_no_header_can_carry_is_named_without_being_shown() {
        for (token, word) in
            [("", "empty"), ("abc\n", "line break"), ("a b", "blank"), ("ä", "outside ASCII")]
        {
            let (what, fault) = Authentication::bearer(token).fault().unwrap();
            assert!(what == "bearer token" && fault.contains(word), "{fault}");
        }
        assert_eq!(Authentication::bearer("mF_9.B5f-4.1JqM~+/=").fault(), None);
        assert_eq!(Authentication::None.fault(), None);
    }

    /// Point 27: passwords and tokens never reach logs.
    #[test]
    fn a_secret_prints_as_redacted() {
        assert_eq!(format!("{:?}", Authentication::bearer("s3cr3t")), "Bearer([redacted])");
        assert_eq!(format!("{:?}", Authentication::basic("jdoe", "s3cr3t")), "Basic(\"jdoe\", [redacted])");
    }
}
