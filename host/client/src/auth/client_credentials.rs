//! The client credentials grant of OAuth 2 (RFC 6749 section 4.4): its request, and what the answer means.
//! Nothing here does I/O.

use super::{basic, secret_fault, token_fault};
use crate::failure::Failure;
use crate::message::{BodyEnd, HttpRequest, HttpResponse, Method};
use crate::retry::retry_after;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

/// What is needed to get a token from an OAuth 2 server.
///
/// ```
/// use scimwright_client::{Authentication, ClientCredentials, ProviderSettings};
///
/// let token_url = "https://login.example/oauth2/token".parse()?;
/// let mut grant = ClientCredentials::new(token_url, "scimwright", "s3cr3t");
/// grant.scope = Some("scim".to_owned());
/// let auth = Authentication::ClientCredentials(grant);
/// let settings = ProviderSettings::new("acme", "https://acme.example/scim/v2".parse()?, auth);
/// settings.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientCredentials {
    /// The token endpoint (RFC 6749 section 3.2). The rules of the base URL hold for it as well, but that it
    /// may have a query.
    pub token_url: Url,
    /// Who we are there.
    pub client_id: String,
    /// What proves it.
    pub client_secret: SecretString,
    /// How the two are sent.
    pub secret_in: SecretPlacement,
    /// What the token is to be good for (RFC 6749 section 3.3): words with blanks between them.
    pub scope: Option<String>,
    /// For whom the token is meant, where the server asks for it (as Auth0 does).
    pub audience: Option<String>,
    /// Further parameters of the request; they are no secrets.
    pub parameters: Vec<(String, String)>,
}

/// Where the client's secret stands in the request for a token (RFC 6749 section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecretPlacement {
    /// In the header, as `Authorization: Basic`: every server has to know this form.
    #[default]
    BasicHeader,
    /// In the form, as `client_id` and `client_secret`.
    Body,
}

/// RFC 6749 section 4.4.2, and the parameters that would say the same thing a second time.
const OURS: [&str; 5] = ["grant_type", "client_id", "client_secret", "scope", "audience"];

