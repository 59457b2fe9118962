//! A provider to ask, and short ways of asking.

use scimwright_sandbox::{Method, Provider, Request, Response, SandboxOptions};
use serde_json::{Value, json};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A provider and the moment its clock shows.
pub(crate) struct Asked {
    pub(crate) provider: Provider,
    pub(crate) now: &'static str,
}

impl Asked {
    pub(crate) fn new(options: &SandboxOptions) -> Self {
        let base_url = "https://scim.example/v2".parse().unwrap();
        Self { provider: Provider::new(options, base_url).unwrap(), now: "2026-01-01T00:00:00Z" }
    }

    pub(crate) fn strict() -> Self {
        Self::new(&SandboxOptions::default())
    }

    pub(crate) fn tolerant() -> Self {
        Self::new(&SandboxOptions { strict: false, ..SandboxOptions::default() })
    }

    pub(crate) fn ask(&self, request: &Request) -> Response {
        self.provider.handle(request, self.now.parse().unwrap())
    }

    pub(crate) fn get(&self, target: &str) -> Response {
        self.ask(&Request::new(Method::Get, &format!("/v2{target}")))
    }

    pub(crate) fn delete(&self, target: &str) -> Response {
        self.ask(&Request::new(Method::Delete, &format!("/v2{target}")))
    }

    pub(crate) fn post(&self, target: &str, body: &Value) -> Response {
        self.ask(&Request::new(Method::Post, &format!("/v2{target}")).with_json(body))
    }

    pub(crate) fn put(&self, target: &str, body: &Value) -> Response {
        self.ask(&Request::new(Method::Put, &format!("/v2{target}")).with_json(body))
    }

    pub(crate) fn patch(&self, target: &str, operations: &Value) -> Response {
        let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
        self.ask(&Request::new(Method::Patch, &format!("/v2{target}")).with_json(&body))
    }

    /// Creates a user with a userName and more attributes, and returns its id.
    pub(crate) fn user(&self, user_name: &str, more: &Value) -> String {
        let mut body = json!({ "schemas": [USER], "userName": user_name });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        created(&self.post("/Users", &body))
    }

    /// Creates a group and returns its id.
    pub(crate) fn group(&self, display_name: &str, members: &[&str]) -> String {
        let members: Vec<_> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "schemas": [GROUP], "displayName": display_name, "members": members });
        created(&self.post("/Groups", &body))
    }

    /// The values of one attribute of everything a query finds.
    pub(crate) fn found(&self, target: &str, attribute: &str) -> Vec<String> {
        let response = self.get(target);
        assert_eq!(response.status, 200, "{:?}", response.value());
        let list = response.value();
        let text = |resource: &Value| resource[attribute].as_str().unwrap_or_default().to_owned();
        list["Resources"].as_array().unwrap().iter().map(text).collect()
    }
}

fn created(response: &Response) -> String {
    assert_eq!(response.status, 201, "{:?}", response.value());
    response.value()["id"].as_str().unwrap().to_owned()
}

/// A response that refuses, in one line: `400 invalidValue`.
pub(crate) fn refusal(response: &Response) -> String {
    let body = response.value();
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{body}");
    assert_eq!(body["status"], response.status.to_string(), "{body}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    match body["scimType"].as_str() {
        Some(scim_type) => format!("{} {scim_type}", response.status),
        None => response.status.to_string(),
    }
}
