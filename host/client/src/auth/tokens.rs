//! The bearer token in use: fetched when it is needed, by one request however many wait for it, and fetched
//! again before it expires or after it was refused.

use super::client_credentials::{ClientCredentials, Issued};
use super::{TokenSource, bearer, token_fault};
use crate::failure::Failure;
use crate::quote::Secrets;
use crate::transport::Transport;
use secrecy::SecretString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

/// A token is fetched again this long before it expires, or a tenth of its lifetime, whichever is shorter:
/// a request under way should not arrive with one that has just expired.
const LONGEST_MARGIN: Duration = Duration::from_secs(30);

/// How long after a failed refresh the next is tried, while the token in use is still good.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);

/// Where tokens come from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A file, a command, a secrets store; and how long it may take.
    Source(Arc<dyn TokenSource>, Duration),
    /// An OAuth 2 server.
    Grant(Box<ClientCredentials>, Box<Transport>),
}

/// Counts tokens: a request that was refused says by it which token it carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

#[derive(Debug)]
struct Held {
    header: SecretString,
    generation: Generation,
    /// From when on a new one is fetched before a request is sent, and until when this one is good.
    ends: Option<(Instant, Instant)>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    issued: u64,
    /// How the last fetch ended, for those that waited while it was under way.
    last: Option<Result<(), Failure>>,
}

#[derive(Debug)]
pub(crate) struct Tokens {
    origin: Origin,
    secrets: Secrets,
    /// Held while a token is fetched. Tokio's mutex is fair, and lets go when a waiting call is dropped.
    state: Mutex<State>,
    /// How many fetches have ended.
    ended: AtomicU64,
}

impl Tokens {
    pub(super) fn new(origin: Origin, secrets: Secrets) -> Self {
        Self { origin, secrets, state: Mutex::default(), ended: AtomicU64::new(0) }
    }

    /// The header to send, and which token is in it.
    ///
    /// Whoever has to wait while a token is fetched takes what came of it, be it a failure: 50 requests that
    /// wait for a server which does not answer wait for it once.
    pub(super) async fn current(&self) -> Result<(SecretString, Generation), Failure> {
        let ended = self.ended.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let waited_for_one = self.ended.load(Ordering::Acquire) != ended;
        if waited_for_one && let Some(Err(failure)) = &state.last {
            return Err(failure.clone());
        }
        let now = Instant::now();
        if let Some(held) = &state.held {
            let due = held.ends.is_some_and(|(refresh, _)| now >= refresh);
            if !due || waited_for_one {
                return Ok((held.header.clone(), held.generation));
            }
        }
        let fetched = self.fetch().await;
        self.ended.fetch_add(1, Ordering::Release);
        self.settle(&mut state, fetched)
    }

    /// What is sent from now on, after a fetch.
    fn settle(
        &self,
        state: &mut State,
        fetched: Result<Issued, Failure>,
    ) -> Result<(SecretString, Generation), Failure> {
        match fetched {
            Ok(issued) => {
                self.secrets.learn(&issued.token);
                let now = Instant::now();
                let ends = issued.lifetime.map(|lifetime| {
                    let margin = LONGEST_MARGIN.min(lifetime / 10);
                    (now + (lifetime - margin), now + lifetime)
                });
                state.issued += 1;
                let (header, generation) = (bearer(&issued.token), Generation(state.issued));
                state.held = Some(Held { header: header.clone(), generation, ends });
                state.last = Some(Ok(()));
                Ok((header, generation))
            }
            Err(failure) => {
                let now = Instant::now();
                if let Some(Held { header, generation, ends: Some((refresh, end)) }) = &mut state.held
                    && now < *end
                {
                    tracing::warn!(%failure, "the token could not be refreshed; the one in use is still good");
                    *refresh = now + REFRESH_PAUSE;
                    let kept = (header.clone(), *generation);
                    state.last = Some(Ok(()));
                    return Ok(kept);
                }
                state.held = None;
                state.last = Some(Err(failure.clone()));
                Err(failure)
            }
        }
    }

    /// A provider refused this token. It is dropped, unless another one has taken its place already: of many
    /// requests refused together only the first leads to a new token.
    pub(super) async fn refused(&self, generation: Generation) {
        let mut state = self.state.lock().await;
        if state.held.as_ref().is_some_and(|held| held.generation == generation) {
            state.held = None;
        }
    }

