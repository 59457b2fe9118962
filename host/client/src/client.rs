//! One service provider: the calls, each a request built, sent, judged and reported.
//!
//! A call goes round one loop. `request` builds it, `auth` signs it, `pace` lets it through, `transport` sends
//! it, `judge` says what the answer means, `retry` whether to go round again. What happens is decided in those files; here they are put together.

use crate::address::{BaseUrl, decoded_last_segment};
use crate::auth::Authoriser;
use crate::bulk::{self, BulkOutcome, Course, Done, Step};
use crate::call::{Action, CallReport, Exchange, Subject};
use crate::capability::CapabilityOverrides;
use crate::discovery::{self, Answer, Discovery, Document};
use crate::failure::{ClientError, Failure};
use crate::judge::{self, Created, Deleted, Modified, Retrieved};
use crate::message::{HttpRequest, HttpResponse};
use crate::observer::CallObserver;
use crate::pace::{Pacer, Paused};
use crate::paging::{Next, Pager};
use crate::query::{Query, Selection};
use crate::request::{Condition, MAX_QUERY_URL_BYTES, Requests};
use crate::retry::{RetryPolicy, Trials};
use crate::settings::{ProviderSettings, SettingsError};
use crate::transport::Transport;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use scimwright_profile::{EmptyResult, ProviderQuirks, QueryBy};
use scimwright_scim::{Bulk, BulkMethod, BulkOperation, ListResponse, PatchRequest, Resource, ResourceType};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A client of one service provider. Cloning is cheap, and clones share their connections, their token and
/// their pace.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    observer: Option<Arc<dyn CallObserver>>,
}

struct Shared {
    name: Arc<str>,
    base: BaseUrl,
    retry: RetryPolicy,
    overrides: CapabilityOverrides,
    auth: Authoriser,
    pacer: Pacer,
    quirks: ProviderQuirks,
    /// The provider has shown that it has no `/.search`; forgotten with the next discovery.
    search_refused: AtomicBool,
    transport: Transport,
}

impl Client {
    /// A client for these settings. It connects when the first call is made.
    ///
    /// # Errors
    /// The rule that the settings break, or why https cannot be set up on this machine.
    pub fn new(settings: ProviderSettings) -> Result<Self, SettingsError> {
        settings.check()?;
        let base = BaseUrl::new(settings.base_url.clone());
        let secrets = settings.secrets();
        let fail = |rule| SettingsError { provider: settings.name.clone(), rule };
        let auth = Authoriser::new(&settings, &secrets).map_err(fail)?;
        let transport = Transport::to_provider(&settings, secrets).map_err(fail)?;
        let shared = Shared {
            pacer: Pacer::new(&settings.pace.or(&settings.quirks)),
            name: settings.name.into(),
            base,
            retry: settings.retry,
            overrides: settings.overrides,
            auth,
            quirks: settings.quirks,
            search_refused: AtomicBool::new(false),
            transport,
        };
        Ok(Self { shared: Arc::new(shared), observer: None })
    }