impl ClientCredentials {
    /// The grant without scope, audience and further parameters; the secret in the header.
    #[must_use]
    pub fn new(token_url: Url, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self {
            token_url,
            client_id: client_id.into(),
            client_secret: SecretString::from(client_secret.into()),
            secret_in: SecretPlacement::default(),
            scope: None,
            audience: None,
            parameters: Vec::new(),
        }
    }

    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if let Some(reason) = secret_fault(&self.client_id) {
            return Some(("client_id", reason));
        }
        if let Some(reason) = secret_fault(self.client_secret.expose_secret()) {
            return Some(("client_secret", reason));
        }
        let repeated = self.parameters.iter().any(|(name, _)| OURS.contains(&name.as_str()));
        repeated.then_some(("parameters", "one of them has a setting of its own"))
    }

    /// RFC 6749 section 2.3.1: id and secret are form-encoded first, and then taken as user and password.
    fn encoded_id_and_secret(&self) -> (String, SecretString) {
        let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        (encode(&self.client_id), SecretString::from(encode(self.client_secret.expose_secret())))
    }

    /// The pair as it stands in the header.
    pub(super) fn encoded_pair(&self) -> SecretString {
        let (id, secret) = self.encoded_id_and_secret();
        basic::encoded(&id, &secret)
    }

    /// The header of the request for a token.
    pub(super) fn authorization(&self) -> Option<SecretString> {
        let (id, secret) = self.encoded_id_and_secret();
        match self.secret_in {
            SecretPlacement::BasicHeader => Some(basic::header(&id, &secret)),
            SecretPlacement::Body => None,
        }
    }

    /// The request for a token (RFC 6749 section 4.4.2).
    pub(super) fn request(&self) -> HttpRequest {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        let optional = [("scope", &self.scope), ("audience", &self.audience)];
        for (name, value) in optional {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        form.extend_pairs(&self.parameters);
        if self.secret_in == SecretPlacement::Body {
            form.append_pair("client_id", &self.client_id);
            form.append_pair("client_secret", self.client_secret.expose_secret());
        }
        HttpRequest {
            method: Method::Post,
            url: self.token_url.clone(),
            headers: vec![
                ("content-type", Cow::Borrowed("application/x-www-form-urlencoded")),
                ("accept", Cow::Borrowed("application/json")),
            ],
            body: Some(form.finish().into_bytes()),
        }
    }

    /// What no answer at all means.
    pub(super) fn unanswered(&self, failure: Failure) -> Failure {
        match failure {
            // The setting is to blame, and the same request would be refused again.
            guarded @ Failure::AddressRefused { .. } => guarded,
            Failure::TimedOut { limit, .. } => {
                self.unavailable(format!("there was no answer within {limit:?}"), None)
            }
            Failure::Unreachable { cause } => self.unavailable(
                format!(
                    "there is no connection to it: {cause}. Check token_url, the network and the proxy settings"
                ),
                None,
            ),
            other => self.unavailable(other.to_string(), None),
        }
    }

    /// What the server's answer means (RFC 6749 sections 5.1 and 5.2).
    pub(super) fn judge(&self, response: &HttpResponse) -> Result<Issued, Failure> {
        let quote = |text: &str| response.secrets.quote(text);
        let status = response.status;
        if (300..400).contains(&status) {
            let location = response.headers.location.as_deref().map_or_else(String::new, quote);
            return Err(self.refused(format!(
                "it redirects to {location} ({status}), and none is followed; set token_url to the final \
                 address"
            )));
        }
        let json = serde_json::from_slice::<Value>(&response.body).ok().filter(Value::is_object);
        if !response.is_success() {
            let said =
                json.as_ref().and_then(said).map_or_else(|| "no reason given".to_owned(), |t| quote(&t));
            // RFC 6749 section 5.2 has 400 and 401 for what a server refuses; what it cannot do now comes as
            // 5xx, and from some as an error code.
            let code = json.as_ref().and_then(|json| json.get("error")).and_then(Value::as_str);
            let passing = matches!(status, 408 | 425 | 429 | 500..)
                || matches!(code, Some("temporarily_unavailable" | "server_error"));
            return Err(if passing {
                self.unavailable(format!("{said} ({status})"), retry_after(response))
            } else {
                self.refused(format!("{said} ({status}). Check client_id, client_secret and scope of `auth`"))
            });
        }
        match &response.end {
            BodyEnd::Complete => {}
            BodyEnd::OverLimit { limit } => {
                return Err(self.refused(format!(
                    "the answer is larger than {limit} bytes, which is the limit for a body"
                )));
            }
            BodyEnd::Lost(failure) => return Err(self.unavailable(failure.to_string(), None)),
        }
        let Some(json) = json else {
            // Nothing of it is shown: it may be a token in another form.
            return Err(self.refused(format!("the answer ({status}) is not JSON. Check token_url")));
        };
        let Some(token) = json.get("access_token").and_then(Value::as_str) else {
            // Some servers say 200 and mean 400.
            let said = said(&json).map_or_else(String::new, |text| format!(": {}", quote(&text)));
            return Err(self.refused(format!("the answer ({status}) has no access_token{said}")));
        };
        let token = SecretString::from(token.to_owned());
        if let Some(fault) = token_fault(&token) {
            return Err(self.refused(format!("the access_token it issued cannot be sent: {fault}")));
        }
        // RFC 6749 section 7.1: a client must not use a token whose type it does not understand. Its type is
        // compared without case (section 5.1); where it is missing, only bearer can be meant.
        let kind = json.get("token_type").and_then(Value::as_str).unwrap_or("bearer");
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(self.refused(format!("it issues tokens of type `{}`, not bearer", quote(kind))));
        }
        Ok(Issued { token, lifetime: json.get("expires_in").and_then(seconds) })
    }

    fn refused(&self, reason: String) -> Failure {
        Failure::TokenRefused { from: self.host(), reason }
    }

    fn unavailable(&self, reason: String, retry_after: Option<Duration>) -> Failure {
        Failure::TokenUnavailable { from: self.host(), reason, retry_after }
    }

    fn host(&self) -> String {
        format!("`{}`", self.token_url.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("ClientCredentials")
            // The checked form has no user or password in its URL; an unchecked one may.
            .field("token_url", &crate::settings::without_password(&self.token_url).as_str())
            .field("client_id", &self.client_id)
            .field("client_secret", &format_args!("[redacted]"))
            .field("secret_in", &self.secret_in)
            .field("scope", &self.scope)
            .field("audience", &self.audience)
            .field("parameters", &names)
            .finish()
    }
}

/// A token as it was issued.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) token: SecretString,
    /// How long it is good for; none where the server does not say.
    pub(super) lifetime: Option<Duration>,
}

/// RFC 6749 section 5.2: `invalid_client: unknown client`.
fn said(json: &Value) -> Option<String> {
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    match (text("error"), text("error_description").or_else(|| text("message"))) {
        (Some(code), Some(description)) => {
            Some(format!("{code}: {}", description.trim_end_matches(['.', ' '])))
        }
        (one, other) => one.or(other).map(str::to_owned),
    }
}