    async fn fetch(&self) -> Result<Issued, Failure> {
        match &self.origin {
            Origin::Source(source, limit) => {
                let unavailable = |reason| {
                    let from = "the configured source".to_owned();
                    Failure::TokenUnavailable { from, reason, retry_after: None }
                };
                // Every call of the provider waits for it.
                let token = match tokio::time::timeout(*limit, source.fetch()).await {
                    Ok(Ok(token)) => token,
                    Ok(Err(reason)) => return Err(unavailable(self.secrets.quote(&reason))),
                    Err(_) => return Err(unavailable(format!("it gave none within {limit:?}"))),
                };
                match token_fault(&token) {
                    Some(fault) => Err(unavailable(format!("its token cannot be sent: {fault}"))),
                    None => Ok(Issued { token, lifetime: None }),
                }
            }
            Origin::Grant(grant, transport) => {
                // RFC 6749 section 4.4 has no refresh token: the grant is simply asked for again.
                let (request, authorization) = (grant.request(), grant.authorization());
                let sent = transport.send(&request, authorization.as_ref(), Uuid::new_v4()).await;
                grant.judge(&sent.map_err(|failure| grant.unanswered(failure))?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::BoxFuture;
    use secrecy::ExposeSecret;
    use std::sync::Mutex as StdMutex;

    /// Takes a second for each fetch; yields what it was given, and then numbers.
    #[derive(Debug, Default)]
    struct Slow {
        fetched: AtomicU64,
        failures: StdMutex<Vec<String>>,
    }

    impl TokenSource for Slow {
        fn fetch(&self) -> BoxFuture<'_, Result<SecretString, String>> {
            Box::pin(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let number = self.fetched.fetch_add(1, Ordering::SeqCst);
                match self.failures.lock().unwrap().pop() {
                    Some(reason) => Err(reason),
                    None => Ok(SecretString::from(format!("token-{number}"))),
                }
            })
        }
    }

    fn tokens() -> (Arc<Slow>, Arc<Tokens>) {
        let source = Arc::new(Slow::default());
        (
            source.clone(),
            Arc::new(Tokens::new(Origin::Source(source, Duration::from_secs(5)), Secrets::default())),
        )
    }

    async fn together(tokens: &Arc<Tokens>, calls: usize) -> Vec<Result<String, Failure>> {
        let calls = (0..calls).map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move {
                tokens.current().await.map(|(header, _)| header.expose_secret().to_owned())
            })
        });
        futures::future::join_all(calls).await.into_iter().map(Result::unwrap).collect()
    }

    /// Point 23: one token refresh, single-flight.
    #[tokio::test(start_paused = true)]
    async fn however_many_wait_a_token_is_fetched_once() {
        let (source, tokens) = tokens();
        for header in together(&tokens, 50).await {
            assert_eq!(header.unwrap(), "Bearer token-0");
        }
        assert_eq!(source.fetched.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_all_that_waited_and_by_nobody_after() {
        let (source, tokens) = tokens();
        source.failures.lock().unwrap().push("no such file".to_owned());
        let begun = Instant::now();
        for header in together(&tokens, 50).await {
            assert!(matches!(header, Err(Failure::TokenUnavailable { .. })));
        }
        assert_eq!((source.fetched.load(Ordering::SeqCst), begun.elapsed().as_secs()), (1, 1));
        assert!(tokens.current().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_never_answers_is_not_waited_for_for_ever() {
        #[derive(Debug)]
        struct Stuck;
        impl TokenSource for Stuck {
            fn fetch(&self) -> BoxFuture<'_, Result<SecretString, String>> {
                Box::pin(std::future::pending())
            }
        }
        let origin = Origin::Source(Arc::new(Stuck), Duration::from_secs(5));
        let failure = Tokens::new(origin, Secrets::default()).current().await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "no token can be had from the configured source now: it gave none within 5s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_while_it_fetches_leaves_the_work_to_the_next() {
        let (source, tokens) = tokens();
        let first = tokio::time::timeout(Duration::from_millis(500), tokens.current()).await;
        assert!(first.is_err());
        assert!(tokens.current().await.is_ok());
        assert_eq!(source.fetched.load(Ordering::SeqCst), 1);
    }

    /// Point 23: 401: one token refresh.
    #[tokio::test(start_paused = true)]
    async fn of_many_requests_refused_together_one_leads_to_a_new_token() {
        let (source, tokens) = tokens();
        let (_, old) = tokens.current().await.unwrap();
        for _ in 0..10 {
            tokens.refused(old).await;
            assert_eq!(tokens.current().await.unwrap().0.expose_secret(), "Bearer token-1");
        }
        assert_eq!(source.fetched.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_used_until_its_margin_and_kept_to_its_end_where_no_other_is_to_be_had() {
        let (source, tokens) = tokens();
        let issued = Issued { token: "short-lived".into(), lifetime: Some(Duration::from_secs(600)) };
        tokens.settle(&mut *tokens.state.lock().await, Ok(issued)).unwrap();
        let fails = || source.failures.lock().unwrap().push("it is down".to_owned());
        let current = async || tokens.current().await.map(|(header, _)| header.expose_secret().to_owned());

        tokio::time::advance(Duration::from_secs(569)).await;
        assert_eq!(current().await.unwrap(), "Bearer short-lived");
        assert_eq!(source.fetched.load(Ordering::SeqCst), 0);
        // 30 s before its end another is fetched; that fails, and is not tried again at once.
        fails();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(current().await.unwrap(), "Bearer short-lived");
        assert_eq!(current().await.unwrap(), "Bearer short-lived");
        assert_eq!(source.fetched.load(Ordering::SeqCst), 1);
        // At its end there is nothing left to send.
        fails();
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(current().await.is_err());
        assert_eq!(current().await.unwrap(), "Bearer token-2");
    }
}
