//! What is sent for each call. Nothing here does I/O: values go in, a request value comes out.

use crate::address::BaseUrl;
use crate::failure::Failure;
use crate::message::{ACCEPTED, HttpRequest, JSON, Method, SCIM_JSON};
use crate::query::{Query, Selection};
use scimwright_profile::ContentType;
use scimwright_scim::{BulkMethod, BulkOperation, BulkRequest, Resource, ResourceType, SearchRequest};
use serde::Serialize;
use serde_json::Value;
use url::Url;

/// The longest address that a query is sent in, in bytes. Servers and gateways of every kind take 8,000
/// (RFC 9110 section 4.1); many take no more.
pub(crate) const MAX_QUERY_URL_BYTES: usize = 8_000;

/// A condition under which a request is to be carried out (RFC 7644 section 3.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// None.
    Always,
    /// The resource still has this version.
    Matches(&'a str),
    /// The resource no longer has this version.
    Changed(&'a str),
}

impl<'a> Condition<'a> {
    /// What an optional version for If-Match stands for.
    pub(crate) fn matches(version: Option<&'a str>) -> Self {
        version.map_or(Self::Always, Self::Matches)
    }
}

/// Builds the requests to one provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requests<'a> {
    /// What all addresses are built on.
    pub base: &'a BaseUrl,
    /// The media type of bodies.
    pub content_type: ContentType,
}

impl Requests<'_> {
    /// RFC 7644 section 3.3.
    pub(crate) fn create(&self, kind: &ResourceType, resource: &Resource) -> Result<HttpRequest, Failure> {
        self.with_body(Method::Post, self.base.endpoint(&kind.endpoint), resource, Condition::Always)
    }

    /// RFC 7644 section 3.4.1.
    pub(crate) fn retrieve(
        &self,
        kind: &ResourceType,
        id: &str,
        selection: &Selection,
        condition: Condition<'_>,
    ) -> Result<HttpRequest, Failure> {
        let mut url = self.address(kind, id)?;
        url.set_query(selection.to_query_string().as_deref());
        Ok(without_body(Method::Get, url, condition))
    }

    /// RFC 7644 section 3.4.2.
    pub(crate) fn query(&self, kind: &ResourceType, query: &Query) -> HttpRequest {
        let mut url = self.base.endpoint(&kind.endpoint);
        url.set_query(query.to_query_string().as_deref());
        without_body(Method::Get, url, Condition::Always)
    }

    /// RFC 7644 section 3.4.3: a query whose parameters are in the body.
    pub(crate) fn search(&self, kind: &ResourceType, query: &Query) -> Result<HttpRequest, Failure> {
        let mut url = self.base.endpoint(&kind.endpoint);
        url.set_path(&format!("{}/.search", url.path()));
        let body = SearchRequest::from(query).to_value();
        self.with_body(Method::Post, url, &body, Condition::Always)
    }

    /// RFC 7644 section 3.5.1.
    pub(crate) fn replace(
        &self,
        kind: &ResourceType,
        id: &str,
        resource: &Resource,
        condition: Condition<'_>,
    ) -> Result<HttpRequest, Failure> {
        self.with_body(Method::Put, self.address(kind, id)?, resource, condition)
    }

    /// RFC 7644 section 3.5.2.
    pub(crate) fn modify(
        &self,
        kind: &ResourceType,
        id: &str,
        body: &Value,
        condition: Condition<'_>,
    ) -> Result<HttpRequest, Failure> {
        self.with_body(Method::Patch, self.address(kind, id)?, body, condition)
    }

    /// RFC 7644 section 3.6.
    pub(crate) fn delete(
        &self,
        kind: &ResourceType,
        id: &str,
        condition: Condition<'_>,
    ) -> Result<HttpRequest, Failure> {
        Ok(without_body(Method::Delete, self.address(kind, id)?, condition))
    }

    /// RFC 7644 section 3.7: several operations in one request.
    pub(crate) fn bulk(&self, request: &BulkRequest) -> Result<HttpRequest, Failure> {
        let url = self.base.endpoint("/Bulk");
        self.with_body(Method::Post, url, &request.to_value(), Condition::Always)
    }

    /// An operation of a bulk request as a request of its own.
    pub(crate) fn operation(&self, operation: &BulkOperation) -> Result<HttpRequest, Failure> {
        let method = match operation.method {
            BulkMethod::Post => Method::Post,
            BulkMethod::Put => Method::Put,
            BulkMethod::Patch => Method::Patch,
            BulkMethod::Delete => Method::Delete,
        };
        let url = self.base.endpoint(&operation.path);
        let condition = Condition::matches(operation.version.as_deref());
        match &operation.data {
            Some(data) => self.with_body(method, url, data, condition),
            None => Ok(without_body(method, url, condition)),
        }
    }

    /// RFC 7644 section 3.7: where a bulk operation is done, relative to the base URL.
    pub(crate) fn bulk_path(&self, kind: &ResourceType, id: Option<&str>) -> Result<String, Failure> {
        let url = match id {
            Some(id) => self.address(kind, id)?,
            None => self.base.endpoint(&kind.endpoint),
        };
        Ok(self.base.relative(&url))
    }

    /// RFC 7644 section 4: one of the metadata endpoints, from the first entry or a later one.
    pub(crate) fn metadata(&self, endpoint: &str, start_index: Option<u64>) -> HttpRequest {
        let mut url = self.base.endpoint(endpoint);
        let query = Query { start_index, ..Query::default() };
        url.set_query(query.to_query_string().as_deref());
        without_body(Method::Get, url, Condition::Always)
    }

    fn address(&self, kind: &ResourceType, id: &str) -> Result<Url, Failure> {
        self.base.resource(&kind.endpoint, id).ok_or_else(|| Failure::Unsendable {
            reason: format!("the id {id:?} cannot stand in an address, and would name something else"),
        })
    }

    fn with_body(
        &self,
        method: Method,
        url: Url,
        body: &impl Serialize,
        condition: Condition<'_>,
    ) -> Result<HttpRequest, Failure> {
        let body =
            serde_json::to_vec(body).map_err(|error| Failure::Unsendable { reason: error.to_string() })?;
        let mut request = without_body(method, url, condition);
        let content_type = match self.content_type {
            ContentType::ScimJson => SCIM_JSON,
            ContentType::Json => JSON,
        };
        request.headers.push(("content-type", content_type.into()));
        request.body = Some(body);
        Ok(request)
    }
}

