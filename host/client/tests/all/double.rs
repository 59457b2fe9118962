//! A real provider (the sandbox) behind a door where a test can meddle: answer in its place, lose its answer,
//! or change what it says. Everything that came in is written down.

use scimwright_sandbox::{Body, Method, Plays, Provider as Sandboxed, Request, SandboxOptions};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::{Mock, MockServer, Respond, ResponseTemplate, matchers};

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) if_match: Option<String>,
    pub(crate) body: Value,
}

/// What happens to a request.
pub(crate) enum Meddling {
    /// It is answered as the provider answers it.
    Pass,
    /// It never reaches the provider.
    Answer(ResponseTemplate),
    /// The provider carries it out, and its answer comes too late.
    LoseAnswer,
    /// The provider carries it out, and something else is answered.
    Instead(ResponseTemplate),
}

/// The provider behind the door.
pub(crate) struct Double {
    server: MockServer,
    shared: Arc<Shared>,
}

struct Shared {
    provider: Sandboxed,
    lines: Mutex<Vec<Line>>,
    meddle: Box<Meddle>,
}

type Meddle = dyn Fn(&Line, usize) -> Meddling + Send + Sync;

/// Longer than the time-out of any client in these tests.
const TOO_LATE: Duration = Duration::from_secs(5);

impl Double {
    /// A provider that nobody meddles with.
    pub(crate) async fn plain(options: SandboxOptions) -> Self {
        Self::start(options, |_, _| Meddling::Pass).await
    }

    /// One that plays a role.
    pub(crate) async fn playing(plays: Plays) -> Self {
        Self::plain(SandboxOptions { plays: Some(plays), ..SandboxOptions::default() }).await
    }

    /// `meddle` is given each request, and how many of the same method came before it.
    pub(crate) async fn start(
        options: SandboxOptions,
        meddle: impl Fn(&Line, usize) -> Meddling + Send + Sync + 'static,
    ) -> Self {
        let server = MockServer::start().await;
        let base = format!("{}/v2", server.uri()).parse().unwrap();
        let provider = Sandboxed::new(&options, base).unwrap();
        let shared = Arc::new(Shared { provider, lines: Mutex::default(), meddle: Box::new(meddle) });
        Mock::given(matchers::any()).respond_with(Answering(Arc::clone(&shared))).mount(&server).await;
        Self { server, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/v2", self.server.uri())
    }

    /// Everything that came in, metadata left out.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let lines = self.shared.lines.lock().unwrap();
        let is_metadata = |line: &Line| {
            ["/v2/ServiceProviderConfig", "/v2/ResourceTypes", "/v2/Schemas"]
                .iter()
                .any(|path| line.path.starts_with(path))
        };
        lines.iter().filter(|line| !is_metadata(line)).cloned().collect()
    }

    /// The metadata documents that were asked for, sorted.
    pub(crate) fn metadata(&self) -> Vec<String> {
        let all = self.shared.lines.lock().unwrap();
        let mut paths: Vec<String> = all
            .iter()
            .map(|line| line.path.clone())
            .filter(|path| !path.starts_with("/v2/Users") && !path.starts_with("/v2/Groups"))
            .collect();
        paths.sort();
        paths
    }

    /// Which of these are in a group, by what the provider shows of each: also where it does not show members.
    pub(crate) fn members(&self, group: &str, ids: &[String]) -> BTreeSet<String> {
        let is_member = |id: &str| {
            let user = self.resource(&format!("/v2/Users/{id}"));
            user["groups"].as_array().is_some_and(|groups| groups.iter().any(|found| found["value"] == group))
        };
        ids.iter().filter(|id| is_member(id)).cloned().collect()
    }

    /// The same, as `METHOD /path`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.lines().iter().map(|line| format!("{} {}", line.method, line.path)).collect()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.lines().iter().filter(|line| line.method == method).count()
    }

    pub(crate) fn writes(&self) -> usize {
        self.lines().iter().filter(|line| line.method != "GET" && !line.path.ends_with("/.search")).count()
    }

    /// What the played provider expected of its client and did not get.
    pub(crate) fn broken_rules(&self) -> Vec<String> {
        let stats = self.shared.provider.stats();
        stats.broken_rules.iter().map(|(rule, times)| format!("{rule:?}: {times}")).collect()
    }

    pub(crate) fn forget_lines(&self) {
        self.shared.lines.lock().unwrap().clear();
    }

    /// What somebody else does at the provider, unseen by us.
    pub(crate) fn elsewhere(&self, method: Method, path: &str, body: &Value) -> Value {
        let request = Request::new(method, path).with_json(body);
        let response = self.shared.provider.handle(&request, jiff::Timestamp::now());
        assert!(
            response.status < 300,
            "{} {path}: {} {}",
            method.as_str(),
            response.status,
            response.value()
        );
        response.value()
    }

    /// A resource as the provider has it.
    pub(crate) fn resource(&self, path: &str) -> Value {
        self.shared.provider.handle(&Request::new(Method::Get, path), jiff::Timestamp::now()).value()
    }

    /// The resources at an endpoint as the provider has them.
    pub(crate) fn all(&self, endpoint: &str) -> Vec<Value> {
        let page = self.resource(&format!("/v2{endpoint}?count=1000"));
        page["Resources"].as_array().cloned().unwrap_or_default()
    }
}

struct Answering(Arc<Shared>);

impl Respond for Answering {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let header =
            |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let line = Line {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            if_match: header("if-match"),
            body: serde_json::from_slice(&request.body).unwrap_or(Value::Null),
        };
        let before = {
            let mut lines = self.0.lines.lock().unwrap();
            let before = lines.iter().filter(|earlier| earlier.method == line.method).count();
            lines.push(line.clone());
            before
        };
        let carry_out = || {
            let request = Request {
                authorization: header("authorization"),
                content_type: header("content-type"),
                if_match: header("if-match"),
                if_none_match: header("if-none-match"),
                query: line.query.clone(),
                body: Body::Complete(request.body.clone()),
                ..Request::new(Method::named(&line.method), &line.path)
            };
            self.0.provider.handle(&request, jiff::Timestamp::now())
        };
        match (self.0.meddle)(&line, before) {
            Meddling::Answer(answer) => answer,
            Meddling::Instead(answer) => {
                carry_out();
                answer
            }
            meddling => {
                let response = carry_out();
                let mut answer = ResponseTemplate::new(response.status);
                for (name, value) in &response.headers {
                    answer = answer.insert_header(*name, value.as_str());
                }
                if let Some(body) = response.body.clone() {
                    answer = answer.set_body_raw(body, response.media_type);
                }
                match meddling {
                    Meddling::LoseAnswer => answer.set_delay(TOO_LATE),
                    _ => answer,
                }
            }
        }
    }
}
