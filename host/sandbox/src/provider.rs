//! The service provider itself: one function from a request value to a response value.
//!
//! There is no socket and no clock in here, so that every rule of the protocol is tested with plain values.
//! What a request means is decided here: who may ask, which endpoint and method, whether the body can be
//! read. `reading`, `writing` and `bulk` carry it out, and `plays` has a say at each step where another
//! provider is played.

use crate::capabilities::{BulkLimits, Capabilities, PagingMethods};
use crate::catalogue::Catalogue;
use crate::condition::Tags;
use crate::cursor::Cursors;
use crate::discovery;
use crate::error::SandboxError;
use crate::fault;
use crate::kind::Kind;
use crate::message::{Body, Method, Request, Response};
use crate::options::SandboxOptions;
use crate::plays::{Play, Rule};
use crate::query::{PageBounds, Paging};
use crate::route::{Endpoint, STATS_PATH};
use crate::stats::{Counters, Stats};
use crate::store::Store;
use jiff::Timestamp;
use scimwright_scim::ScimError;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use url::Url;

/// A SCIM service provider that remembers everything in memory, and answers one request value at a time.
///
/// ```
/// use scimwright_sandbox::{Method, Provider, Request, SandboxOptions};
/// use serde_json::json;
///
/// let base_url = "https://example.com/v2".parse()?;
/// let provider = Provider::new(&SandboxOptions::default(), base_url)?;
/// let request = Request::new(Method::Post, "/v2/Users").with_json(&json!({
///     "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
///     "userName": "bjensen",
/// }));
/// let now = "2026-01-01T00:00:00Z".parse()?;
/// assert_eq!(provider.handle(&request, now).status, 201);
/// assert_eq!(provider.handle(&request, now).status, 409, "the userName is taken");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Provider {
    pub(crate) catalogue: Catalogue,
    pub(crate) base_url: Url,
    pub(crate) paging: Paging,
    pub(crate) declared_paging: PagingMethods,
    /// What works.
    pub(crate) capabilities: Capabilities,
    /// What is said to work.
    pub(crate) declared: Capabilities,
    pub(crate) bulk: BulkLimits,
    pub(crate) tags: Tags,
    pub(crate) strict: bool,
    pub(crate) play: Option<Play>,
    bearer_token: Option<SecretString>,
    max_body_bytes: usize,
    store: RwLock<Store>,
    counters: Mutex<Counters>,
}