/// RFC 6749 section 5.1 has a number; some servers send it as text, or with a fraction. A text that is no
/// number says nothing.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // Beyond a year it is as good as for ever, and clocks do not overflow. Servers that send 0 do not mean that
    // the token they issue is of no use.
    let lifetime = Duration::try_from_secs_f64(seconds).ok().filter(|lifetime| !lifetime.is_zero())?;
    Some(lifetime.min(Duration::from_secs(365 * 86_400)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ResponseHeaders;
    use crate::quote::Secrets;
    use serde_json::json;

    fn grant() -> ClientCredentials {
        ClientCredentials::new("https://login.example/token?v=2".parse().unwrap(), "id:1", "s3cr3t +&é")
    }

    fn answer(status: u16, body: impl AsRef<[u8]>) -> HttpResponse {
        let mut secrets = Secrets::default();
        secrets.keep(&grant().client_secret);
        HttpResponse { status, body: body.as_ref().to_vec(), secrets, ..HttpResponse::default() }
    }

    fn judged(status: u16, body: Value) -> Result<Issued, Failure> {
        grant().judge(&answer(status, body.to_string()))
    }

    fn form(grant: &ClientCredentials) -> String {
        String::from_utf8(grant.request().body.unwrap()).unwrap()
    }

    #[test]
    fn id_and_secret_are_form_encoded_before_they_become_a_basic_header() {
        let header = grant().authorization().unwrap();
        // `id%3A1:s3cr3t+%2B%26%C3%A9`: the colon between them is the only one.
        let expected = basic::header("id%3A1", &SecretString::from("s3cr3t+%2B%26%C3%A9"));
        assert_eq!(header.expose_secret(), expected.expose_secret());
        assert_eq!(form(&grant()), "grant_type=client_credentials");
    }

    #[test]
    fn a_server_that_knows_no_header_gets_the_secret_in_the_form() {
        let grant = ClientCredentials {
            secret_in: SecretPlacement::Body,
            scope: Some("a b".to_owned()),
            audience: Some("https://acme.example/".to_owned()),
            parameters: vec![("resource".to_owned(), "x=y".to_owned())],
            ..grant()
        };
        assert!(grant.authorization().is_none());
        assert_eq!(
            form(&grant),
            "grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Facme.example%2F&resource=x%3Dy\
             &client_id=id%3A1&client_secret=s3cr3t+%2B%26%C3%A9"
        );
    }

    #[test]
    fn a_lifetime_is_read_as_number_or_text_and_may_be_unknown() {
        let lifetime = |expires: Value| {
            judged(200, json!({"access_token": "t", "token_type": "BEARER", "expires_in": expires}))
                .unwrap()
                .lifetime
        };
        assert_eq!(lifetime(json!(3600)), Some(Duration::from_secs(3600)));
        assert_eq!(lifetime(json!("3599")), Some(Duration::from_secs(3599)));
        assert_eq!(lifetime(json!(1e300)), None);
        for unknown in [json!(null), json!("soon"), json!(0), json!(-1), json!([])] {
            assert_eq!(lifetime(unknown.clone()), None, "{unknown}");
        }
        assert_eq!(judged(200, json!({"access_token": "t"})).unwrap().lifetime, None);
    }

    /// Point 22: class every failure: retry, authentication.
    #[test]
    fn what_a_token_endpoint_answers_instead_names_its_host_and_never_the_secret() {
        let redirect = HttpResponse {
            headers: ResponseHeaders { location: Some("https://sso.example/".into()), ..Default::default() },
            ..answer(302, "")
        };
        let later = HttpResponse {
            headers: ResponseHeaders { retry_after: Some("7".into()), ..Default::default() },
            ..answer(429, "")
        };
        let echo = "client s3cr3t +&é is unknown.";
        let cut = HttpResponse {
            end: BodyEnd::Lost(Failure::Interrupted { cause: "reset".into() }),
            ..answer(200, "{")
        };
        let answers = [
            answer(401, json!({"error": "invalid_client", "error_description": echo}).to_string()),
            answer(400, json!({"error": "invalid_scope"}).to_string()),
            answer(400, json!({"error": "temporarily_unavailable"}).to_string()),
            answer(403, "<html>denied</html>"),
            answer(500, "<html>s3cr3t +&é</html>"),
            later,
            redirect,
            cut,
            HttpResponse { end: BodyEnd::OverLimit { limit: 9 }, ..answer(200, "{") },
            answer(200, "<html>s3cr3t +&é</html>"),
            answer(200, json!({"error": "invalid_client"}).to_string()),
            answer(200, json!({"access_token": "t", "token_type": "mac"}).to_string()),
            answer(200, json!({"access_token": "t\n"}).to_string()),
        ];
        let screen: Vec<_> = answers
            .iter()
            .map(|answer| {
                let failure = grant().judge(answer).unwrap_err();
                format!("{failure}\n  → {:?}", failure.class())
            })
            .collect();
        let screen = screen.join("\n");
        assert!(!screen.contains("s3cr3t"), "{screen}");
        insta::assert_snapshot!(screen);
    }

    #[test]
    fn no_answer_is_the_token_endpoints_fault_and_not_the_providers() {
        let late = Failure::TimedOut { limit: Duration::from_secs(60), connecting: false };
        assert_eq!(
            grant().unanswered(late).to_string(),
            "no token can be had from `login.example` now: there was no answer within 60s"
        );
    }
}
