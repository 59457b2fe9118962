//! What a client must know of its provider before the first request.
//!
//! The fields are public, as configuration fills them one by one. [`ProviderSettings::check`] is where the
//! rules stand; [`Client::new`](crate::Client::new) calls it, so that no client exists that breaks one.

mod rule;

use crate::address::is_loopback;
use crate::auth::Authentication;
use crate::capability::CapabilityOverrides;
use crate::guard::AddressGuard;
use crate::pace::Pace;
use crate::proxy::ProxySettings;
use crate::quote::Secrets;
use crate::retry::RetryPolicy;
use crate::tls::TlsSettings;
pub use rule::{SettingsError, SettingsRule};
use scimwright_profile::ProviderQuirks;
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
    /// The largest response body that is read, in bytes. Nothing beyond it is. No compressed answers are asked
    /// for, so that none can swell up.
    pub max_body_bytes: usize,
    /// Lifts the rule that credentials and people's data travel over https only. Never needed on loopback.
    pub allow_insecure_http: bool,
    /// Headers sent with every request. Their values count as secrets, as API keys are sent this way.
    pub headers: Vec<(String, SecretString)>,
    /// Capabilities that the operator knows better than the provider declares them.
    pub overrides: CapabilityOverrides,
    /// Whom to trust, and what to show to a server that asks for a certificate.
    pub tls: TlsSettings,
    /// Which proxy requests go through.
    pub proxy: ProxySettings,
    /// Which addresses may be connected to.
    pub guard: AddressGuard,
    /// How fast requests may be sent.
    pub pace: Pace,
    /// How the provider departs from the RFCs.
    pub quirks: ProviderQuirks,
}

impl ProviderSettings {
    /// Settings with the defaults: [`Timeouts::default`], [`RetryPolicy::default`],
    /// [`DEFAULT_MAX_BODY_BYTES`], [`Pace::default`], no further headers, nothing overridden; the system's
    /// certificates and proxy, and any address; no quirks.
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
            tls: TlsSettings::default(),
            proxy: ProxySettings::default(),
            guard: AddressGuard::default(),
            pace: Pace::default(),
            quirks: ProviderQuirks::default(),
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
        if let Some((what, reason)) = self.auth.fault() {
            return fail(SettingsRule::Credentials { what, reason });
        }
        for (header, value) in &self.headers {
            if let Some(reason) = header_fault(header, value) {
                return fail(SettingsRule::Header { header: header.clone(), reason });
            }
        }
        let Timeouts { connect, read, request } = self.timeouts;
        if connect.is_zero() || read.is_zero() || request < connect || request < read {
            return fail(SettingsRule::Timeouts { connect, read, request });
        }
        if self.max_body_bytes == 0 {
            return fail(SettingsRule::NoBody);
        }
        if let Some(reason) = self.proxy.fault() {
            return fail(SettingsRule::Proxy { reason: reason.to_owned() });
        }
        // No name is resolved for an address, so that the guard would not see it later.
        if let ProxySettings::Url { url, .. } = &self.proxy
            && let Some((address, kind)) = self.guard.objection_to(url)
        {
            return fail(SettingsRule::Address { setting: "proxy", address, kind });
        }
        self.tls.check().or_else(fail)
    }

    fn broken_url_rule(&self) -> Option<SettingsRule> {
        let base = &self.base_url;
        let rule = self.broken_rule_of("base_url", base);
        let query = base.query().is_some() || base.fragment().is_some();
        let rule = rule.or_else(|| query.then_some(SettingsRule::Query));
        let Authentication::ClientCredentials(grant) = &self.auth else { return rule };
        // The client's secret is worth as much as the token that it buys.
        let rule = rule.or_else(|| self.broken_rule_of("token_url", &grant.token_url));
        rule.or_else(|| grant.token_url.fragment().map(|_| SettingsRule::Fragment))
    }

    /// What holds for every URL that credentials are sent to.
    fn broken_rule_of(&self, setting: &'static str, url: &Url) -> Option<SettingsRule> {
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            return Some(SettingsRule::Scheme { setting, scheme: url.scheme().to_owned() });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some(SettingsRule::UserInfo { setting });
        }
        if url.scheme() == "http" && !is_loopback(url) && !self.allow_insecure_http {
            let host = url.host_str().unwrap_or_default().to_owned();
            return Some(SettingsRule::InsecureHttp { setting, host });
        }
        let (address, kind) = self.guard.objection_to(url)?;
        Some(SettingsRule::Address { setting, address, kind })
    }

    /// Every secret in these settings, for taking them out of texts.
    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        self.auth.register(&mut secrets);
        self.proxy.register(&mut secrets);
        self.headers.iter().for_each(|(_, value)| secrets.keep(value));
        secrets
    }
}

/// The URL as it may be printed. A checked one has neither user nor password; an unchecked one may.
pub(crate) fn without_password(url: &Url) -> Url {
    let mut url = url.clone();
    if url.password().is_some() {
        let _ = url.set_password(Some("[redacted]"));
    }
    url
}

impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| format!("{name}: [redacted]")).collect();
        f.debug_struct("ProviderSettings")
            .field("name", &self.name)
            .field("base_url", &without_password(&self.base_url).as_str())
            .field("auth", &self.auth)
            .field("timeouts", &self.timeouts)
            .field("retry", &self.retry)
            .field("max_body_bytes", &self.max_body_bytes)
            .field("allow_insecure_http", &self.allow_insecure_http)
            .field("headers", &headers)
            .field("overrides", &self.overrides)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy)
            .field("guard", &self.guard)
            .field("pace", &self.pace)
            .field("quirks", &self.quirks)
            .finish()
    }
}

/// How long a client waits for its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection: name resolution, TCP and TLS.
    pub connect: Duration,
    /// For the next sign of life, once the request is sent: the longest silence before the answer, and between
    /// two pieces of it.
    pub read: Duration,
    /// For one request as a whole, from its start to the end of the response's body.
    pub request: Duration,
}

impl Default for Timeouts {
    /// 10 s for a connection, 30 s of silence, 60 s for a request.
    fn default() -> Self {
        let [connect, read, request] = [10, 30, 60].map(Duration::from_secs);
        Self { connect, read, request }
    }
}

// RFC 9110 section 5.6.2: a field name is a token. Values are kept to visible ASCII and blanks.
fn header_fault(name: &str, value: &SecretString) -> Option<&'static str> {
    const OURS: [&str; 11] = [
        "authorization",
        "accept",
        "connection",
        "content-length",
        "content-type",
        "host",
        "if-match",
        "if-none-match",
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

    /// Point 27: https only outside loopback.
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
        let seconds = Duration::from_secs;
        settings.timeouts = Timeouts { connect: seconds(5), read: seconds(1), request: seconds(1) };
        assert!(
            complaint(&settings).contains("5s for a connection, 1s of silence, 1s for the whole request")
        );
        settings.timeouts = Timeouts { connect: seconds(1), read: seconds(5), request: seconds(1) };
        assert!(complaint(&settings).contains("5s of silence"));
    }

    /// Point 27: https only outside loopback.
    #[test]
    fn the_rules_of_the_base_url_hold_for_the_token_url_as_well() {
        for (url, word) in [
            ("http://login.example/token", "token_url uses http"),
            ("https://user:s3cr3t@login.example/token", "token_url contains a user"),
            ("https://login.example/token#x", "token_url has a `#` part"),
            ("ftp://login.example/token", "token_url begins with `ftp:`"),
        ] {
            let mut settings = settings("https://acme.example");
            let grant = crate::auth::ClientCredentials::new(url.parse().unwrap(), "id", "other-secret");
            settings.auth = Authentication::ClientCredentials(grant);
            assert!(complaint(&settings).contains(word), "{}", complaint(&settings));
            assert!(!format!("{settings:?}").contains("s3cr3t"));
        }
        let mut settings = settings("https://acme.example");
        let url = "http://127.0.0.1:8080/token?v=2".parse().unwrap();
        settings.auth =
            Authentication::ClientCredentials(crate::auth::ClientCredentials::new(url, "id", "s"));
        assert_eq!(settings.check(), Ok(()));
    }

    #[test]
    fn an_address_that_the_guard_refuses_is_refused_before_a_client_exists() {
        let mut settings = settings("https://169.254.169.254/scim");
        settings.guard = AddressGuard::DenyPrivate { except: Vec::new() };
        assert_eq!(
            complaint(&settings),
            "provider `acme`: base_url leads to 169.254.169.254 (link-local), which the address guard refuses; use a \
             public address, or add the network to its exceptions"
        );
        settings.guard = AddressGuard::DenyPrivate { except: vec!["169.254.169.254/32".parse().unwrap()] };
        assert_eq!(settings.check(), Ok(()));
        settings.proxy =
            ProxySettings::Url { url: "http://10.0.0.1:3128".parse().unwrap(), credentials: None };
        assert!(complaint(&settings).contains("proxy leads to 10.0.0.1 (a private network)"));
    }

    /// Point 27: passwords and tokens never reach logs.
    #[test]
    fn no_secret_is_in_what_settings_print() {
        let mut settings = settings("https://acme.example");
        settings.auth = Authentication::bearer("s3cr3t-token");
        settings.proxy = ProxySettings::Url {
            url: "http://proxy.example:3128".parse().unwrap(),
            credentials: Some(("me".to_owned(), SecretString::from("s3cr3t-proxy"))),
        };
        settings.headers.push(("X-Api-Key".to_owned(), SecretString::from("s3cr3t-key".to_owned())));
        let printed = format!("{settings:?} {settings:#?}");
        assert!(!printed.contains("s3cr3t"), "{printed}");
        assert!(printed.contains("X-Api-Key: [redacted]"));
    }
}