impl Provider {
    /// A provider without resources. `base_url` is where clients reach it, with the path `/v2`; every
    /// `meta.location` begins with it.
    ///
    /// # Errors
    /// [`SandboxError::EmptyPages`] when a page could hold nothing.
    pub fn new(options: &SandboxOptions, base_url: Url) -> Result<Self, SandboxError> {
        let play = options.plays.clone().map(Play::new);
        let (mut capabilities, mut methods) = (options.capabilities, options.paging);
        let mut bounds = PageBounds::new(options.default_page, options.max_page)?;
        if let Some(play) = &play {
            capabilities = play.capabilities(capabilities);
            methods = play.paging(methods);
            bounds = play.bounds(bounds);
        }
        let declared = options.declares.unwrap_or(capabilities);
        let largest = NonZeroUsize::new(options.max_body_bytes).unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            catalogue: Catalogue::new(),
            base_url,
            paging: Paging { bounds, methods, cursors: Cursors::default() },
            declared_paging: options.paging,
            capabilities,
            declared,
            bulk: BulkLimits {
                max_payload_bytes: options.bulk.max_payload_bytes.min(largest),
                ..options.bulk
            },
            tags: Tags::new(capabilities.etag, declared.etag),
            strict: options.strict,
            play,
            bearer_token: options.bearer_token.clone(),
            max_body_bytes: options.max_body_bytes,
            store: RwLock::default(),
            counters: Mutex::default(),
        })
    }

    /// Answers a request. `now` becomes `meta.created` and `meta.lastModified` of what it changes.
    #[must_use]
    pub fn handle(&self, request: &Request, now: Timestamp) -> Response {
        if request.path == STATS_PATH {
            return self.stats_response(request.method);
        }
        let mut endpoint = Endpoint::of(&request.path);
        if let Some(play) = &self.play {
            endpoint = play.moved(endpoint, &request.path);
        }
        self.tags.turn();
        let answer = self.admit(&endpoint, request, now);
        let mut response = answer.unwrap_or_else(|error| Response::error(&error));
        if let Some(play) = &self.play {
            response.media_type = play.media_type();
        }
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.count(request.method, endpoint.label(), response.status);
        response
    }

    /// What was asked so far, and how many resources there are.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let resources: BTreeMap<_, _> = {
            let store = self.read();
            Kind::ALL.map(|kind| (kind.name().to_owned(), store.len(kind) as u64)).into()
        };
        let stats = self.counters.lock().unwrap_or_else(PoisonError::into_inner).snapshot(resources);
        let broken_rules = self.play.as_ref().map(Play::broken_rules).unwrap_or_default();
        Stats { broken_rules, ..stats }
    }

    /// Whether clients have to show a token.
    pub(crate) fn is_guarded(&self) -> bool {
        self.bearer_token.is_some()
    }

    /// The store, for looking. A writer that panicked is no reason to stop: every change to the store is
    /// checked before it begins.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store, for changing.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, endpoint: &Endpoint, request: &Request, now: Timestamp) -> Result<Response, ScimError> {
        if !self.admits(request.authorization.as_deref()) {
            // RFC 6750 section 3: a refusal names the scheme that would be accepted.
            let refusal = ScimError::new(401, "the request carries no bearer token that is known here");
            return Ok(Response::error(&refusal).with_header("WWW-Authenticate", "Bearer realm=\"scim\""));
        }
        match self.play.as_ref().and_then(|play| play.throttle(endpoint, request.method, now)) {
            Some(wait) => Ok(wait),
            None => self.answer(endpoint, request, now),
        }
    }

    /// Answers somebody who may ask.
    pub(crate) fn answer(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        if *endpoint == Endpoint::Unknown {
            return Err(ScimError::new(404, format!("there is no endpoint at {}", request.path)));
        }
        let methods = endpoint.methods();
        if !methods.contains(&request.method) {
            let allowed: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
            let refusal = ScimError::new(405, format!("{} takes {}", endpoint.label(), allowed.join(", ")));
            return Ok(Response::error(&refusal).with_header("Allow", allowed.join(", ")));
        }
        if let Some(refusal) = self.left_out(endpoint, request.method) {
            return Ok(refusal);
        }
        match (endpoint, request.method) {
            // RFC 7644 section 3.11: a provider that does not support the alias answers 501.
            (Endpoint::Me, _) => {
                Err(ScimError::new(501, "/Me is not supported: the sandbox has no signed-in user"))
            }
            (Endpoint::Bulk, _) => self.carry_out_bulk(request, now),
            (Endpoint::ServiceProviderConfig, _) => discovery::service_provider_config(self, request),
            (Endpoint::ResourceTypes, _) => discovery::resource_types(self, request),
            (Endpoint::ResourceType(id), _) => discovery::resource_type(self, id),
            (Endpoint::Schemas, _) => discovery::schemas(self, request),
            (Endpoint::Schema(id), _) => discovery::schema(self, id),
            (Endpoint::Root, _) => self.list(&Kind::ALL, request, now),
            (Endpoint::RootSearch, _) => self.search(&Kind::ALL, request, now),
            (Endpoint::Search(kind), _) => self.search(&[*kind], request, now),
            (Endpoint::Collection(kind), Method::Post) => self.create(*kind, request, now),
            (Endpoint::Collection(kind), _) => self.list(&[*kind], request, now),
            (Endpoint::Resource(kind, id), Method::Put) => self.replace(*kind, id, request, now),
            (Endpoint::Resource(kind, id), Method::Patch) => self.modify(*kind, id, request, now),
            (Endpoint::Resource(kind, id), Method::Delete) => self.delete(*kind, id, request, now),
            (Endpoint::Resource(kind, id), _) => self.retrieve(*kind, id, request),
            (Endpoint::Unknown, _) => Err(ScimError::new(404, "there is no such endpoint")),
        }
    }

    /// What this provider answers where it leaves a part of SCIM out (RFC 7644 section 3.12: 501).
    fn left_out(&self, endpoint: &Endpoint, method: Method) -> Option<Response> {
        match (endpoint, method) {
            (Endpoint::Bulk, _) if !self.capabilities.bulk => {
                Some(Response::error(&fault::not_implemented("bulk operations are not supported")))
            }
            (Endpoint::Resource(..), Method::Patch) if !self.capabilities.patch => Some(match &self.play {
                Some(play) => play.has_no(Method::Patch, Rule::Patch),
                None => Response::error(&fault::not_implemented("PATCH is not supported")),
            }),
            (Endpoint::Resource(kind, _), _) => self.play.as_ref()?.has_no_update(*kind, method),
            _ => None,
        }
    }

    fn admits(&self, authorization: Option<&str>) -> bool {
        let Some(expected) = &self.bearer_token else { return true };
        // RFC 9110 section 11.1: the scheme compares without case.
        let shown = authorization
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, token)| token.trim());
        shown.is_some_and(|token| same_secret(token, expected.expose_secret()))
    }

    /// The body of a request as a JSON object.
    pub(crate) fn body(&self, request: &Request) -> Result<Map<String, Value>, ScimError> {
        if let Some(media_type) = request.content_type.as_deref().or(self.strict.then_some("nothing"))
            && !is_json(media_type)
        {
            let detail = format!("a body has to be application/scim+json; the request says {media_type}");
            return Err(ScimError::new(415, detail));
        }
        if let Some(play) = &self.play {
            play.takes(request.content_type.as_deref())?;
        }
        let bytes = match &request.body {
            Body::Complete(bytes) if bytes.len() <= self.max_body_bytes => bytes,
            _ => {
                return Err(fault::too_large(format!(
                    "the body has more than {} bytes",
                    self.max_body_bytes
                )));
            }
        };
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(fault::invalid_syntax("the body has to be a JSON object")),
            Err(error) => Err(fault::invalid_syntax(format!("the body is not JSON: {error}"))),
        }
    }

    fn stats_response(&self, method: Method) -> Response {
        if method != Method::Get {
            let refusal = ScimError::new(405, format!("{STATS_PATH} takes GET"));
            return Response::error(&refusal).with_header("Allow", "GET");
        }
        let stats = serde_json::to_value(self.stats()).unwrap_or_default();
        Response { media_type: "application/json", ..Response::json(200, &stats) }
    }
}

/// Compares in a time that does not tell how much of a guess was right.
fn same_secret(guess: &str, secret: &str) -> bool {
    let differences = guess.bytes().zip(secret.bytes()).fold(0, |differences, (a, b)| differences | (a ^ b));
    guess.len() == secret.len() && differences == 0
}

/// RFC 7644 section 3.1: `application/scim+json`; many clients say `application/json`.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
