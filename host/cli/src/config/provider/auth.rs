//! `auth`: how requests prove who sends them.

use super::http_url;
use crate::config::reader::{Located, TableReader};
use crate::config::secret::{self, SecretSource};
use scimwright_client::{Authentication, ClientCredentials, SecretPlacement};
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// How to authenticate at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthConfig {
    /// Not at all.
    None,
    /// With a bearer token.
    Bearer(SecretSource),
    /// With user and password.
    Basic { user: String, password: SecretSource },
    /// With a token that the OAuth 2 client credentials grant yields.
    OAuth2(Box<OAuth2Config>),
}

/// The client credentials grant (RFC 6749 section 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OAuth2Config {
    token_url: Url,
    client_id: String,
    client_secret: SecretSource,
    secret_in: SecretPlacement,
    scope: Option<String>,
    audience: Option<String>,
    parameters: Vec<(String, String)>,
}

impl AuthConfig {
    /// What the client sends, with its secrets fetched, but for tokens that may change while it runs.
    ///
    /// # Errors
    /// A sentence that names where a secret should be.
    pub(crate) async fn authentication(&self) -> Result<Authentication, String> {
        Ok(match self {
            Self::None => Authentication::None,
            // The environment of a process does not change.
            Self::Bearer(token @ SecretSource::Env(_)) => Authentication::Bearer(token.fetch().await?),
            Self::Bearer(token) => Authentication::Fetched(Arc::new(token.clone())),
            Self::Basic { user, password } => {
                Authentication::Basic { user: user.clone(), password: password.fetch().await? }
            }
            Self::OAuth2(grant) => Authentication::ClientCredentials(ClientCredentials {
                token_url: grant.token_url.clone(),
                client_id: grant.client_id.clone(),
                client_secret: grant.client_secret.fetch().await?,
                secret_in: grant.secret_in,
                scope: grant.scope.clone(),
                audience: grant.audience.clone(),
                parameters: grant.parameters.clone(),
            }),
        })
    }

    /// The secret that is fetched later, and so may turn out to be missing later.
    pub(crate) fn fetched_later(&self) -> Option<&SecretSource> {
        match self {
            Self::Bearer(token) => Some(token),
            Self::None | Self::Basic { .. } | Self::OAuth2(_) => None,
        }
    }
}

/// Reads `auth`: `{ bearer = … }`, `{ basic = … }` or `{ oauth2 = … }`.
pub(super) fn read(table: TableReader<'_>, folder: &Path, allow_insecure_http: bool) -> Option<AuthConfig> {
    let given = ["bearer", "basic", "oauth2"].iter().filter(|key| table.has(key)).count();
    let bearer = match table.has("bearer") {
        true => secret::required(&table, "bearer", folder).map(AuthConfig::Bearer),
        false => table.raw("bearer").and(None),
    };
    let basic = table.table("basic").and_then(|table| basic(table, folder));
    let oauth2 = table.table("oauth2").and_then(|table| oauth2(table, folder, allow_insecure_http));
    if given != 1 {
        table.file().note_with_help(
            table.span(),
            format!("`[{}]` needs one of `bearer`, `basic` and `oauth2`", table.place()),
            "write, for example: auth = { bearer = { env = \"ACME_TOKEN\" } }",
        );
    }
    table.finish();
    bearer.or(basic).or(oauth2)
}

fn basic(table: TableReader<'_>, folder: &Path) -> Option<AuthConfig> {
    let user = table.required_text("user", "\"scimwright\"");
    let password = secret::required(&table, "password", folder);
    table.finish();
    Some(AuthConfig::Basic { user: user?.value, password: password? })
}

fn oauth2(table: TableReader<'_>, folder: &Path, allow_insecure_http: bool) -> Option<AuthConfig> {
    let token_url = table
        .required_text("token_url", "\"https://login.acme.example/oauth2/token\"")
        .and_then(|text| http_url(&table, "token_url", &text, allow_insecure_http));
    let client_id = table.required_text("client_id", "\"scimwright\"");
    let client_secret = secret::required(&table, "client_secret", folder);
    let secret_in = table
        .choice("secret_in", &[("header", SecretPlacement::BasicHeader), ("body", SecretPlacement::Body)])
        .unwrap_or(SecretPlacement::BasicHeader);
    let text = |found: Option<Located<String>>| found.map(|text| text.value);
    let (scope, audience) = (text(table.text("scope")), text(table.text("audience")));
    let parameters = table.table("parameters").map(parameters).unwrap_or_default();
    table.finish();
    Some(AuthConfig::OAuth2(Box::new(OAuth2Config {
        token_url: token_url?,
        client_id: client_id?.value,
        client_secret: client_secret?,
        secret_in,
        scope,
        audience,
        parameters,
    })))
}

/// More that the token endpoint wants to hear, in its own words.
fn parameters(table: TableReader<'_>) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for (name, value) in table.entries() {
        match value.get_ref().as_str() {
            Some(text) => parameters.push((name.value, text.to_owned())),
            None => table
                .file()
                .note(value.span(), format!("`{}` in `[{}]` has to be a string", name.value, table.place())),
        }
    }
    parameters
}
