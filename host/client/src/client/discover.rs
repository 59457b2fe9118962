//! Reading a provider's metadata (RFC 7644 section 4): which addresses are asked, and how often.

use super::{Client, Shared};
use crate::call::{Action, Exchange, Subject};
use crate::discovery::{self, Answer, Discovery, Document};
use crate::failure::{ClientError, Failure};
use crate::judge;
use jiff::Timestamp;
use serde_json::Value;
use std::sync::atomic::Ordering;

impl Client {
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

    /// What the provider said at an earlier time, from the documents of then. Nothing is sent.
    #[must_use]
    pub fn recall(&self, documents: serde_json::Map<String, Value>, read_at: Timestamp) -> Discovery {
        let Shared { quirks, overrides, .. } = &*self.shared;
        Discovery::recalled(documents, read_at, quirks, overrides)
    }

    /// Where the profile says, where the RFC says, and in the plural, as a draft of the RFC and Salesforce
    /// have it. Of several refusals, that of the first address counts.
    async fn service_provider_config(&self) -> Answer {
        let document = Document::ServiceProviderConfig;
        let is_missing =
            |error: &ClientError| matches!(error.kind, Failure::NotFound(_) | Failure::Unsupported(_));
        let profile = self.shared.quirks.service_provider_config.as_str();
        let mut others = Vec::new();
        let refused = match self.metadata(document, profile, None).await {
            Err(error) if is_missing(&error) => error,
            outcome => return Answer { outcome, others },
        };
        for endpoint in [document.endpoint(), "/ServiceProviderConfigs"] {
            if endpoint == profile {
                continue;
            }
            match self.metadata(document, endpoint, None).await {
                Ok(found) => {
                    others.push(*refused.call);
                    return Answer { outcome: Ok(found), others };
                }
                Err(error) => {
                    let goes_on = is_missing(&error);
                    others.push(*error.call);
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        Answer { outcome: Err(refused), others }
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
}
