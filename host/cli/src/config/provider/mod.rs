//! `[provider.NAME]`: where resources go, how to get there, and what to expect.
//!
//! - [`auth`]: who we are
//! - [`network`]: headers, TLS, proxy, and where never to connect to
//! - [`profile`]: how the provider departs from the RFCs
//! - `resource`: what is provisioned there

pub(crate) mod auth;
pub(crate) mod network;
pub(crate) mod profile;
mod resource;

use super::parse::Surroundings;
use super::reader::{Located, TableReader};
use super::scripts::InlineModule;
use auth::AuthConfig;
use network::{HeaderValue, ProxyConfig, TlsConfig};
use scimwright_client::{
    AddressGuard, CapabilityOverrides, DEFAULT_MAX_BODY_BYTES, Pace, RetryPolicy, Timeouts,
};
use scimwright_profile::{Disabling, Profile, Update};
use scimwright_provision::{ResourceRules, RowValue};
use scimwright_record::{ModuleName, ProviderName};
use sha2::{Digest, Sha256};
use std::num::NonZeroUsize;
use std::time::Duration;
use url::Url;

/// A `[provider.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct ProviderConfig {
    pub(crate) name: ProviderName,
    pub(crate) base_url: Url,
    pub(crate) auth: AuthConfig,
    pub(crate) headers: Vec<(String, HeaderValue)>,
    pub(crate) tls: TlsConfig,
    pub(crate) proxy: ProxyConfig,
    pub(crate) guard: AddressGuard,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: RetryPolicy,
    pub(crate) max_body_bytes: usize,
    pub(crate) pace: Pace,
    pub(crate) allow_insecure_http: bool,
    /// Capabilities that the administrator knows better than the provider.
    pub(crate) overrides: CapabilityOverrides,
    /// How the provider departs from the RFCs.
    pub(crate) profile: Profile,
    /// How changes are written, where the administrator says so.
    pub(crate) update: Option<Update>,
    pub(crate) resources: Vec<ResourceRules>,
    /// The scripts in the rows of the resources.
    pub(crate) inline: Vec<InlineModule>,
}

impl ProviderConfig {
    /// A digest of the way to the provider: where it is, and how we show there who we are. Of secrets, only where they
    /// are to be found has a part in it.
    pub(crate) fn access(&self) -> String {
        let way =
            format!("{} {:?} {:?} {:?} {:?}", self.base_url, self.auth, self.headers, self.tls, self.proxy);
        format!("{:x}", Sha256::digest(way))
    }

    /// The modules of the folder that the resources name, some of them more than once.
    pub(crate) fn mentioned_modules(&self) -> impl Iterator<Item = &ModuleName> {
        self.resources.iter().flat_map(|rules| {
            let scripts = rules.rows.iter().filter_map(|row| match &row.value {
                RowValue::Script { module, .. } if self.inline_module(module).is_none() => Some(module),
                _ => None,
            });
            rules.modules.iter().chain(&rules.defaults).chain(scripts)
        })
    }

    /// The scripts that make up this module, if it is one of scripts.
    pub(crate) fn inline_module(&self, name: &ModuleName) -> Option<&InlineModule> {
        self.inline.iter().find(|inline| inline.name == *name)
    }
}

/// Reads one provider.
pub(super) fn read(
    name: &Located<String>,
    table: TableReader<'_>,
    around: &Surroundings<'_>,
) -> Option<ProviderConfig> {
    let folder = around.folder;
    let name = table.parse::<ProviderName>(name);
    let allow_insecure_http = table.boolean("allow_insecure_http").unwrap_or(false);
    let base_url = table
        .required_text("base_url", "\"https://acme.example/scim/v2\"")
        .and_then(|text| http_url(&table, "base_url", &text, allow_insecure_http));
    let auth = table.table("auth").and_then(|table| auth::read(table, folder, allow_insecure_http));
    let headers = network::headers(&table, folder);
    let tls = network::tls(&table, folder);
    let proxy = network::proxy(&table, folder);
    let guard = network::guard(&table);
    let timeouts = timeouts(&table);
    let retry = retry(&table);
    let max_body_bytes = table
        .whole_number("max_body_mb", 1..=1_024)
        .map_or(DEFAULT_MAX_BODY_BYTES, |megabytes| usize::try_from(megabytes << 20).unwrap_or(usize::MAX));
    let pace = pace(&table);
    let overrides = table.table("capabilities").map(capabilities).unwrap_or_default();
    let profile = profile::read(&table, folder);
    let update = table
        .choice("update", &[("auto", None), ("patch", Some(Update::Patch)), ("put", Some(Update::Put))])
        .flatten();
    let concurrency = table.whole_number("concurrency", 1..=64).unwrap_or(4);
    let parsed = name.as_ref().map(|name| &name.value);
    let (mut resources, inline) = resource::read_all(&table, parsed, around, concurrency);
    for rules in &mut resources {
        let quirks = profile.resource_quirks(rules.resource_type.as_str());
        rules.deprovision.disabling_deletes = quirks.disabling == Disabling::Deletes;
    }
    table.finish();
    Some(ProviderConfig {
        name: name?.value,
        base_url: base_url?,
        auth: auth.unwrap_or(AuthConfig::None),
        headers,
        tls,
        proxy,
        guard,
        timeouts,
        retry,
        max_body_bytes,
        pace,
        allow_insecure_http,
        overrides,
        profile,
        update,
        resources,
        inline,
    })
}

