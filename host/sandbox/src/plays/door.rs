//! Where and with what a request may come: methods, media types, the path of ServiceProviderConfig.

use super::{Play, Refusal, Rule};
use crate::capabilities::{Capabilities, PagingMethods};
use crate::fault;
use crate::kind::Kind;
use crate::message::{Method, Response, SCIM_MEDIA_TYPE};
use crate::query::PageBounds;
use crate::route::{BASE_PATH, Endpoint};
use scimwright_profile::{ContentType, PageSize, Paging, Update};
use scimwright_scim::ScimError;
use std::num::NonZeroU32;

/// How long a cursor is good for where the options name no time, in seconds: RFC 9865's own example.
const CURSOR_SECONDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(3599);

const JSON_MEDIA_TYPE: &str = "application/json";

impl Play {
    /// What works at this provider.
    pub(crate) fn capabilities(&self, otherwise: Capabilities) -> Capabilities {
        let quirks = &self.role.provider;
        Capabilities {
            patch: quirks.patch.unwrap_or(otherwise.patch),
            filter: quirks.filter.unwrap_or(otherwise.filter),
            sort: quirks.sort.unwrap_or(otherwise.sort),
            etag: quirks.etag.unwrap_or(otherwise.etag),
            bulk: quirks.bulk.unwrap_or(otherwise.bulk),
        }
    }

    /// How this provider's pages are reached.
    pub(crate) fn paging(&self, otherwise: PagingMethods) -> PagingMethods {
        match self.role.provider.paging {
            Paging::Declared => otherwise,
            Paging::Index => PagingMethods::Index,
            Paging::Cursor => {
                PagingMethods::Cursor { seconds: otherwise.cursor_seconds().unwrap_or(CURSOR_SECONDS) }
            }
        }
    }

    /// How large this provider's pages are.
    pub(crate) fn bounds(&self, otherwise: PageBounds) -> PageBounds {
        match self.role.provider.page_size {
            PageSize::Unspecified => otherwise,
            PageSize::At(size) => otherwise.at_most(size),
        }
    }

    /// The endpoint at a path, when ServiceProviderConfig has moved.
    pub(crate) fn moved(&self, endpoint: Endpoint, path: &str) -> Endpoint {
        let there = self.role.provider.service_provider_config.trim_matches('/');
        let asked = path.strip_prefix(BASE_PATH).unwrap_or_default().trim_matches('/');
        match endpoint {
            _ if asked == there => Endpoint::ServiceProviderConfig,
            Endpoint::ServiceProviderConfig => {
                self.note(Rule::ServiceProviderConfig);
                Endpoint::Unknown
            }
            elsewhere => elsewhere,
        }
    }

    /// The media type of this provider's answers.
    pub(crate) fn media_type(&self) -> &'static str {
        match self.role.provider.content_type {
            ContentType::ScimJson => SCIM_MEDIA_TYPE,
            ContentType::Json => JSON_MEDIA_TYPE,
        }
    }

    /// Whether a body of this type is read.
    ///
    /// # Errors
    /// 415 where it is not.
    pub(crate) fn takes(&self, media_type: Option<&str>) -> Result<(), ScimError> {
        let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match self.role.provider.content_type {
            ContentType::Json if !essence.eq_ignore_ascii_case(JSON_MEDIA_TYPE) => {
                let detail = format!("a body has to be {JSON_MEDIA_TYPE}, not {essence}");
                Err(self.broke(Rule::ContentType, ScimError::new(415, detail)))
            }
            _ => Ok(()),
        }
    }

    /// The answer to a method that resources of this type do not have, because they are updated by the other.
    pub(crate) fn has_no_update(&self, kind: Kind, method: Method) -> Option<Response> {
        match (self.of(kind).update, method) {
            (Update::Put, Method::Patch) | (Update::Patch, Method::Put) => {
                Some(self.has_no(method, Rule::Update))
            }
            _ => None,
        }
    }

    /// The answer to a method that resources do not have.
    pub(crate) fn has_no(&self, method: Method, rule: Rule) -> Response {
        self.note(rule);
        let detail = format!("{} is not supported", method.as_str());
        match self.role.manners.refusal {
            Refusal::NotImplemented => Response::error(&fault::not_implemented(detail)),
            Refusal::MethodNotAllowed => {
                let others = [Method::Get, Method::Put, Method::Patch, Method::Delete];
                let allowed: Vec<_> =
                    others.iter().filter(|it| **it != method).map(|it| it.as_str()).collect();
                Response::error(&ScimError::new(405, detail)).with_header("Allow", allowed.join(", "))
            }
        }
    }
}
