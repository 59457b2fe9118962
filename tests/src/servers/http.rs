//! Plain HTTP, so that the tests can look at a server, or meddle with it, without the client under test.

use anyhow::{Context, ensure};
use serde_json::Value;

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    fn read(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Self> {
        let text_of =
            |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Self {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), text_of(value)))
                .collect(),
            text: response.body_mut().read_to_string()?,
        })
    }

    /// A header's value; names compare without case (RFC 9110 section 5.1).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(held, _): &&(String, String)| held.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is something else, or empty.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The body as JSON, of a success.
    ///
    /// # Errors
    /// When the status is not 2xx, or the body is not JSON.
    pub fn expect_json(&self) -> anyhow::Result<Value> {
        ensure!((200..300).contains(&self.status), "answered {}: {}", self.status, self.text);
        serde_json::from_str(&self.text).with_context(|| format!("not JSON: {}", self.text))
    }
}

/// Somebody who talks to one server, with its credentials.
#[derive(Debug, Clone)]
pub struct Http {
    agent: ureq::Agent,
    base_url: String,
    authorization: Option<String>,
}

impl Http {
    /// Talks to what is below `base_url`, with this value of the Authorization header.
    #[must_use]
    pub fn new(base_url: &str, authorization: Option<String>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A test that never ends tells nobody anything.
            .timeout_global(Some(std::time::Duration::from_secs(60)))
            // A connection that the server ends while the next request is on its way would fail a test once in
            // a while.
            .max_idle_connections(0)
            // RFC 7644 section 3.12 has 307 and 308; a test wants to see them, not follow them.
            .max_redirects(0)
            .build()
            .new_agent();
        Self { agent, base_url: base_url.to_owned(), authorization }
    }

    /// Sends a request and takes whatever comes back. A body is sent as `application/scim+json`.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        self.call_with(method, path, body, &[])
    }

    /// The same with headers; a `Content-Type` among them takes the place of the usual one.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.base_url);
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        if body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header("Content-Type", "application/scim+json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match body {
            Some(body) => self.agent.run(request.body(body.to_string())?),
            None => self.agent.run(request.body(())?),
        };
        answer.map_err(anyhow::Error::from).and_then(Answer::read).with_context(|| format!("{method} {url}"))
    }

    /// POSTs a form (`application/x-www-form-urlencoded`) to the base URL itself.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn form(&self, encoded: &str) -> anyhow::Result<Answer> {
        let mut request = ureq::http::Request::post(&self.base_url)
            .header("Content-Type", "application/x-www-form-urlencoded");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let answer = self.agent.run(request.body(encoded.to_owned())?);
        answer
            .map_err(anyhow::Error::from)
            .and_then(Answer::read)
            .with_context(|| format!("POST {}", self.base_url))
    }

    /// Reads a JSON document.
    ///
    /// # Errors
    /// When it is not answered with a success, or not with JSON.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.call("GET", path, None)?;
        answer.expect_json().with_context(|| format!("GET {}{path}", self.base_url))
    }
}

/// Reads a JSON document over HTTP.
///
/// # Errors
/// When there is no answer, its status is not a success, or it is not JSON.
pub fn get(url: &str, token: Option<&str>) -> anyhow::Result<Value> {
    Http::new(url, token.map(|token| format!("Bearer {token}"))).get("")
}

/// Sends a PATCH, as somebody else would who works at the same provider.
///
/// # Errors
/// When it is not answered with a success.
pub fn patch(url: &str, token: Option<&str>, body: &Value) -> anyhow::Result<()> {
    let http = Http::new(url, token.map(|token| format!("Bearer {token}")));
    let answer = http.call("PATCH", "", Some(body))?;
    ensure!((200..300).contains(&answer.status), "PATCH {url} answered {}: {}", answer.status, answer.text);
    Ok(())
}
