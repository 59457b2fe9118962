//! What a response means. Nothing here does I/O: a response value goes in, a result comes out.
//!
//! Two rules run through all of it. The body is looked at, not its content type: providers label HTML as
//! SCIM and SCIM as text. And what the status says about the provider's state outweighs a body that cannot
//! be read: a 201 has created something, whatever came with it.

use crate::address::BaseUrl;
use crate::failure::{Failure, Refusal};
use crate::message::{BodyEnd, HttpResponse};
use crate::quote::Secrets;
use crate::retry::retry_after;
use scimwright_scim::{
    AttributeName, AttributePath, BulkResponse, BulkResult, ListResponse, Resource, ScimError, ScimType, urn,
};
use serde_json::Value;

/// A resource that now exists because of a create, or did before.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// The provider's id of it; a numeric id as its digits.
    pub id: String,
    /// The resource, where the provider returned it.
    pub resource: Option<Resource>,
    /// Its version, from the ETag or `meta.version`.
    pub version: Option<String>,
    /// The provider answered 200 in place of 201: it took the create as a change to a resource it had. What
    /// that resource is should be checked before it is relied on.
    pub adopted: bool,
}

/// A resource that was modified or replaced.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Modified {
    /// The resource afterwards, where the provider returned it (RFC 7644 section 3.5.2 leaves that open).
    pub resource: Option<Resource>,
    /// Its version afterwards, from the ETag or `meta.version`.
    pub version: Option<String>,
}

/// What a conditional retrieve found.
#[derive(Debug, Clone, PartialEq)]
pub enum Retrieved {
    /// The resource, which is another than the version asked about, or may be.
    Changed(Resource),
    /// It still has the version asked about (304).
    NotModified,
}

/// What a delete found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The resource, which is gone now.
    Now,
    /// Nothing: it was gone before (404 or 410).
    AlreadyGone,
}

/// The answer to a bulk request. Each result in it is an answer of its own, and judged as one.
#[derive(Debug, Clone)]
pub(crate) struct BulkAnswer {
    /// The status of the whole.
    pub status: u16,
    /// What the provider says of the operations.
    pub results: Vec<BulkResult>,
    /// What has to be taken out of its words.
    pub secrets: Secrets,
}

/// RFC 7644 section 3.3. An endpoint is needed to read an id out of a `Location`.
pub(crate) fn created(response: &HttpResponse, base: &BaseUrl, endpoint: &str) -> Result<Created, Failure> {
    let located =
        || response.headers.location.as_deref().and_then(|location| base.id_in_location(endpoint, location));
    let body = match success_body(response) {
        Ok(body) => body,
        // The resource is there; of its representation only the address arrived.
        Err(failure) if response.status == 201 && says_nothing_else(&failure) && located().is_some() => None,
        Err(failure) => return Err(failure),
    };
    let resource = body.and_then(|body| as_resource(response, body));
    let id = resource.as_ref().and_then(Resource::id_text).or_else(located).ok_or_else(|| {
        unreadable(response, "it has neither a resource with an id nor a usable Location".to_owned())
    })?;
    if base.resource(endpoint, &id).is_none() {
        return Err(unreadable(response, format!("its id {id:?} cannot stand in an address")));
    }
    let version = version(response, resource.as_ref());
    Ok(Created { id, resource, version, adopted: response.status == 200 })
}

/// Whether all that failed is the reading of the body.
fn says_nothing_else(failure: &Failure) -> bool {
    failure.is_cut_short() || matches!(failure, Failure::Unreadable { .. })
}

/// RFC 7644 section 3.4.1.
pub(crate) fn retrieved(response: &HttpResponse) -> Result<Resource, Failure> {
    as_resource(response, document(response)?)
        .ok_or_else(|| unreadable(response, "it is not a resource with an id".to_owned()))
}

/// RFC 7644 section 3.14: 304 answers If-None-Match where the version is still the same.
pub(crate) fn retrieved_if_changed(response: &HttpResponse) -> Result<Retrieved, Failure> {
    match response.status {
        304 => Ok(Retrieved::NotModified),
        _ => retrieved(response).map(Retrieved::Changed),
    }
}