fn without_body(method: Method, url: Url, condition: Condition<'_>) -> HttpRequest {
    let mut headers = vec![("accept", ACCEPTED.into())];
    // RFC 7644 section 3.14.
    match condition {
        Condition::Always => {}
        Condition::Matches(version) => headers.push(("if-match", version.to_owned().into())),
        Condition::Changed(version) => headers.push(("if-none-match", version.to_owned().into())),
    }
    HttpRequest { method, url, headers, body: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::{AttributePath, Filter, PatchRequest, builtin, urn};
    use serde_json::json;

    fn base() -> BaseUrl {
        BaseUrl::new("https://acme.example/scim/v2/".parse().unwrap())
    }

    fn requests(base: &BaseUrl) -> Requests<'_> {
        Requests { base, content_type: ContentType::ScimJson }
    }

    fn user() -> ResourceType {
        builtin::resource_type("User").unwrap().clone()
    }

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    /// The request as it goes over the wire, but for what the transport adds.
    fn wire(request: &HttpRequest) -> String {
        let mut text = format!("{} {}\n", request.method, request.path_and_query());
        for (name, value) in &request.headers {
            text += &format!("{name}: {value}\n");
        }
        if let Some(body) = &request.body {
            let body: Value = serde_json::from_slice(body).unwrap();
            text += &format!("\n{body:#}\n");
        }
        text
    }

    #[test]
    fn each_call_is_the_request_that_the_rfc_describes() {
        let (base, user) = (base(), user());
        let resource = Resource::from_value(json!({"schemas": [urn::USER], "userName": "zoë"})).unwrap();
        let patch = PatchRequest::parse(&json!({
            "schemas": [urn::PATCH_OP],
            "Operations": [{"op": "replace", "path": "name.familyName", "value": "O'Neil"}],
        }))
        .unwrap();
        let (requests, version) = (requests(&base), Condition::Matches("W/\"3\""));
        let all = Selection::default();
        let tools = BulkOperation {
            version: Some("W/\"3\"".to_owned()),
            data: Some(json!({"displayName": "Tools"})),
            ..BulkOperation::new(BulkMethod::Put, requests.bulk_path(&user, Some("Tour Guides")).unwrap())
        };
        let bulk = BulkRequest { fail_on_errors: Some(1), operations: vec![tools] };
        let some = Selection { attributes: vec![path("userName"), path("emails")], excluded: Vec::new() };
        let query = Query { count: Some(2), ..Query::filtered(Filter::eq(path("userName"), "zoë")) };
        let requests = [
            requests.create(&user, &resource).unwrap(),
            requests.retrieve(&user, "Tour Guides", &all, Condition::Always).unwrap(),
            requests.retrieve(&user, "2819c", &some, Condition::Changed("W/\"3\"")).unwrap(),
            requests.search(&user, &query).unwrap(),
            requests.modify(&user, "2819c", &patch.to_value(), version).unwrap(),
            requests.replace(&user, "2819c", &resource, Condition::Always).unwrap(),
            requests.delete(&user, "a/../b", version).unwrap(),
            requests.bulk(&bulk).unwrap(),
            requests.operation(&bulk.operations[0]).unwrap(),
            requests.metadata("/ServiceProviderConfig", None),
            requests.metadata("/Schemas", Some(11)),
        ];
        insta::assert_snapshot!(requests.iter().map(wire).collect::<Vec<_>>().join("\n"));
    }

    /// Point 18: a filter's value is escaped as a JSON string, then percent-encoded.
    /// Peer bug: filters and bodies put together from text, unescaped.
    #[test]
    fn a_filter_is_escaped_as_json_and_then_percent_encoded() {
        let filter = Filter::eq(path("userName"), "a\"b\\c & d=é+");
        let query = Query { count: Some(2), ..Query::filtered(filter.clone()) };
        let request = requests(&base()).query(&user(), &query);
        assert_eq!(
            request.path_and_query(),
            "/scim/v2/Users?filter=userName%20eq%20%22a%5C%22b%5C%5Cc%20%26%20d%3D%C3%A9%2B%22&count=2"
        );
        let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        assert_eq!(pairs[0], ("filter".to_owned(), filter.to_string()), "a server reads back what was meant");
    }

    #[test]
    fn bodies_are_labelled_as_the_provider_wants_them() {
        let resource = Resource::from_value(json!({"userName": "zoë"})).unwrap();
        for (content_type, label) in
            [(ContentType::ScimJson, "application/scim+json"), (ContentType::Json, "application/json")]
        {
            let request = Requests { base: &base(), content_type }.create(&user(), &resource).unwrap();
            assert_eq!(request.headers.last(), Some(&("content-type", label.into())));
        }
    }

    #[test]
    fn an_id_that_would_name_something_else_is_never_sent() {
        for id in ["", ".", ".."] {
            let failure = requests(&base()).delete(&user(), id, Condition::Always).unwrap_err();
            assert!(matches!(failure, Failure::Unsendable { .. }), "{id:?}");
        }
    }

    #[test]
    fn a_body_is_not_in_what_a_request_prints() {
        let resource = Resource::from_value(json!({"password": "s3cr3t"})).unwrap();
        let request = requests(&base()).create(&user(), &resource).unwrap();
        assert!(!format!("{request:?}").contains("s3cr3t"));
    }
}
