//! What is decided before an endpoint is asked: who comes, with what, and to which address.

use crate::support::{Asked, USER, refusal};
use scimwright_sandbox::{Body, Method, Provider, Request, SandboxError, SandboxOptions};
use serde_json::json;

fn with_authorization(text: Option<&str>) -> Request {
    Request { authorization: text.map(str::to_owned), ..Request::new(Method::Get, "/v2/Users") }
}

#[test]
fn without_the_token_nobody_is_let_in() {
    let asked =
        Asked::new(&SandboxOptions { bearer_token: Some("s3cret".into()), ..SandboxOptions::default() });
    for text in [
        None,
        Some("s3cret"),
        Some("Basic s3cret"),
        Some("Bearer s3cre"),
        Some("Bearer s3cret2"),
        Some("Bearer "),
    ] {
        let response = asked.ask(&with_authorization(text));
        assert_eq!(refusal(&response), "401", "{text:?}");
        assert!(response.header("WWW-Authenticate").is_some_and(|it| it.starts_with("Bearer")), "{text:?}");
    }
    for text in ["Bearer s3cret", "bearer s3cret"] {
        assert_eq!(asked.ask(&with_authorization(Some(text))).status, 200, "{text}");
    }
}

#[test]
fn a_stranger_learns_nothing_about_what_exists() {
    let asked =
        Asked::new(&SandboxOptions { bearer_token: Some("s3cret".into()), ..SandboxOptions::default() });
    for target in ["/Users/1", "/nothing", "/ServiceProviderConfig", "/Bulk"] {
        assert_eq!(refusal(&asked.get(target)), "401", "{target}");
    }
}

#[test]
fn an_address_where_nothing_is_answers_404_and_a_wrong_method_405() {
    let asked = Asked::strict();
    assert_eq!(refusal(&asked.get("/nothing")), "404");
    assert_eq!(refusal(&asked.ask(&Request::new(Method::Get, "/elsewhere"))), "404");
    let response = asked.delete("/Users");
    assert_eq!(refusal(&response), "405");
    assert_eq!(response.header("Allow"), Some("GET, POST"));
    assert_eq!(refusal(&asked.ask(&Request::new(Method::Other, "/v2/Users"))), "405");
}

#[test]
fn a_body_is_json_and_says_so() {
    let asked = Asked::strict();
    let body = json!({ "schemas": [USER], "userName": "b" });
    let typed = |media_type: Option<&str>| Request {
        content_type: media_type.map(str::to_owned),
        ..Request::new(Method::Post, "/v2/Users").with_json(&body)
    };
    assert_eq!(refusal(&asked.ask(&typed(Some("text/plain")))), "415");
    assert_eq!(refusal(&asked.ask(&typed(None))), "415");
    assert_eq!(asked.ask(&typed(Some("Application/JSON; charset=utf-8"))).status, 201);
    assert_eq!(Asked::tolerant().ask(&typed(None)).status, 201);
    for text in ["", "{", "[]", "\"b\"", "\u{fffd}"] {
        let request = Request { body: Body::Complete(text.into()), ..typed(Some("application/scim+json")) };
        assert_eq!(refusal(&asked.ask(&request)), "400 invalidSyntax", "{text:?}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused_unread() {
    let asked = Asked::new(&SandboxOptions { max_body_bytes: 100, ..SandboxOptions::default() });
    let long = json!({ "schemas": [USER], "userName": "b".repeat(100) });
    assert_eq!(refusal(&asked.post("/Users", &long)), "413");
    let request =
        Request { body: Body::TooLarge, ..Request::new(Method::Post, "/v2/Users").with_json(&json!({})) };
    assert_eq!(refusal(&asked.ask(&request)), "413");
}

#[test]
fn everything_asked_is_counted_but_asking_for_the_counts() {
    let asked = Asked::strict();
    let id = asked.user("b", &json!({}));
    asked.get(&format!("/Users/{id}"));
    asked.get("/Users/unknown");
    let before = asked.provider.stats();
    let response = asked.ask(&Request::new(Method::Get, "/_sandbox/stats"));
    assert_eq!(response.media_type, "application/json");
    assert_eq!(
        response.value(),
        json!({
            "requests": { "GET /Users/{id}": 2, "POST /Users": 1 },
            "statuses": { "200": 1, "201": 1, "404": 1 },
            "resources": { "Group": 0, "User": 1 },
        })
    );
    assert_eq!(asked.provider.stats(), before);
    assert_eq!(before.writes(), 1);
}

#[test]
fn a_provider_whose_pages_are_empty_cannot_be_made() {
    let options = SandboxOptions { max_page: 0, ..SandboxOptions::default() };
    let error = Provider::new(&options, "https://scim.example/v2".parse().unwrap()).unwrap_err();
    assert!(matches!(error, SandboxError::EmptyPages { option: "max_page" }), "{error}");
}