/// A query's page, where a provider answers 404 when nothing matches.
pub(crate) fn listed_or_not_found(response: &HttpResponse) -> Result<ListResponse, Failure> {
    match listed(response) {
        Err(Failure::NotFound(_)) => Ok(ListResponse { total_results: Some(0), ..ListResponse::default() }),
        answer => answer,
    }
}

/// RFC 7644 section 3.7.3.
pub(crate) fn bulk(response: &HttpResponse) -> Result<BulkAnswer, Failure> {
    let read = BulkResponse::from_value(document(response)?)
        .map_err(|error| unreadable(response, response.secrets.quote(&error.to_string())))?;
    Ok(BulkAnswer { status: response.status, results: read.operations, secrets: response.secrets.clone() })
}

/// RFC 7644 section 3.4.2.
pub(crate) fn listed(response: &HttpResponse) -> Result<ListResponse, Failure> {
    ListResponse::from_value(document(response)?)
        .map_err(|error| unreadable(response, response.secrets.quote(&error.to_string())))
}

/// RFC 7644 sections 3.5.1 and 3.5.2: the status is what counts, the body a courtesy.
pub(crate) fn modified(response: &HttpResponse) -> Result<Modified, Failure> {
    let resource = match success_body(response) {
        Ok(body) => body.and_then(|body| as_resource(response, body)),
        Err(failure) if failure.is_cut_short() => None,
        Err(failure) => return Err(failure),
    };
    let version = version(response, resource.as_ref());
    Ok(Modified { resource, version })
}

/// RFC 7644 section 3.6. What is not there needs no deleting.
pub(crate) fn deleted(response: &HttpResponse) -> Result<Deleted, Failure> {
    match success_body(response) {
        Ok(_) => Ok(Deleted::Now),
        Err(failure) if failure.is_cut_short() => Ok(Deleted::Now),
        Err(Failure::NotFound(_)) => Ok(Deleted::AlreadyGone),
        Err(failure) => Err(failure),
    }
}

/// Any JSON that has to be there: a metadata document, a list, a resource.
pub(crate) fn document(response: &HttpResponse) -> Result<Value, Failure> {
    success_body(response)?.ok_or_else(|| unreadable(response, "it is empty".to_owned()))
}

/// The JSON of a successful response, none where it is empty; else the failure that the response is.
fn success_body(response: &HttpResponse) -> Result<Option<Value>, Failure> {
    if !response.is_success() {
        return Err(failure(response));
    }
    match &response.end {
        BodyEnd::Complete => {}
        BodyEnd::OverLimit { limit } => return Err(Failure::TooLarge { limit: *limit }),
        BodyEnd::Lost(failure) => return Err(failure.clone()),
    }
    let body = text(response);
    if body.is_empty() {
        return Ok(None);
    }
    // A portal or a gateway that answers in the provider's place says 200 as well.
    let value: Value = serde_json::from_slice(&response.secrets.redact_body(body)).map_err(|error| {
        let kind = if looks_like_html(body) { "HTML".to_owned() } else { format!("not JSON ({error})") };
        let start = response.secrets.quote(&String::from_utf8_lossy(body));
        unreadable(response, format!("it is {kind}: {start}"))
    })?;
    match embedded_error(&value) {
        // Some providers wrap an error into a 200.
        Some(error) => Err(classed(refusal_of(response, error), response)),
        None => Ok(Some(value)),
    }
}

/// What a response that is no success stands for.
fn failure(response: &HttpResponse) -> Failure {
    if (300..400).contains(&response.status) && response.status != 304 {
        let location = response.headers.location.as_deref().map(|location| response.secrets.quote(location));
        let location = location.unwrap_or_else(|| "an address it does not name".to_owned());
        return Failure::Redirected { status: response.status, location };
    }
    classed(refusal(response), response)
}

/// RFC 7644 section 3.12, and the statuses of RFC 9110 that it leaves out.
fn classed(refusal: Refusal, response: &HttpResponse) -> Failure {
    if refusal.is(&ScimType::Uniqueness) {
        // Said with 409 by the RFC, with 400 or 500 by some providers.
        return Failure::Conflict(refusal);
    }
    match refusal.status {
        401 => Failure::Authentication(refusal),
        403 => Failure::Forbidden(refusal),
        404 | 410 => Failure::NotFound(refusal),
        405 | 501 => Failure::Unsupported(refusal),
        409 => Failure::Conflict(refusal),
        412 => Failure::PreconditionFailed(refusal),
        429 => Failure::Throttled { refusal, retry_after: retry_after(response) },
        408 | 425 | 500.. => Failure::Unavailable { refusal, retry_after: retry_after(response) },
        _ => Failure::Permanent(refusal),
    }
}