    /// The same client, whose calls are shown to this observer and to no other. Both share connections, token
    /// and pace.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn CallObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// The provider's name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    fn requests(&self) -> Requests<'_> {
        Requests { base: &self.shared.base, content_type: self.shared.quirks.content_type }
    }

    /// How the provider departs from the RFCs.
    #[must_use]
    pub fn quirks(&self) -> &ProviderQuirks {
        &self.shared.quirks
    }

    /// A call that fails before anything is sent.
    pub(crate) fn unsent(&self, subject: Subject, kind: Failure) -> ClientError {
        ClientError { call: Box::new(CallReport::new(self.shared.name.clone(), subject)), kind }
    }

    /// Reads what the provider says about itself: `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas`
    /// (RFC 7644 section 4). What it does not say is filled in, and the discovery tells which is which.
    ///
    /// # Errors
    /// Any failure but that a document is not there. Credentials that are refused are an error unless other
    /// documents show that they are good.
    pub async fn discover(&self) -> Result<Discovery, ClientError> {
        let (config, resource_types, schemas) = futures::join!(
            self.service_provider_config(),
            self.metadata_list(Document::ResourceTypes),
            self.metadata_list(Document::Schemas),
        );
        self.shared.search_refused.store(false, Ordering::Relaxed);
        let Shared { quirks, overrides, .. } = &*self.shared;
        Discovery::assemble(config, resource_types, schemas, quirks, overrides)
    }

    /// Where the profile says, where the RFC says, and in the plural, as a draft of the RFC and Salesforce
    /// have it. Of several refusals, that of the first address counts.
    async fn service_provider_config(&self) -> Answer {
        let document = Document::ServiceProviderConfig;
        let mut others = Vec::new();
        let mut refusal: Option<ClientError> = None;
        let mut tried: Vec<&str> = Vec::new();
        let profile = self.shared.quirks.service_provider_config.as_str();
        for endpoint in [profile, document.endpoint(), "/ServiceProviderConfigs"] {
            if tried.contains(&endpoint) {
                continue;
            }
            tried.push(endpoint);
            match self.metadata(document, endpoint, None).await {
                Err(error) if matches!(error.kind, Failure::NotFound(_) | Failure::Unsupported(_)) => {
                    match &refusal {
                        Some(_) => others.push(*error.call),
                        None => refusal = Some(error),
                    }
                }
                Err(error) => match refusal {
                    Some(first) => {
                        others.push(*error.call);
                        return Answer { outcome: Err(first), others };
                    }
                    None => return Answer { outcome: Err(error), others },
                },
                Ok(found) => {
                    others.extend(refusal.map(|error| *error.call));
                    return Answer { outcome: Ok(found), others };
                }
            }
        }
        let outcome = match refusal {
            Some(error) => Err(error),
            // Not reached, as at least one address is tried; asking the RFC's is right in any case.
            None => self.metadata(document, document.endpoint(), None).await,
        };
        Answer { outcome, others }
    }

    /// A document with a list in it, read to its end where the provider pages it.
    async fn metadata_list(&self, document: Document) -> Answer {
        /// More than any provider has of either; each page brings at least one entry.
        const MOST_PAGES: usize = 100;
        let mut others = Vec::new();
        let mut found = match self.metadata(document, document.endpoint(), None).await {
            Ok(found) => found,
            Err(error) => return Answer { outcome: Err(error), others },
        };
        while others.len() < MOST_PAGES
            && let Some(start_index) = discovery::goes_on_at(&found.value)
        {
            // What cannot be had is noted with the document.
            match self.metadata(document, document.endpoint(), Some(start_index)).await {
                Ok(page) => {
                    others.push(page.call);
                    if !discovery::append(&mut found.value, page.value) {
                        break;
                    }
                }
                Err(error) => {
                    others.push(*error.call);
                    break;
                }
            }
        }
        Answer { outcome: Ok(found), others }
    }

    async fn metadata(
        &self,
        document: Document,
        endpoint: &str,
        start_index: Option<u64>,
    ) -> Result<Exchange<Value>, ClientError> {
        let subject = Subject::new(Action::Discover, document.name(), None);
        let request = self.requests().metadata(endpoint, start_index);
        self.call(subject, Ok(request), judge::document).await
    }

    /// Creates a resource (RFC 7644 section 3.3).
    ///
    /// # Errors
    /// Where [`ClientError::may_have_been_executed`] is true, the resource may exist: look it up before
    /// creating it again.
    pub async fn create(
        &self,
        kind: &ResourceType,
        resource: &Resource,
    ) -> Result<Exchange<Created>, ClientError> {
        let subject = Subject::new(Action::Create, &kind.name, None);
        let request = self.requests().create(kind, resource);
        let judge = |response: &HttpResponse| judge::created(response, &self.shared.base, &kind.endpoint);
        let mut made = self.call(subject, request, judge).await?;
        made.call.subject.resource_id = Some(made.value.id.clone());
        Ok(made)
    }

    /// Retrieves a resource by the provider's id (RFC 7644 section 3.4.1). Its version is in `meta.version`,
    /// also where the provider sent it as an ETag only.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none, and all others.
    pub async fn retrieve(&self, kind: &ResourceType, id: &str) -> Result<Exchange<Resource>, ClientError> {
        self.retrieve_selected(kind, id, &Selection::default()).await
    }

    /// [`retrieve`](Self::retrieve) with the attributes that are wanted (RFC 7644 section 3.9): a group
    /// without its members, say.
    ///
    /// # Errors
    /// As those of [`retrieve`](Self::retrieve).
    pub async fn retrieve_selected(
        &self,
        kind: &ResourceType,
        id: &str,
        selection: &Selection,
    ) -> Result<Exchange<Resource>, ClientError> {
        let subject = Subject::new(Action::Retrieve, &kind.name, Some(id));
        let request = self.requests().retrieve(kind, id, selection, Condition::Always);
        self.call(subject, request, judge::retrieved).await
    }

    /// Retrieves a resource unless it still has this version (RFC 7644 section 3.14).
    ///
    /// A provider may ignore the condition, so that [`Retrieved::Changed`] may hold the version asked about.
    ///
    /// # Errors
    /// As those of [`retrieve`](Self::retrieve).
    pub async fn retrieve_if_changed(
        &self,
        kind: &ResourceType,
        id: &str,
        version: &str,
    ) -> Result<Exchange<Retrieved>, ClientError> {
        let subject = Subject::new(Action::Retrieve, &kind.name, Some(id));
        let condition = Condition::Changed(version);
        let request = self.requests().retrieve(kind, id, &Selection::default(), condition);
        self.call(subject, request, judge::retrieved_if_changed).await
    }

    /// Queries resources and returns one page of them (RFC 7644 section 3.4.2).
    ///
    /// A provider may ignore the filter, and a page that is short is not for that reason the last:
    /// [`query_all`](Self::query_all) reads all of them.
    ///
    /// It is sent by POST to `/.search` (RFC 7644 section 3.4.3) where the profile says so, and where its
    /// address would be longer than 8,000 bytes. A provider that has no `/.search` is asked by GET all the
    /// same, and after that until the next discovery.
    ///
    /// # Errors
    /// Any failure; [`Failure::Unsupported`] where the provider has no filters.
    pub async fn query(
        &self,
        kind: &ResourceType,
        query: &Query,
    ) -> Result<Exchange<ListResponse>, ClientError> {
        let Shared { quirks, search_refused, .. } = &*self.shared;
        let subject = Subject::new(Action::Query, &kind.name, None);
        let judge = match quirks.empty_result {
            EmptyResult::NotFound if query.filter.is_some() => judge::listed_or_not_found,
            EmptyResult::NotFound | EmptyResult::EmptyList => judge::listed,
        };
        let by_get = self.requests().query(kind, query);
        let is_long = by_get.url.as_str().len() > MAX_QUERY_URL_BYTES;
        let searches =
            (quirks.query_by == QueryBy::Search || is_long) && !search_refused.load(Ordering::Relaxed);
        if !searches {
            return self.call(subject, Ok(by_get), judge).await;
        }
        let by_search = self.requests().search(kind, query);
        // Here a 404 is no empty list: it may be that there is no such address.
        let refused = match self.call(subject.clone(), by_search, judge::listed).await {
            Err(error) if matches!(error.kind, Failure::NotFound(_) | Failure::Unsupported(_)) => error,
            answer => return answer,
        };
        let answer = self.call(subject, Ok(by_get), judge).await;
        if answer.as_ref().is_ok_and(|answer| answer.call.status == Some(200)) {
            search_refused.store(true, Ordering::Relaxed);
            tracing::warn!(provider = self.name(), failure = %refused.kind, "no /.search: queries are sent by GET");
        }
        answer
    }

    /// Queries resources and streams all of them, each once, in memory for one page.
    ///
    /// The stream always ends. If it ends without an `Err`, it was complete; after an `Err` it is over and
    /// something is missing, so that nothing may be concluded from a resource's absence.
    pub fn query_all(
        &self,
        kind: &ResourceType,
        query: Query,
    ) -> BoxStream<'static, Result<Resource, ClientError>> {
        self.query_pages(kind, query)
            .map_ok(|page| stream::iter(page.value.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    /// [`query_all`](Self::query_all) page by page, with the report of each call. A page has only what no page
    /// before it had.
    pub fn query_pages(
        &self,
        kind: &ResourceType,
        query: Query,
    ) -> BoxStream<'static, Result<Exchange<Vec<Resource>>, ClientError>> {
        /// What the stream yields next.
        enum Step {
            Ask(Box<Pager>),
            Fail(ClientError),
            End,
        }
        let ProviderQuirks { paging, page_size, .. } = self.shared.quirks;
        let (client, kind) = (self.clone(), kind.clone());
        let first = Step::Ask(Box::new(Pager::new(query, paging, page_size)));
        stream::unfold(first, move |step| {
            let (client, kind) = (client.clone(), kind.clone());
            async move {
                let mut pager = match step {
                    Step::Ask(pager) => pager,
                    Step::Fail(error) => return Some((Err(error), Step::End)),
                    Step::End => return None,
                };
                let page = loop {
                    let ClientError { call, kind } = match client.query(&kind, &pager.query()).await {
                        Ok(page) => break page,
                        Err(error) => error,
                    };
                    match pager.refused(kind) {
                        Next::Page => {}
                        Next::Complete => return None,
                        Next::Broken(kind) => return Some((Err(ClientError { call, kind }), Step::End)),
                    }
                };
                let (fresh, next) = pager.take(page.value);
                let step = match next {
                    Next::Page => Step::Ask(pager),
                    Next::Complete => Step::End,
                    Next::Broken(kind) => Step::Fail(ClientError { call: Box::new(page.call.clone()), kind }),
                };
                Some((Ok(Exchange { value: fresh, call: page.call }), step))
            }
        })
        .boxed()
    }

    /// Modifies a resource (RFC 7644 section 3.5.2). `if_match` is the version it must still have.
    ///
    /// # Errors
    /// [`Failure::Unsupported`] where the provider has no PATCH, [`Failure::PreconditionFailed`] where the
    /// version is another, and all others.
    pub async fn modify(
        &self,
        kind: &ResourceType,
        id: &str,
        patch: &PatchRequest,
        if_match: Option<&str>,
    ) -> Result<Exchange<Modified>, ClientError> {
        self.modify_with(kind, id, &patch.to_value(), if_match).await
    }

    /// The same with a body in the provider's own dialect.
    pub(crate) async fn modify_with(
        &self,
        kind: &ResourceType,
        id: &str,
        body: &Value,
        if_match: Option<&str>,
    ) -> Result<Exchange<Modified>, ClientError> {
        let subject = Subject::new(Action::Modify, &kind.name, Some(id));
        let request = self.requests().modify(kind, id, body, Condition::matches(if_match));
        self.call(subject, request, judge::modified).await
    }

    /// Replaces a resource (RFC 7644 section 3.5.1). `if_match` is the version it must still have.
    ///
    /// What the body leaves out, the provider may clear: read the resource and merge into it.
    ///
    /// # Errors
    /// [`Failure::PreconditionFailed`] where the version is another, and all others.
    pub async fn replace(
        &self,
        kind: &ResourceType,
        id: &str,
        resource: &Resource,
        if_match: Option<&str>,
    ) -> Result<Exchange<Modified>, ClientError> {
        let subject = Subject::new(Action::Replace, &kind.name, Some(id));
        let request = self.requests().replace(kind, id, resource, Condition::matches(if_match));
        self.call(subject, request, judge::modified).await
    }

    /// Deletes a resource (RFC 7644 section 3.6). That it was gone already is no error.
    ///
    /// # Errors
    /// Any failure but [`Failure::NotFound`].
    pub async fn delete(
        &self,
        kind: &ResourceType,
        id: &str,
        if_match: Option<&str>,
    ) -> Result<Exchange<Deleted>, ClientError> {
        let subject = Subject::new(Action::Delete, &kind.name, Some(id));
        let request = self.requests().delete(kind, id, Condition::matches(if_match));
        self.call(subject, request, judge::deleted).await
    }

    /// Carries many operations out in as few requests as the limits allow (RFC 7644 section 3.7), and returns
    /// a result for each, in the order given.
    ///
    /// `limits` are the provider's, as discovered; a bound that is 0 or absent is taken as not known. They are
    /// sent in an order in which each comes after those that it refers to by `bulkId:`, and
    /// [`bulk_path`](Self::bulk_path) says where. Where the provider turns out to have no bulk requests, they
    /// are sent one by one, which [`BulkOutcome::fell_back`] tells; where `limits` says that it has none, they
    /// are from the start. After `fail_on_errors` failures, no more are attempted.
    ///
    /// ```no_run
    /// # use scimwright_client::Client;
    /// # use scimwright_scim::{Bulk, BulkMethod, BulkOperation, ResourceType};
    /// # async fn example(client: Client, users: ResourceType, groups: ResourceType, limits: Bulk)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use serde_json::json;
    ///
    /// let jdoe = BulkOperation {
    ///     bulk_id: Some("jdoe".into()),
    ///     data: Some(json!({"userName": "jdoe"})),
    ///     ..BulkOperation::new(BulkMethod::Post, client.bulk_path(&users, None)?)
    /// };
    /// let tools = BulkOperation {
    ///     bulk_id: Some("tools".into()),
    ///     data: Some(json!({"displayName": "Tools", "members": [{"value": "bulkId:jdoe"}]})),
    ///     ..BulkOperation::new(BulkMethod::Post, client.bulk_path(&groups, None)?)
    /// };
    /// let outcome = client.bulk(&limits, vec![tools, jdoe], None).await;
    /// assert_eq!(outcome.results.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bulk(
        &self,
        limits: &Bulk,
        operations: Vec<BulkOperation>,
        fail_on_errors: Option<u32>,
    ) -> BulkOutcome {
        let mut course = Course::new(&self.shared.base, limits, operations, fail_on_errors);
        let mut calls = Vec::new();
        while let Some(step) = course.next() {
            match step {
                Step::Together(sent, request) => {
                    let subject = Subject::new(Action::Bulk, "Bulk", None);
                    let answer = self.call(subject, self.requests().bulk(&request), judge::bulk).await;
                    course.answered(sent, &request, logged(answer, &mut calls));
                }
                Step::Alone(index, operation) => {
                    let answer = self.operation(&operation).await;
                    course.answered_alone(index, logged(answer, &mut calls));
                }
            }
        }
        course.finish(calls)
    }

    /// Where a bulk operation on this resource is done, or a create where there is none yet: relative to the
    /// base URL, the id percent-encoded (RFC 7644 section 3.7).
    ///
    /// # Errors
    /// [`Failure::Unsendable`] where no address can name the id.
    pub fn bulk_path(&self, kind: &ResourceType, id: Option<&str>) -> Result<String, Failure> {
        self.requests().bulk_path(kind, id)
    }

    /// An operation of a bulk request as a call of its own.
    async fn operation(&self, operation: &BulkOperation) -> Result<Exchange<Done>, ClientError> {
        let segment = decoded_last_segment(&operation.path);
        let above = operation.path.trim_end_matches('/').rsplit_once('/').map_or("", |(above, _)| above);
        let (action, collection, id) = match operation.method {
            BulkMethod::Post => (Action::Create, segment, None),
            BulkMethod::Put => (Action::Replace, decoded_last_segment(above), Some(segment)),
            BulkMethod::Patch => (Action::Modify, decoded_last_segment(above), Some(segment)),
            BulkMethod::Delete => (Action::Delete, decoded_last_segment(above), Some(segment)),
        };
        let subject = Subject::new(action, &collection, id.as_deref());
        let judge = |response: &HttpResponse| bulk::judged(&self.shared.base, operation, response);
        let mut done = self.call(subject, self.requests().operation(operation), judge).await?;
        done.call.subject.resource_id = Some(done.value.id.clone());
        Ok(done)
    }

    /// One call from beginning to end.
    async fn call<T>(
        &self,
        subject: Subject,
        request: Result<HttpRequest, Failure>,
        judge: impl Fn(&HttpResponse) -> Result<T, Failure>,
    ) -> Result<Exchange<T>, ClientError> {
        let mut call = CallReport::new(self.shared.name.clone(), subject);
        let outcome = match request {
            Ok(request) => {
                call.path = request.path_and_query();
                // A query may be sent by POST.
                call.method = request.method;
                self.attempt(&mut call, &request, judge).await
            }
            Err(failure) => Err(failure),
        };
        log(&call);
        if let Some(observer) = &self.observer {
            observer.called(&call, outcome.as_ref().err());
        }
        match outcome {
            Ok(value) => Ok(Exchange { value, call }),
            Err(kind) => Err(ClientError { call: Box::new(call), kind }),
        }
    }

    /// The loop: send, judge, and again where that does no harm.
    async fn attempt<T>(
        &self,
        call: &mut CallReport,
        request: &HttpRequest,
        judge: impl Fn(&HttpResponse) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let retry = &self.shared.retry;
        let mut so_far = SoFar::default();
        loop {
            let failure = match self.once(call, request, &judge, &mut so_far).await {
                Ok(Attempt::Done(value)) => return Ok(value),
                Ok(Attempt::AgainWithAnotherToken) => continue,
                Ok(Attempt::Paused(failure)) => return Err(failure),
                Err(failure) => failure,
            };
            let Some(wait) =
                retry.wait(&mut so_far.trials, call.subject.action.only_reads(), &failure, call.request_id)
            else {
                return Err(failure);
            };
            let (request_id, attempts) = (call.request_id, call.attempts);
            tracing::debug!(%request_id, attempts, ?wait, %failure, "trying again");
            tokio::time::sleep(wait).await;
            so_far.trials.waited(wait);
        }
    }

    /// One request: authorised, let through, sent, judged. Its place among those under way is free again when
    /// this returns, so that no wait for a retry holds one.
    async fn once<T>(
        &self,
        call: &mut CallReport,
        request: &HttpRequest,
        judge: impl Fn(&HttpResponse) -> Result<T, Failure>,
        so_far: &mut SoFar,
    ) -> Result<Attempt<T>, Failure> {
        let Shared { retry, auth, pacer, transport, .. } = &*self.shared;
        // A token is fetched before the request is let through: while all wait for one, none should be counted
        // as sent.
        auth.credential().await?;
        let permit =
            match pacer.admit(call.subject.action.only_reads(), retry.patience_left(&so_far.trials)).await {
                Ok(permit) => permit,
                Err(Paused { refusal, remaining }) => {
                    let retry_after = Some(remaining);
                    return Ok(Attempt::Paused(Failure::Throttled { refusal, retry_after }));
                }
            };
        so_far.trials.waited(permit.paused);
        // Asked again, as the wait may have been longer than the token lasts. Most often it is at hand.
        let credential = auth.credential().await?;
        call.attempts += 1;
        let begun = *so_far.begun.get_or_insert_with(Instant::now);
        let sent = transport.send(request, credential.header.as_ref(), call.request_id).await;
        call.status = sent.as_ref().ok().map(|response| response.status);
        call.duration = begun.elapsed();
        let answered = sent.is_ok();
        let outcome = sent.and_then(|response| judge(&response));
        match &outcome {
            Err(Failure::Throttled { refusal, retry_after }) => permit.overloaded(refusal, *retry_after),
            Err(Failure::Unavailable { refusal, retry_after }) if refusal.status == 503 => {
                permit.overloaded(refusal, *retry_after);
            }
            _ if answered => permit.went_well(),
            _ => {}
        }
        match outcome {
            Ok(value) => Ok(Attempt::Done(value)),
            // RFC 9110 section 15.5.2: a request refused so was not carried out, whatever its method.
            Err(Failure::Authentication(_)) if !so_far.refreshed && auth.refused(&credential).await => {
                so_far.refreshed = true;
                Ok(Attempt::AgainWithAnotherToken)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// What one call has been through.
#[derive(Default)]
struct SoFar {
    trials: Trials,
    /// Another token was fetched after a 401.
    refreshed: bool,
    /// When the first request was sent.
    begun: Option<Instant>,
}

/// What came of one request, where it is not for the retry policy to decide what is next.
enum Attempt<T> {
    Done(T),
    AgainWithAnotherToken,
    /// Nothing was sent: the provider wants to be left alone for longer than the call is willing to wait.
    Paused(Failure),
}

/// What an answer says, its call put aside for the log.
fn logged<T>(answer: Result<Exchange<T>, ClientError>, calls: &mut Vec<CallReport>) -> Result<T, Failure> {
    match answer {
        Ok(Exchange { value, call }) => {
            calls.push(call);
            Ok(value)
        }
        Err(ClientError { call, kind }) => {
            calls.push(*call);
            Err(kind)
        }
    }
}

fn log(call: &CallReport) {
    tracing::debug!(
        provider = &*call.provider,
        request_id = %call.request_id,
        method = %call.method,
        path = call.path,
        status = call.status,
        attempts = call.attempts,
        duration_ms = u64::try_from(call.duration.as_millis()).unwrap_or(u64::MAX),
        "{}",
        call.subject,
    );
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("name", &self.shared.name)
            .field("base", &self.shared.base)
            .finish_non_exhaustive()
    }
}
