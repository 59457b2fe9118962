//! What a client must know of its provider before the first request.
//!
//! The fields are public, as configuration fills them one by one. [`ProviderSettings::check`] is where the
//! rules stand; [`Client::new`](crate::Client::new) calls it, so that no client exists that breaks one.

use crate::address::is_loopback;
use crate::auth::Authentication;
use crate::capability::CapabilityOverrides;
use crate::quote::Secrets;
use crate::retry::RetryPolicy;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::time::Duration;
use url::Url;

/// The largest response body that is read, in bytes, unless the settings say otherwise: 8 MiB.
pub const DEFAULT_MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// Everything needed to talk to one service provider.
///
/// ```
/// use scimwright_client::{Authentication, ProviderSettings};
///
/// let auth = Authentication::bearer("mF_9.B5f-4.1JqM");
/// let settings = ProviderSettings::new("acme", "https://acme.example/scim/v2".parse()?, auth);
/// settings.check()?;
/// assert!(format!("{settings:?}").contains("[redacted]"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ProviderSettings {
    /// The provider's name in the configuration; errors and logs use it.
    pub name: String,
    /// What all addresses are built on: with a path or without, with a slash at its end or without.
    pub base_url: Url,
    /// How requests prove who sends them.
    pub auth: Authentication,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How often, and for how long, a call is tried again by itself.
    pub retry: RetryPolicy,
    /// The largest response body that is read, in bytes. Nothing beyond it is.
    pub max_body_bytes: usize,
    /// Lifts the rule that credentials and people's data travel over https only. Never needed on loopback.
    pub allow_insecure_http: bool,
    /// Headers sent with every request. Their values count as secrets, as API keys are sent this way.
    pub headers: Vec<(String, SecretString)>,
    /// Capabilities that the operator knows better than the provider declares them.
    pub overrides: CapabilityOverrides,
}

impl ProviderSettings {
    /// Settings with the defaults: [`Timeouts::default`], [`RetryPolicy::default`],
    /// [`DEFAULT_MAX_BODY_BYTES`], no further headers, nothing overridden.
    #[must_use]
    pub fn new(name: impl Into<String>, base_url: Url, auth: Authentication) -> Self {
        Self {
            name: name.into(),
            base_url,
            auth,
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            allow_insecure_http: false,
            headers: Vec::new(),
            overrides: CapabilityOverrides::default(),
        }
    }

    /// Checks every rule that settings have to keep.
    ///
    /// # Errors
    /// The first rule broken, with the remedy. No message contains a secret.
    pub fn check(&self) -> Result<(), SettingsError> {
        let fail = |rule| Err(SettingsError { provider: self.name.clone(), rule });
        if let Some(rule) = self.broken_url_rule() {
            return fail(rule);
        }
        if let Some(reason) = self.auth.fault() {
            return fail(SettingsRule::Token { reason });
        }
        for (header, value) in &self.headers {
            if let Some(reason) = header_fault(header, value) {
                return fail(SettingsRule::Header { header: header.clone(), reason });
            }
        }
        let Timeouts { connect, request } = self.timeouts;
        if connect.is_zero() || request < connect {
            return fail(SettingsRule::Timeouts { connect, request });
        }
        if self.max_body_bytes == 0 {
            return fail(SettingsRule::NoBody);
        }
        Ok(())
    }

    fn broken_url_rule(&self) -> Option<SettingsRule> {
        let url = &self.base_url;
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            return Some(SettingsRule::Scheme { scheme: url.scheme().to_owned() });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some(SettingsRule::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Some(SettingsRule::Query);
        }
        if url.scheme() == "http" && !is_loopback(url) && !self.allow_insecure_http {
            return Some(SettingsRule::InsecureHttp { host: url.host_str().unwrap_or_default().to_owned() });
        }
        None
    }

    /// Every secret in these settings, for taking them out of texts.
    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::new(self.auth.secret().into_iter().chain(self.headers.iter().map(|(_, value)| value)))
    }
}

impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| format!("{name}: [redacted]")).collect();
        // The checked form has no user or password in its URL; an unchecked one may.
        let mut url = self.base_url.clone();
        if url.password().is_some() {
            let _ = url.set_password(Some("[redacted]"));
        }
        f.debug_struct("ProviderSettings")
            .field("name", &self.name)
            .field("base_url", &url.as_str())
            .field("auth", &self.auth)
            .field("timeouts", &self.timeouts)
            .field("retry", &self.retry)
            .field("max_body_bytes", &self.max_body_bytes)
            .field("allow_insecure_http", &self.allow_insecure_http)
            .field("headers", &headers)
            .field("overrides", &self.overrides)
            .finish()
    }
}

/// How long a client waits for its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection: name resolution, TCP and TLS.
    pub connect: Duration,
    /// For one request as a whole, from its start to the end of the response's body.
    pub request: Duration,
}

