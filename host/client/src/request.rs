//! What is sent for each call. Nothing here does I/O: values go in, a request value comes out.

use crate::address::{BaseUrl, escape};
use crate::failure::Failure;
use crate::message::{ACCEPTED, HttpRequest, Method, SCIM_JSON};
use scimwright_scim::{AttributePath, Filter, PatchRequest, Resource, ResourceType};
use std::fmt::Write as _;
use url::Url;

/// What to look for, and how much of it to return (RFC 7644 section 3.4.2).
///
/// ```
/// use scimwright_client::Query;
/// use scimwright_scim::{AttributePath, Filter};
///
/// let path = AttributePath::parse("userName")?;
/// let query = Query { count: Some(2), ..Query::filtered(Filter::eq(path, "o'neil\"")) };
/// assert_eq!(query.filter.map(|filter| filter.to_string()).as_deref(), Some(r#"userName eq "o'neil\"""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Only resources that match. A provider may ignore it, so that what comes back has to be checked.
    pub filter: Option<Filter>,
    /// The first resource to return, counted from 1 (RFC 7644 section 3.4.2.4).
    pub start_index: Option<u64>,
    /// How many resources to return at most. 0 asks for the total alone; a provider may return fewer.
    pub count: Option<u64>,
    /// Return these attributes only, besides those that are always returned.
    pub attributes: Vec<AttributePath>,
    /// Return all attributes but these. RFC 7644 section 3.9 does not have both at once.
    pub excluded_attributes: Vec<AttributePath>,
}

impl Query {
    /// Everything that matches the filter.
    #[must_use]
    pub fn filtered(filter: Filter) -> Self {
        Self { filter: Some(filter), ..Self::default() }
    }

    // RFC 3986 has no `+` for a blank; that is HTML's, and not every provider reads it.
    fn to_query_string(&self) -> Option<String> {
        let mut parameters = String::new();
        let mut add = |name: &str, value: &str| {
            let separator = if parameters.is_empty() { "" } else { "&" };
            // Writing to a String cannot fail.
            let _ = write!(parameters, "{separator}{name}={}", escape(value));
        };
        if let Some(filter) = &self.filter {
            add("filter", &filter.to_string());
        }
        if !self.attributes.is_empty() {
            add("attributes", &joined(&self.attributes));
        }
        if !self.excluded_attributes.is_empty() {
            add("excludedAttributes", &joined(&self.excluded_attributes));
        }
        if let Some(start_index) = self.start_index {
            add("startIndex", &start_index.to_string());
        }
        if let Some(count) = self.count {
            add("count", &count.to_string());
        }
        (!parameters.is_empty()).then_some(parameters)
    }
}

fn joined(paths: &[AttributePath]) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// RFC 7644 section 3.3.
pub(crate) fn create(
    base: &BaseUrl,
    kind: &ResourceType,
    resource: &Resource,
) -> Result<HttpRequest, Failure> {
    with_body(Method::Post, base.endpoint(&kind.endpoint), resource, None)
}

/// RFC 7644 section 3.4.1.
pub(crate) fn retrieve(base: &BaseUrl, kind: &ResourceType, id: &str) -> Result<HttpRequest, Failure> {
    Ok(without_body(Method::Get, address(base, kind, id)?, None))
}

/// RFC 7644 section 3.4.2.
pub(crate) fn query(base: &BaseUrl, kind: &ResourceType, query: &Query) -> HttpRequest {
    let mut url = base.endpoint(&kind.endpoint);
    url.set_query(query.to_query_string().as_deref());
    without_body(Method::Get, url, None)
}

/// RFC 7644 section 3.5.1.
pub(crate) fn replace(
    base: &BaseUrl,
    kind: &ResourceType,
    id: &str,
    resource: &Resource,
    if_match: Option<&str>,
) -> Result<HttpRequest, Failure> {
    with_body(Method::Put, address(base, kind, id)?, resource, if_match)
}

/// RFC 7644 section 3.5.2.
pub(crate) fn modify(
    base: &BaseUrl,
    kind: &ResourceType,
    id: &str,
    patch: &PatchRequest,
    if_match: Option<&str>,
) -> Result<HttpRequest, Failure> {
    with_body(Method::Patch, address(base, kind, id)?, &patch.to_value(), if_match)
}

