//! One service provider: the calls, each a request built, sent, judged and reported.
//!
//! A call goes round one loop. `request` builds it, `auth` signs it, `pace` lets it through, `transport` sends
//! it, `judge` says what the answer means, `retry` whether to go round again. What happens is decided in those
//! files; here they are put together.
//!
//! The calls on one resource are here. Those that take several requests have files of their own: `discover`,
//! `query` and `bulk`.

mod bulk;
mod discover;
mod query;

use crate::address::BaseUrl;
use crate::auth::Authoriser;
use crate::call::{Action, CallReport, Exchange, Subject};
use crate::capability::CapabilityOverrides;
use crate::failure::{ClientError, Failure};
use crate::judge::{self, Created, Deleted, Modified, Retrieved};
use crate::message::{HttpRequest, HttpResponse};
use crate::observer::CallObserver;
use crate::pace::{Pacer, Paused};
use crate::query::Selection;
use crate::request::{Condition, Requests};
use crate::retry::{RetryPolicy, Trials};
use crate::settings::{ProviderSettings, SettingsError};
use crate::transport::Transport;
use scimwright_profile::ProviderQuirks;
use scimwright_scim::{PatchRequest, Resource, ResourceType};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
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

    /// Where the provider is, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.shared.base.as_str()
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
            let Some(wait) = retry.wait(
                &mut so_far.trials,
                call.subject.action.is_repeatable(),
                &failure,
                call.request_id,
            ) else {
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
