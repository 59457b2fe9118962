//! How a request proves who sends it.
//!
//! The secret lives in [`SecretString`], which prints as `[redacted]` and is wiped when dropped. It leaves
//! that type in two places only: the header of a request, and `quote`, which takes it out again of whatever a
//! provider echoes.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// How requests to one provider are authenticated.
///
/// Further ways (basic, OAuth 2 client credentials, mutual TLS) are variants to come, so a `match` needs an
/// arm for the rest.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Authentication {
    /// Nothing is sent. For providers on loopback, and for those that a proxy in front authenticates.
    #[default]
    None,
    /// RFC 6750 section 2.1: `Authorization: Bearer TOKEN`.
    Bearer(SecretString),
}

impl Authentication {
    /// Bearer authentication with this token.
    #[must_use]
    pub fn bearer(token: impl Into<String>) -> Self {
        Self::Bearer(SecretString::from(token.into()))
    }

    /// The secret as it stands in the configuration, for taking it out of texts again.
    pub(crate) fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::None => None,
            Self::Bearer(token) => Some(token),
        }
    }

    /// The value of the `Authorization` header.
    pub(crate) fn header(&self) -> Option<SecretString> {
        match self {
            Self::None => None,
            Self::Bearer(token) => Some(SecretString::from(format!("Bearer {}", token.expose_secret()))),
        }
    }

    /// What keeps the secret out of a header, in words that do not contain it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let Self::Bearer(token) = self else { return None };
        let token = token.expose_secret();
        if token.is_empty() {
            Some("it is empty")
        } else if token.ends_with(['\n', '\r']) {
            Some("it ends with a line break; was it read from a file with one at its end?")
        } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            // RFC 6750 section 2.1: b64token. Real tokens use more of ASCII than that, but never blanks.
            Some("it contains a blank, a control character or a character outside ASCII")
        } else {
            None
        }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer([redacted])",
        })
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
            let fault = Authentication::bearer(token).fault().unwrap();
            assert!(fault.contains(word), "{fault}");
        }
        assert_eq!(Authentication::bearer("mF_9.B5f-4.1JqM~+/=").fault(), None);
        assert_eq!(Authentication::None.fault(), None);
    }

    #[test]
    fn a_token_prints_as_redacted() {
        assert_eq!(format!("{:?}", Authentication::bearer("s3cr3t")), "Bearer([redacted])");
    }
}