/// RFC 7644 section 3.6.
pub(crate) fn delete(
    base: &BaseUrl,
    kind: &ResourceType,
    id: &str,
    if_match: Option<&str>,
) -> Result<HttpRequest, Failure> {
    Ok(without_body(Method::Delete, address(base, kind, id)?, if_match))
}

/// RFC 7644 section 4: one of the metadata endpoints.
pub(crate) fn metadata(base: &BaseUrl, endpoint: &str) -> HttpRequest {
    without_body(Method::Get, base.endpoint(endpoint), None)
}

fn address(base: &BaseUrl, kind: &ResourceType, id: &str) -> Result<Url, Failure> {
    base.resource(&kind.endpoint, id).ok_or_else(|| Failure::Unsendable {
        reason: format!("the id {id:?} cannot stand in an address, and would name something else"),
    })
}

fn without_body(method: Method, url: Url, if_match: Option<&str>) -> HttpRequest {
    let mut headers = vec![("accept", ACCEPTED.into())];
    // RFC 7644 section 3.14.
    headers.extend(if_match.map(|version| ("if-match", version.to_owned().into())));
    HttpRequest { method, url, headers, body: None }
}

fn with_body(
    method: Method,
    url: Url,
    body: &impl serde::Serialize,
    if_match: Option<&str>,
) -> Result<HttpRequest, Failure> {
    let body = serde_json::to_vec(body).map_err(|error| Failure::Unsendable { reason: error.to_string() })?;
    let mut request = without_body(method, url, if_match);
    request.headers.push(("content-type", SCIM_JSON.into()));
    request.body = Some(body);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::{builtin, urn};
    use serde_json::{Value, json};

    fn base() -> BaseUrl {
        BaseUrl::new("https://acme.example/scim/v2/".parse().unwrap())
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
        let requests = [
            create(&base, &user, &resource).unwrap(),
            retrieve(&base, &user, "Tour Guides").unwrap(),
            modify(&base, &user, "2819c", &patch, Some("W/\"3\"")).unwrap(),
            replace(&base, &user, "2819c", &resource, None).unwrap(),
            delete(&base, &user, "a/../b", Some("W/\"3\"")).unwrap(),
            metadata(&base, "/ServiceProviderConfig"),
        ];
        insta::assert_snapshot!(requests.iter().map(wire).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_filter_is_escaped_as_json_and_then_percent_encoded() {
        let filter = Filter::eq(path("userName"), "a\"b\\c & d=é+");
        let request = query(&base(), &user(), &Query { count: Some(2), ..Query::filtered(filter.clone()) });
        assert_eq!(
            request.path_and_query(),
            "/scim/v2/Users?filter=userName%20eq%20%22a%5C%22b%5C%5Cc%20%26%20d%3D%C3%A9%2B%22&count=2"
        );
        let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        assert_eq!(pairs[0], ("filter".to_owned(), filter.to_string()), "a server reads back what was meant");
    }

    #[test]
    fn every_parameter_of_a_query_has_its_place() {
        let all = Query {
            filter: None,
            start_index: Some(101),
            count: Some(0),
            attributes: vec![path("userName"), path("name.givenName")],
            excluded_attributes: vec![path("members")],
        };
        assert_eq!(
            query(&base(), &user(), &all).url.query(),
            Some("attributes=userName%2Cname.givenName&excludedAttributes=members&startIndex=101&count=0")
        );
        assert_eq!(query(&base(), &user(), &Query::default()).url.query(), None);
    }

    #[test]
    fn an_id_that_would_name_something_else_is_never_sent() {
        for id in ["", ".", ".."] {
            let failure = delete(&base(), &user(), id, None).unwrap_err();
            assert!(matches!(failure, Failure::Unsendable { .. }), "{id:?}");
        }
    }

    #[test]
    fn a_body_is_not_in_what_a_request_prints() {
        let resource = Resource::from_value(json!({"password": "s3cr3t"})).unwrap();
        let request = create(&base(), &user(), &resource).unwrap();
        assert!(!format!("{request:?}").contains("s3cr3t"));
    }
}