impl Default for Timeouts {
    /// 10 s for a connection, 60 s for a request.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), request: Duration::from_secs(60) }
    }
}

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
    /// The base URL is of no kind that SCIM runs over.
    #[error("base_url begins with `{scheme}:`; it has to be an https:// address")]
    Scheme {
        /// What it begins with.
        scheme: String,
    },
    /// http would send credentials and people's data in the clear.
    #[error(
        "base_url uses http, which would send credentials in the clear to `{host}`; use https, or set \
         allow_insecure_http where the network in between is trusted"
    )]
    InsecureHttp {
        /// The host they would be sent to.
        host: String,
    },
    /// Credentials stand in the base URL, where they would reach logs.
    #[error("base_url contains a user or a password; put credentials into `auth`")]
    UserInfo,
    /// The base URL does not end with its path.
    #[error("base_url has a `?` or `#` part; it has to end with the path that `/Users` is below")]
    Query,
    /// The bearer token cannot be sent.
    #[error("the bearer token cannot be sent: {reason}")]
    Token {
        /// What is wrong, in words that do not contain it.
        reason: &'static str,
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
        "the time-outs cannot both hold: {connect:?} for a connection, {request:?} for the whole request; \
         the first has to be above zero and no longer than the second"
    )]
    Timeouts {
        /// For a connection.
        connect: Duration,
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

// RFC 9110 section 5.6.2: a field name is a token. Values are kept to visible ASCII and blanks.
fn header_fault(name: &str, value: &SecretString) -> Option<&'static str> {
    const OURS: [&str; 10] = [
        "authorization",
        "accept",
        "connection",
        "content-length",
        "content-type",
        "host",
        "if-match",
        "transfer-encoding",
        "user-agent",
        "x-request-id",
    ];
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let value = value.expose_secret();
    if name.is_empty() || !name.bytes().all(token) {
        Some("its name is not a header name")
    } else if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
        Some("the client sets it itself")
    } else if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        Some("its value has a control character or a character outside ASCII")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> ProviderSettings {
        ProviderSettings::new("acme", url.parse().unwrap(), Authentication::None)
    }

    fn complaint(settings: &ProviderSettings) -> String {
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn http_is_for_loopback_unless_the_operator_says_otherwise() {
        assert_eq!(settings("http://127.0.0.1:8080/v2").check(), Ok(()));
        assert_eq!(settings("https://acme.example/scim/v2").check(), Ok(()));
        let mut insecure = settings("http://acme.example/scim/v2");
        assert_eq!(
            complaint(&insecure),
            "provider `acme`: base_url uses http, which would send credentials in the clear to \
             `acme.example`; use https, or set allow_insecure_http where the network in between is trusted"
        );
        insecure.allow_insecure_http = true;
        assert_eq!(insecure.check(), Ok(()));
    }

    #[test]
    fn a_base_url_holds_neither_credentials_nor_a_query() {
        for (url, word) in [
            ("https://user:s3cr3t@acme.example/v2", "put credentials into `auth`"),
            ("https://acme.example/v2?tenant=1", "has to end with the path"),
            ("ftp://acme.example/v2", "begins with `ftp:`"),
            ("data:text/plain,x", "begins with `data:`"),
        ] {
            let settings = settings(url);
            assert!(complaint(&settings).contains(word), "{}", complaint(&settings));
            assert!(!complaint(&settings).contains("s3cr3t"));
            assert!(!format!("{settings:?}").contains("s3cr3t"));
        }
    }

    #[test]
    fn a_header_that_would_replace_one_of_ours_is_refused() {
        for (name, value, word) in [
            ("Authorization", "x", "sets it itself"),
            ("X Key", "x", "not a header name"),
            ("X-Key", "a\r\nHost: b", "control character"),
        ] {
            let mut settings = settings("https://acme.example");
            settings.headers.push((name.to_owned(), SecretString::from(value.to_owned())));
            assert!(complaint(&settings).contains(word), "{}", complaint(&settings));
        }
    }

    #[test]
    fn time_outs_that_contradict_each_other_are_refused() {
        let mut settings = settings("https://acme.example");
        settings.timeouts = Timeouts { connect: Duration::from_secs(5), request: Duration::from_secs(1) };
        assert!(complaint(&settings).contains("5s for a connection, 1s for the whole request"));
    }

    #[test]
    fn no_secret_is_in_what_settings_print() {
        let mut settings = settings("https://acme.example");
        settings.auth = Authentication::bearer("s3cr3t-token");
        settings.headers.push(("X-Api-Key".to_owned(), SecretString::from("s3cr3t-key".to_owned())));
        let printed = format!("{settings:?} {settings:#?}");
        assert!(!printed.contains("s3cr3t"), "{printed}");
        assert!(printed.contains("X-Api-Key: [redacted]"));
    }
}
