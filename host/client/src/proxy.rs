//! Which proxy requests go through.

use crate::quote::Secrets;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use url::Url;

/// Which proxy requests to a provider, and to the token endpoint, go through.
///
/// For https the proxy sees a host name and bytes (CONNECT, RFC 9110 section 9.3.6); for http it sees all.
#[derive(Clone, Default)]
pub enum ProxySettings {
    /// The one that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), or on macOS
    /// and Windows the system's settings. Never for loopback.
    #[default]
    System,
    /// None, whatever the environment says.
    None,
    /// This one, also for loopback.
    Url {
        /// An http or https address, without user and password.
        url: Url,
        /// User and password for the proxy, which it gets as basic authentication.
        credentials: Option<(String, SecretString)>,
    },
}

impl ProxySettings {
    /// What no proxy can be made of, and how to mend it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let Self::Url { url, credentials } = self else { return None };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Some("it has to be an http:// or https:// address; SOCKS is not spoken");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some("its address contains a user or a password; put them into its credentials");
        }
        let (user, password) = credentials.as_ref()?;
        let control = |text: &str| text.chars().any(char::is_control);
        if user.contains(':') || control(user) || control(password.expose_secret()) {
            return Some("its user has a colon, or its user or password has a control character");
        }
        None
    }

    pub(crate) fn register(&self, secrets: &mut Secrets) {
        if let Self::Url { credentials: Some((user, password)), .. } = self {
            secrets.keep(password);
            let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
            secrets.keep(&SecretString::from(pair));
        }
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::None => f.write_str("None"),
            Self::Url { url, credentials } => f
                .debug_struct("Url")
                .field("url", &crate::settings::without_password(url).as_str())
                .field("credentials", &credentials.as_ref().map(|(user, _)| format!("{user}:[redacted]")))
                .finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_secret() {
        let proxy = |url: &str, user: &str| ProxySettings::Url {
            url: url.parse().unwrap(),
            credentials: Some((user.to_owned(), SecretString::from("s3cr3t"))),
        };
        for (url, user, word) in [
            ("socks5://proxy:1080", "a", "SOCKS"),
            ("http://u:s3cr3t@proxy:3128", "a", "credentials"),
            ("http://proxy:3128", "a:b", "colon"),
        ] {
            let proxy = proxy(url, user);
            assert!(proxy.fault().unwrap().contains(word));
            assert!(!format!("{proxy:?}").contains("s3cr3t"), "{proxy:?}");
        }
        assert_eq!(proxy("http://proxy:3128", "a").fault(), None);
    }
}
