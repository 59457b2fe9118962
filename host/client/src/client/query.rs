//! Queries: by GET or by `/.search`, one page or all of them.

use super::{Client, Shared};
use crate::call::{Action, Exchange, Subject};
use crate::failure::{ClientError, Failure};
use crate::judge;
use crate::paging::{Next, Pager};
use crate::query::Query;
use crate::request::MAX_QUERY_URL_BYTES;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use scimwright_profile::{EmptyResult, ProviderQuirks, QueryBy};
use scimwright_scim::{ListResponse, Resource, ResourceType};
use std::sync::atomic::Ordering;

impl Client {
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
}
