//! One service provider: the calls, each a request built, sent, judged and reported.
//!
//! A call goes round one loop. `request` builds it, `auth` signs it, `pace` lets it through, `transport` sends
//! it, `judge` says what the answer means, `retry` whether to go round again. What happens is decided in those files; here they are put together.

use crate::address::BaseUrl;
use crate::auth::Authoriser;
use crate::call::{Action, CallReport, Exchange, Subject};
use crate::capability::CapabilityOverrides;
use crate::discovery::{Discovery, Document};
use crate::failure::{ClientError, Failure};
use crate::judge::{self, Created, Deleted, Modified};
use crate::message::{HttpRequest, HttpResponse};
use crate::observer::CallObserver;
use crate::pace::{Pacer, Paused};
use crate::paging::{Next, Pager};
use crate::request::{self, Query};
use crate::retry::{RetryPolicy, Trials};
use crate::settings::{ProviderSettings, SettingsError};
use crate::transport::Transport;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use scimwright_scim::{ListResponse, PatchRequest, Resource, ResourceType};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
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
            pacer: Pacer::new(&settings.pace),
            name: settings.name.into(),
            base,
            retry: settings.retry,
            overrides: settings.overrides,
            auth,
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

    /// Reads what the provider says about itself: `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas`
    /// (RFC 7644 section 4). What it does not say is filled in, and the discovery tells which is which.
    ///
    /// # Errors
    /// Any failure but that a document is not there. Credentials that are refused are an error unless other
    /// documents show that they are good.
    pub async fn discover(&self) -> Result<Discovery, ClientError> {
        let ((config, passed_over), resource_types, schemas) = futures::join!(
            self.service_provider_config(),
            self.metadata(Document::ResourceTypes, Document::ResourceTypes.endpoint()),
            self.metadata(Document::Schemas, Document::Schemas.endpoint()),
        );
        let mut discovery = Discovery::assemble(config, resource_types, schemas, &self.shared.overrides)?;
        discovery.calls.extend(passed_over);
        Ok(discovery)
    }

    /// The answer that counts, and the call whose answer did not. Salesforce, among others, has the document
    /// in the plural, as a draft of the RFC did.
    async fn service_provider_config(&self) -> (Result<Exchange<Value>, ClientError>, Option<CallReport>) {
        let document = Document::ServiceProviderConfig;
        let singular = match self.metadata(document, document.endpoint()).await {
            Err(error) if matches!(error.kind, Failure::NotFound(_) | Failure::Unsupported(_)) => error,
            answer => return (answer, None),
        };
        match self.metadata(document, "/ServiceProviderConfigs").await {
            Ok(plural) => (Ok(plural), Some(*singular.call)),
            Err(plural) => (Err(singular), Some(*plural.call)),
        }
    }

    async fn metadata(&self, document: Document, endpoint: &str) -> Result<Exchange<Value>, ClientError> {
        let subject = Subject::new(Action::Discover, document.name(), None);
        let request = request::metadata(&self.shared.base, endpoint);
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
        let request = request::create(&self.shared.base, kind, resource);
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
        let subject = Subject::new(Action::Retrieve, &kind.name, Some(id));
        let request = request::retrieve(&self.shared.base, kind, id);
        self.call(subject, request, judge::retrieved).await
    }

    /// Queries resources and returns one page of them (RFC 7644 section 3.4.2).
    ///
    /// A provider may ignore the filter, and a page that is short is not for that reason the last:
    /// [`query_all`](Self::query_all) reads all of them.
    ///
    /// # Errors
    /// Any failure; [`Failure::Unsupported`] where the provider has no filters.
    pub async fn query(
        &self,
        kind: &ResourceType,
        query: &Query,
    ) -> Result<Exchange<ListResponse>, ClientError> {
        let subject = Subject::new(Action::Query, &kind.name, None);
        let request = request::query(&self.shared.base, kind, query);
        self.call(subject, Ok(request), judge::listed).await
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
        let (client, kind) = (self.clone(), kind.clone());
        stream::unfold(Step::Ask(Box::new(Pager::new(query))), move |step| {
            let (client, kind) = (client.clone(), kind.clone());
            async move {
                let mut pager = match step {
                    Step::Ask(pager) => pager,
                    Step::Fail(error) => return Some((Err(error), Step::End)),
                    Step::End => return None,
                };
                let page = match client.query(&kind, &pager.query()).await {
                    Ok(page) => page,
                    Err(error) => return Some((Err(error), Step::End)),
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
        let subject = Subject::new(Action::Modify, &kind.name, Some(id));
        let request = request::modify(&self.shared.base, kind, id, patch, if_match);
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
        let request = request::replace(&self.shared.base, kind, id, resource, if_match);
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
        let request = request::delete(&self.shared.base, kind, id, if_match);
        self.call(subject, request, judge::deleted).await
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
        let mut course = Course::default();
        loop {
            let failure = match self.once(call, request, &judge, &mut course).await {
                Ok(Attempt::Done(value)) => return Ok(value),
                Ok(Attempt::AgainWithAnotherToken) => continue,
                Ok(Attempt::Paused(failure)) => return Err(failure),
                Err(failure) => failure,
            };
            let Some(wait) =
                retry.wait(&mut course.trials, call.subject.action.only_reads(), &failure, call.request_id)
            else {
                return Err(failure);
            };
            let (request_id, attempts) = (call.request_id, call.attempts);
            tracing::debug!(%request_id, attempts, ?wait, %failure, "trying again");
            tokio::time::sleep(wait).await;
            course.trials.waited(wait);
        }
    }

    /// One request: authorised, let through, sent, judged. Its place among those under way is free again when
    /// this returns, so that no wait for a retry holds one.
    async fn once<T>(
        &self,
        call: &mut CallReport,
        request: &HttpRequest,
        judge: impl Fn(&HttpResponse) -> Result<T, Failure>,
        course: &mut Course,
    ) -> Result<Attempt<T>, Failure> {
        let Shared { retry, auth, pacer, transport, .. } = &*self.shared;
        // A token is fetched before the request is let through: while all wait for one, none should be counted
        // as sent.
        auth.credential().await?;
        let permit =
            match pacer.admit(call.subject.action.only_reads(), retry.patience_left(&course.trials)).await {
                Ok(permit) => permit,
                Err(Paused { refusal, remaining }) => {
                    let retry_after = Some(remaining);
                    return Ok(Attempt::Paused(Failure::Throttled { refusal, retry_after }));
                }
            };
        course.trials.waited(permit.paused);
        // Asked again, as the wait may have been longer than the token lasts. Most often it is at hand.
        let credential = auth.credential().await?;
        call.attempts += 1;
        let begun = *course.begun.get_or_insert_with(Instant::now);
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
            Err(Failure::Authentication(_)) if !course.refreshed && auth.refused(&credential).await => {
                course.refreshed = true;
                Ok(Attempt::AgainWithAnotherToken)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// What one call has been through.
#[derive(Default)]
struct Course {
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