/// What the provider says of its refusal: as SCIM, as some other JSON, as text, or not at all.
fn refusal(response: &HttpResponse) -> Refusal {
    let body = text(response);
    let silent = Refusal { status: response.status, scim_type: None, detail: None };
    if body.is_empty() || looks_like_html(body) {
        return Refusal { detail: html_title(body).map(|title| response.secrets.quote(&title)), ..silent };
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Refusal { detail: Some(response.secrets.quote(&String::from_utf8_lossy(body))), ..silent };
    };
    match ScimError::from_value(&value) {
        // The status line is what HTTP goes by; the one in the body is a copy that may be wrong.
        Ok(error) => {
            let error = ScimError { detail: error.detail.or_else(|| foreign_detail(&value)), ..error };
            Refusal { status: response.status, ..refusal_of(response, error) }
        }
        Err(_) => Refusal {
            scim_type: value.get("scimType").and_then(Value::as_str).map(|text| quoted_type(response, text)),
            detail: foreign_detail(&value).map(|detail| response.secrets.quote(&detail)),
            ..silent
        },
    }
}

fn refusal_of(response: &HttpResponse, error: ScimError) -> Refusal {
    Refusal {
        status: error.status,
        scim_type: error.scim_type.map(|kind| quoted_type(response, kind.as_str())),
        detail: error
            .detail
            .map(|detail| response.secrets.quote(&detail))
            .filter(|detail| !detail.is_empty()),
    }
}

// A type that no RFC names is the provider's text as much as the detail is.
fn quoted_type(response: &HttpResponse, text: &str) -> ScimType {
    ScimType::from(response.secrets.quote(text).as_str())
}

/// An error message inside a success: only what calls itself one by its schema.
fn embedded_error(value: &Value) -> Option<ScimError> {
    let schemas = value.get("schemas")?.as_array()?;
    let named = schemas.iter().filter_map(Value::as_str).any(|schema| urn::ERROR == *schema);
    ScimError::from_value(value).ok().filter(|error| named && error.status >= 400)
}

/// The sentence in an error that is JSON, but not SCIM's: OAuth 2 (RFC 6749 section 5.2), problem details
/// (RFC 9457), and what gateways send.
fn foreign_detail(value: &Value) -> Option<String> {
    let words = ["detail", "error_description", "message", "errorMessage", "title", "error"];
    let found = words.iter().find_map(|word| match value.get(word)? {
        Value::String(text) => Some(text.clone()),
        nested @ Value::Object(_) => foreign_detail(nested),
        _ => None,
    });
    found.filter(|text| !text.trim().is_empty())
}

/// A resource, which has an id whatever else it lacks. RFC 7643 section 3.1 has `meta.version` be the ETag:
/// where only the header came, it is put there, so that one place holds the version.
fn as_resource(response: &HttpResponse, body: Value) -> Option<Resource> {
    let mut resource = Resource::from_value(body).ok().filter(|resource| resource.id_text().is_some())?;
    if let (None, Some(etag)) = (resource.version(), &response.headers.etag) {
        let meta = AttributePath::new(AttributeName::parse("meta").ok()?);
        resource.set(&meta.with_sub(AttributeName::parse("version").ok()?), Value::from(etag.as_str()));
    }
    Some(resource)
}

fn version(response: &HttpResponse, resource: Option<&Resource>) -> Option<String> {
    let in_body = || resource.and_then(Resource::version).map(str::to_owned);
    response.headers.etag.clone().or_else(in_body)
}

fn unreadable(response: &HttpResponse, reason: String) -> Failure {
    Failure::Unreadable { status: response.status, reason }
}

/// The body without blanks around it and without a byte order mark before it.
fn text(response: &HttpResponse) -> &[u8] {
    let body = response.body.as_slice();
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii()
}

fn looks_like_html(body: &[u8]) -> bool {
    body.starts_with(b"<")
}