fn timeouts(table: &TableReader<'_>) -> Timeouts {
    let seconds = |key| table.whole_number(key, 1..=3_600).map(Duration::from_secs);
    let default = Timeouts::default();
    let request = seconds("request_timeout_s");
    let (connect, read) = (seconds("connect_timeout_s"), seconds("read_timeout_s"));
    for (key, part) in [("connect_timeout_s", connect), ("read_timeout_s", read)] {
        let whole = request.unwrap_or(default.request);
        if let Some(value) = table.raw(key)
            && part.is_some_and(|part| part > whole)
        {
            table.file().note_with_help(
                value.span(),
                format!("`{key}` is longer than a whole request may take, {} s", whole.as_secs()),
                "raise request_timeout_s, or lower this",
            );
        }
    }
    // A short request leaves no time for the other two to be as long as they are by default.
    let request = request.unwrap_or(default.request);
    let within = |given: Option<Duration>, default: Duration| given.unwrap_or(default).min(request);
    Timeouts { connect: within(connect, default.connect), read: within(read, default.read), request }
}

fn retry(table: &TableReader<'_>) -> RetryPolicy {
    let default = RetryPolicy::default();
    let attempts = table.whole_number("attempts", 1..=20);
    let patience = table.whole_number("patience_s", 0..=86_400).map(Duration::from_secs);
    RetryPolicy {
        attempts: attempts.and_then(|attempts| attempts.try_into().ok()).unwrap_or(default.attempts),
        patience: patience.unwrap_or(default.patience),
        ..default
    }
}

/// `budgets` and `max_concurrency`. A profile's budgets count where none are given here.
fn pace(table: &TableReader<'_>) -> Pace {
    let default = Pace::default();
    let concurrency = table.whole_number("max_concurrency", 1..=1_000);
    let (reads, writes) = match table.table("budgets") {
        Some(budgets) => {
            let both = (budgets.parsed("reads"), budgets.parsed("writes"));
            budgets.finish();
            both
        }
        None => (None, None),
    };
    Pace {
        reads: reads.map(|budget| budget.value),
        writes: writes.map(|budget| budget.value),
        concurrency: concurrency
            .and_then(|most| NonZeroUsize::new(usize::try_from(most).ok()?))
            .unwrap_or(default.concurrency),
    }
}

fn capabilities(table: TableReader<'_>) -> CapabilityOverrides {
    let overrides = CapabilityOverrides {
        patch: table.boolean("patch"),
        bulk: table.boolean("bulk"),
        filter: table.boolean("filter"),
        change_password: table.boolean("change_password"),
        sort: table.boolean("sort"),
        etag: table.boolean("etag"),
    };
    table.finish();
    overrides
}

/// An http or https address without credentials, and not in the clear unless that is allowed.
fn http_url(
    table: &TableReader<'_>,
    key: &str,
    text: &Located<String>,
    allow_insecure_http: bool,
) -> Option<Url> {
    if text.value.contains('@') {
        table.file().conceal(text.span.clone());
    }
    let url = match Url::parse(&text.value) {
        Ok(url) if url.has_host() && matches!(url.scheme(), "http" | "https") => url,
        Ok(_) => {
            let message = format!("`{}` is not an http or https URL", printable(&text.value));
            table.file().note(text.span.clone(), message);
            return None;
        }
        Err(error) => {
            let message = format!("`{}` is not a URL: {error}", printable(&text.value));
            table.file().note(text.span.clone(), message);
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        let help = match key {
            "base_url" | "token_url" => {
                "use auth = { bearer = { env = \"ACME_TOKEN\" } } or one of its other forms"
            }
            _ => "write proxy = { url = \"…\", user = \"…\", password = { env = \"PROXY_PASSWORD\" } }",
        };
        table.file().note_with_help(text.span.clone(), "a URL must not hold credentials", help);
        return None;
    }
    if url.scheme() == "http" && !allow_insecure_http && !is_loopback(&url) {
        table.file().note_with_help(
            text.span.clone(),
            format!("`{url}` would send people's data and credentials unencrypted"),
            "use https; if the network is trusted all the way, set allow_insecure_http = true",
        );
        return None;
    }
    Some(url)
}

/// The text up to where a password might stand in it.
fn printable(text: &str) -> &str {
    if text.contains('@') { "…" } else { text }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
