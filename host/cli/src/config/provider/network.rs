//! `headers`, `tls`, `proxy`, `deny_private_addresses`: the way to a provider.

use super::http_url;
use crate::config::reader::TableReader;
use crate::config::secret::{self, SecretSource};
use scimwright_client::{AddressGuard, IpNet, ProxySettings};
use secrecy::SecretString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use toml::de::DeValue;
use url::Url;

/// The value of a header that every request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderValue {
    /// A secret, such as an API key.
    Secret(SecretSource),
    /// Anything else.
    Text(String),
}

impl HeaderValue {
    /// The value itself.
    ///
    /// # Errors
    /// A sentence that names where the secret should be.
    pub(crate) async fn fetch(&self) -> Result<SecretString, String> {
        match self {
            Self::Secret(source) => source.fetch().await,
            Self::Text(text) => Ok(text.as_str().into()),
        }
    }
}

/// Whom to trust besides the system's authorities, and what to show. The files are read when a client is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    /// Certificates of private authorities.
    pub(crate) ca: Vec<PathBuf>,
    /// The client's certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// Which proxy requests go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProxyConfig {
    /// The system's.
    System,
    /// None.
    None,
    /// This one.
    Url { url: Url, credentials: Option<(String, SecretSource)> },
}

impl ProxyConfig {
    /// The proxy with its password.
    ///
    /// # Errors
    /// A sentence that names where the password should be.
    pub(crate) async fn settings(&self) -> Result<ProxySettings, String> {
        Ok(match self {
            Self::System => ProxySettings::System,
            Self::None => ProxySettings::None,
            Self::Url { url, credentials } => {
                let credentials = match credentials {
                    Some((user, password)) => Some((user.clone(), password.fetch().await?)),
                    None => None,
                };
                ProxySettings::Url { url: url.clone(), credentials }
            }
        })
    }
}

/// Reads `headers = { "X-Api-Key" = { env = "ACME_KEY" }, "X-Tenant" = { text = "7" } }`.
pub(super) fn headers(table: &TableReader<'_>, folder: &Path) -> Vec<(String, HeaderValue)> {
    let Some(headers) = table.table("headers") else { return Vec::new() };
    let mut read = Vec::new();
    for (name, value) in headers.entries() {
        let DeValue::Table(inner) = value.get_ref() else {
            table.file().conceal(value.span());
            table.file().note_with_help(
                value.span(),
                format!("the value of the header `{}` must not stand here as it is: it may be a secret", name.value),
                format!(
                    "write \"{0}\" = {{ env = \"ACME_KEY\" }}, or \"{0}\" = {{ text = \"…\" }} where it is none",
                    name.value
                ),
            );
            continue;
        };
        let place = format!("{}.{}", headers.place(), name.value);
        let inner = TableReader::new(table.file(), place, inner, value.span());
        let value = match inner.has("text") {
            true => inner.text("text").map(|text| HeaderValue::Text(text.value)),
            false => {
                inner.raw("text");
                secret::from(&inner, folder).map(HeaderValue::Secret)
            }
        };
        inner.finish();
        read.extend(value.map(|value| (name.value, value)));
    }
    read
}

/// Reads `tls = { ca = "ca.pem", certificate = "client.pem", key = "client.key" }`.
pub(super) fn tls(table: &TableReader<'_>, folder: &Path) -> TlsConfig {
    let Some(table) = table.table("tls") else { return TlsConfig::default() };
    let ca = match table.raw("ca").map(toml::Spanned::get_ref) {
        Some(DeValue::String(_)) => table.text("ca").into_iter().collect(),
        Some(_) => table.texts("ca").unwrap_or_default(),
        None => Vec::new(),
    };
    let certificate = table.text("certificate");
    let key = table.text("key");
    for (here, lacking, there) in [("certificate", "key", &certificate), ("key", "certificate", &key)] {
        if let Some(there) = there
            && !table.has(lacking)
        {
            table.file().note_with_help(
                there.span.clone(),
                format!("`[{}]` has `{here}` without `{lacking}`", table.place()),
                "a provider that asks for a certificate wants both: certificate = \"client.pem\", key = \"client.key\"",
            );
        }
    }
    let identity = certificate.zip(key);
    table.finish();
    TlsConfig {
        ca: ca.into_iter().map(|path| folder.join(path.value)).collect(),
        identity: identity.map(|(chain, key)| (folder.join(chain.value), folder.join(key.value))),
    }
}

/// Reads `proxy = "http://proxy:3128"`, `"none"`, `"system"`, or a table with `url`, `user` and `password`.
pub(super) fn proxy(table: &TableReader<'_>, folder: &Path) -> ProxyConfig {
    let Some(value) = table.raw("proxy") else { return ProxyConfig::System };
    let with = |url: Option<Url>, credentials| match url {
        Some(url) => ProxyConfig::Url { url, credentials },
        None => ProxyConfig::System,
    };
    match value.get_ref() {
        DeValue::String(text) if text == "none" => ProxyConfig::None,
        DeValue::String(text) if text == "system" => ProxyConfig::System,
        DeValue::String(_) => {
            let text = table.text("proxy");
            // What a proxy carries is secured from end to end; the way to the proxy itself need not be.
            with(text.and_then(|text| http_url(table, "proxy", &text, true)), None)
        }
        DeValue::Table(_) => {
            let Some(table) = table.table("proxy") else { return ProxyConfig::System };
            let url = table
                .required_text("url", "\"http://proxy.example:3128\"")
                .and_then(|text| http_url(&table, "url", &text, true));
            let user = table.text("user");
            let password = match table.has("user") || table.has("password") {
                true => secret::required(&table, "password", folder),
                false => table.raw("password").and(None),
            };
            if table.has("password") && !table.has("user") {
                table.missing("user", "\"scimwright\"");
            }
            table.finish();
            with(url, user.map(|user| user.value).zip(password))
        }
        _ => {
            table.file().note_with_help(
                value.span(),
                "this is not a proxy",
                "write \"http://proxy.example:3128\", \"none\", \"system\", or a table with url, user and password",
            );
            ProxyConfig::System
        }
    }
}

/// Reads `deny_private_addresses` and its exceptions in `allow_addresses`.
pub(super) fn guard(table: &TableReader<'_>) -> AddressGuard {
    let deny = table.boolean("deny_private_addresses").unwrap_or(false);
    let mut except = Vec::new();
    for text in table.texts("allow_addresses").unwrap_or_default() {
        let network = text.value.parse::<IpNet>().ok();
        match network.or_else(|| text.value.parse::<IpAddr>().ok().map(IpNet::from)) {
            Some(network) => except.push(network),
            None => table.file().note_with_help(
                text.span,
                format!("`{}` is not a network", text.value),
                "write, for example: allow_addresses = [\"10.1.0.0/16\", \"fd00::/8\"]",
            ),
        }
    }
    if deny {
        return AddressGuard::DenyPrivate { except };
    }
    if let Some(value) = table.raw("allow_addresses") {
        table.file().note_with_help(
            value.span(),
            "`allow_addresses` excepts nothing, as all addresses are allowed",
            "add deny_private_addresses = true, or remove it",
        );
    }
    AddressGuard::Open
}