/// The title of an error page, which is most of what it says.
fn html_title(body: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(&body[..body.len().min(16 * 1024)]);
    // Byte positions stay valid: ASCII lower case does not change lengths.
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower[start..].find("</title>")?;
    let title = page[start..end].trim();
    (!title.is_empty()).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ResponseHeaders;
    use serde_json::json;
    use std::time::Duration;

    fn response(status: u16, body: impl AsRef<[u8]>) -> HttpResponse {
        HttpResponse { status, body: body.as_ref().to_vec(), ..HttpResponse::default() }
    }

    fn json_response(status: u16, body: &Value) -> HttpResponse {
        response(status, body.to_string())
    }

    fn with_location(mut response: HttpResponse, location: &str) -> HttpResponse {
        response.headers = ResponseHeaders { location: Some(location.to_owned()), ..Default::default() };
        response
    }

    fn create(response: &HttpResponse) -> Result<Created, Failure> {
        created(response, &BaseUrl::new("https://acme.example/scim/v2".parse().unwrap()), "/Users")
    }

    const USERS_7: &str = "https://acme.example/scim/v2/Users/7";

    #[test]
    fn a_201_with_a_body_is_the_created_resource() {
        let mut answer =
            json_response(201, &json!({"id": "7", "userName": "jdoe", "meta": {"version": "W/\"1\""}}));
        let made = create(&answer).unwrap();
        assert_eq!((made.id.as_str(), made.version.as_deref(), made.adopted), ("7", Some("W/\"1\""), false));
        assert!(made.resource.is_some());
        answer.headers.etag = Some("W/\"2\"".to_owned());
        assert_eq!(create(&answer).unwrap().version.as_deref(), Some("W/\"2\""), "the header is fresher");
    }

    #[test]
    fn a_201_without_a_body_is_known_by_its_location() {
        let made = create(&with_location(response(201, ""), USERS_7)).unwrap();
        assert_eq!((made.id.as_str(), made.resource), ("7", None));
    }

    #[test]
    fn a_201_whose_body_is_lost_or_odd_is_known_by_its_location() {
        for (body, end) in [
            ("{\"id\": \"7\", \"user", BodyEnd::Lost(Failure::Interrupted { cause: "reset".into() })),
            ("{", BodyEnd::OverLimit { limit: 1 }),
            ("<html></html>", BodyEnd::Complete),
            ("{\"ok\": true}", BodyEnd::Complete),
        ] {
            let answer = HttpResponse { end, ..response(201, body) };
            assert_eq!(create(&with_location(answer, USERS_7)).unwrap().id, "7", "{body}");
        }
    }

    #[test]
    fn a_201_that_names_no_resource_is_unreadable() {
        for answer in
            [response(201, ""), with_location(response(201, "{}"), "https://acme.example/scim/v2/Users")]
        {
            let failure = create(&answer).unwrap_err();
            assert!(matches!(failure, Failure::Unreadable { status: 201, .. }), "{failure}");
        }
    }

    /// Point 18: an id that no address can name cannot be kept to, and so is no success.
    #[test]
    fn a_201_whose_id_can_never_be_addressed_is_unreadable() {
        for id in ["..", "."] {
            let failure = create(&json_response(201, &json!({"id": id}))).unwrap_err();
            assert!(matches!(failure, Failure::Unreadable { status: 201, .. }), "{failure}");
        }
    }

    /// Point 16: 200 on POST is an adoption.
    #[test]
    fn a_200_to_a_create_is_an_adoption() {
        assert!(create(&json_response(200, &json!({"id": "7"}))).unwrap().adopted);
    }

    #[test]
    fn a_version_that_came_as_a_header_only_is_put_into_the_resource() {
        let mut answer = json_response(200, &json!({"id": "7"}));
        assert_eq!(retrieved(&answer).unwrap().version(), None);
        answer.headers.etag = Some("W/\"9\"".to_owned());
        assert_eq!(retrieved(&answer).unwrap().version(), Some("W/\"9\""));
    }

    #[test]
    fn a_numeric_id_is_its_digits() {
        assert_eq!(create(&json_response(201, &json!({"id": 42}))).unwrap().id, "42");
    }

    /// Point 22: HTML, whatever the content type says.
    #[test]
    fn a_login_page_is_no_success_of_any_call() {
        let page = response(200, "\n<!DOCTYPE html><html><title>Sign in</title></html>");
        let failures = [
            create(&page).unwrap_err(),
            retrieved(&page).unwrap_err(),
            listed(&page).unwrap_err(),
            modified(&page).unwrap_err(),
            deleted(&page).unwrap_err(),
        ];
        for failure in failures {
            assert_eq!(
                failure.to_string(),
                "the answer (200) is not SCIM: it is HTML: <!DOCTYPE html><html><title>Sign in</title></html>"
            );
        }
    }

    #[test]
    fn a_change_is_done_when_the_status_says_so() {
        for answer in [
            response(204, ""),
            response(200, ""),
            json_response(200, &json!({"status": "ok"})),
            HttpResponse {
                end: BodyEnd::Lost(Failure::Interrupted { cause: "reset".into() }),
                ..response(200, "{")
            },
        ] {
            assert_eq!(modified(&answer), Ok(Modified::default()), "{answer:?}");
        }
        let resource = modified(&json_response(200, &json!({"id": "7"}))).unwrap().resource;
        assert_eq!(resource.and_then(|resource| resource.id_text()).as_deref(), Some("7"));
    }

    /// Point 24: DELETE answered 404 is done, as is one answered 200 with a body.
    #[test]
    fn deleting_what_is_gone_is_done() {
        assert_eq!(deleted(&response(204, "")), Ok(Deleted::Now));
        assert_eq!(deleted(&json_response(200, &json!({"id": "7"}))), Ok(Deleted::Now));
        assert_eq!(deleted(&response(404, "<html>")), Ok(Deleted::AlreadyGone));
        assert_eq!(deleted(&response(410, "")), Ok(Deleted::AlreadyGone));
        assert!(deleted(&response(403, "")).is_err());
    }

    /// Point 22: class every failure.
    #[test]
    fn every_status_falls_into_its_class() {
        let class = |status: u16, body: &str| {
            let failure = modified(&response(status, body)).unwrap_err();
            format!("{failure:?}").split(['(', ' ']).next().unwrap_or_default().to_owned()
        };
        let classes = [
            (302, "Redirected"),
            (304, "Permanent"),
            (400, "Permanent"),
            (401, "Authentication"),
            (403, "Forbidden"),
            (404, "NotFound"),
            (405, "Unsupported"),
            (407, "Permanent"),
            (408, "Unavailable"),
            (409, "Conflict"),
            (410, "NotFound"),
            (412, "PreconditionFailed"),
            (413, "Permanent"),
            (429, "Throttled"),
            (500, "Unavailable"),
            (501, "Unsupported"),
            (503, "Unavailable"),
        ];
        for (status, expected) in classes {
            assert_eq!(class(status, ""), expected, "{status}");
        }
        assert_eq!(class(400, r#"{"status": 400, "scimType": "uniqueness"}"#), "Conflict");
        assert_eq!(class(500, r#"{"scimType": "uniqueness"}"#), "Conflict");
    }

    /// Point 22: status as string or number, scimType optional; HTML or empty bodies whatever the content type says.
    #[test]
    fn an_error_is_read_from_whatever_the_body_is() {
        let said = |status: u16, body: &str| modified(&response(status, body)).unwrap_err().to_string();
        let error = |status: Value| {
            json!({
                "schemas": [urn::ERROR], "status": status,
                "scimType": "uniqueness", "detail": "userName is already taken.",
            })
        };
        let bodies = [
            (409, error(json!("409")).to_string()),
            (409, error(json!(409)).to_string()),
            (200, error(json!(409)).to_string()),
            (409, String::new()),
            (409, r#"{"scimType": "uniqueness"}"#.to_owned()),
            (400, r#"{"error": "invalid_request", "error_description": "no such grant"}"#.to_owned()),
            (400, r#"{"errors": ["x"]}"#.to_owned()),
            (400, r#"{"error": {"message": "nested"}}"#.to_owned()),
            (400, r#"{"scimType": "vendor\nspecific", "detail": ""}"#.to_owned()),
            (500, "<html><head><TITLE>\n 500 Server\n Error </TITLE>".to_owned()),
            (502, "<h1>Bad gateway</h1>".to_owned()),
            (500, "panic: runtime error".to_owned()),
            (400, "x".repeat(10_000)),
        ];
        let screen: Vec<_> = bodies.iter().map(|(status, body)| said(*status, body)).collect();
        insta::assert_snapshot!(screen.join("\n"));
    }

    /// Point 23: Retry-After.
    #[test]
    fn the_wait_is_read_with_the_refusal() {
        let mut answer = response(429, "");
        answer.headers.retry_after = Some("7".to_owned());
        let refusal = Refusal { status: 429, scim_type: None, detail: None };
        let retry_after = Some(Duration::from_secs(7));
        assert_eq!(listed(&answer), Err(Failure::Throttled { refusal, retry_after }));
    }

    #[test]
    fn a_redirect_names_where_it_points() {
        let answer = with_location(response(302, ""), "https://login.example/");
        assert!(retrieved(&answer).unwrap_err().to_string().contains("https://login.example/ (302)"));
    }

    /// Point 22: what servers in general get wrong is read all the same.
    #[test]
    fn a_resource_is_read_however_carelessly_it_was_written() {
        // A numeric id, members that are null, no schemas, an empty meta.
        let body = json!({"id": 42, "displayName": "Tools", "members": null, "meta": {}});
        let answer = json_response(200, &body);
        let group = retrieved(&answer).unwrap();
        assert_eq!((group.id_text().as_deref(), group.version()), (Some("42"), None));
        let members = AttributePath::parse("members").unwrap();
        assert_eq!((group.get(&members), group.values(&members).len()), (None, 0));
        assert_eq!(group.schemas().count(), 0);
        for list in [json!([body]), json!({"totalResults": "1", "resources": [body]})] {
            let listed = listed(&json_response(200, &list)).unwrap();
            assert_eq!(listed.resources[0].id_text().as_deref(), Some("42"), "{list}");
        }
        assert_eq!(create(&json_response(201, &body)).unwrap().id, "42");
    }

    /// Point 22: empty bodies.
    #[test]
    fn an_empty_body_is_no_resource_no_list_and_no_document() {
        for body in ["", " \r\n", "\u{feff}"] {
            let answer = response(200, body);
            let failures = [
                retrieved(&answer).unwrap_err(),
                listed(&answer).unwrap_err(),
                document(&answer).unwrap_err(),
            ];
            for failure in failures {
                assert_eq!(failure.to_string(), "the answer (200) is not SCIM: it is empty", "{body:?}");
            }
        }
        assert_eq!(
            bulk(&response(200, "")).unwrap_err().to_string(),
            "the answer (200) is not SCIM: it is empty"
        );
    }

    #[test]
    fn a_304_says_that_nothing_has_changed_only_where_that_was_asked() {
        let answer = response(304, "");
        assert_eq!(retrieved_if_changed(&answer), Ok(Retrieved::NotModified));
        assert!(matches!(retrieved(&answer), Err(Failure::Permanent(_))));
        let changed = retrieved_if_changed(&json_response(200, &json!({"id": "7"}))).unwrap();
        assert!(matches!(changed, Retrieved::Changed(resource) if resource.id() == Some("7")));
        assert!(matches!(retrieved_if_changed(&response(404, "")), Err(Failure::NotFound(_))));
    }

    #[test]
    fn a_404_is_an_empty_list_only_where_that_is_the_providers_habit() {
        assert_eq!(listed_or_not_found(&response(404, "")).unwrap().total_results, Some(0));
        assert!(matches!(listed(&response(404, "")), Err(Failure::NotFound(_))));
        assert!(matches!(listed_or_not_found(&response(403, "")), Err(Failure::Forbidden(_))));
    }

    #[test]
    fn a_bulk_response_is_read_with_statuses_of_every_form() {
        let answer = json_response(200, &json!({"Operations": [{"status": "201"}, {"status": 409}]}));
        let statuses: Vec<_> = bulk(&answer).unwrap().results.iter().map(|result| result.status).collect();
        assert_eq!(statuses, [201, 409]);
    }

    #[test]
    fn a_list_with_a_byte_order_mark_is_a_list() {
        let list = format!("\u{feff}{}", json!({"totalResults": 1, "Resources": [{"id": "7"}]}));
        assert_eq!(listed(&response(200, list)).unwrap().resources.len(), 1);
    }
}
