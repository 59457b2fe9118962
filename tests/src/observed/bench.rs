//! A server on the bench: users and groups made at need, and answers put into a few words.

use crate::scenario::Keeps;
use crate::servers::{Answer, Http, Inspect};
use anyhow::Context;
use serde_json::{Value, json};
use std::cell::Cell;

pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(super) const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// How many users there are when lists are asked for: more than any default page of the servers here.
pub(super) const CROWD: usize = 45;

pub(super) struct Bench<'a> {
    pub(super) http: Http,
    pub(super) server: &'a dyn Inspect,
    keeps: Keeps,
    made: Cell<usize>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(server: &'a dyn Inspect) -> anyhow::Result<Self> {
        Ok(Self { http: server.http()?, server, keeps: server.keeps(), made: Cell::new(0) })
    }

    /// The body of a user whom nobody has created yet.
    pub(super) fn body(&self) -> Value {
        self.made.set(self.made.get() + 1);
        let number = self.made.get();
        self.keeps.only(&json!({
            "schemas": [USER, ENTERPRISE],
            "userName": format!("person{number:03}@example.com"),
            "externalId": format!("X{number:03}"),
            "name": { "formatted": "Zoë Müller", "givenName": "Zoë", "familyName": "Müller" },
            "displayName": "Zoë Müller",
            "title": "Engineer",
            "active": true,
            "emails": [{ "value": format!("person{number:03}@example.com"), "type": "work" }],
            ENTERPRISE: { "department": "Sales", "employeeNumber": "7" },
        }))
    }

    /// Creates a user and gives what the server answered.
    pub(super) fn user(&self) -> anyhow::Result<Value> {
        let answer = self.http.call("POST", "/Users", Some(&self.body()))?;
        answer.expect_json().context("a user cannot be created")
    }

    pub(super) fn hire(&self, count: usize) -> anyhow::Result<()> {
        (0..count).try_for_each(|_| self.user().map(drop))
    }

    /// Creates a group with these users as members.
    pub(super) fn group(&self, members: &[&Value]) -> anyhow::Result<Value> {
        self.made.set(self.made.get() + 1);
        let members: Vec<Value> = members.iter().map(|user| self.member(user)).collect();
        let body = json!({
            "schemas": [GROUP],
            "displayName": format!("Group {}", self.made.get()),
            "members": members,
        });
        self.http.call("POST", "/Groups", Some(&body))?.expect_json().context("a group cannot be created")
    }

    /// A user as a member; Canaille does not take one without `$ref`, nor one with `type`.
    pub(super) fn member(&self, user: &Value) -> Value {
        let id = text(user, "id");
        let member = json!({ "value": id, "$ref": format!("../Users/{id}"), "type": "User" });
        self.keeps.only(&json!({ "members": [member] }))["members"][0].take()
    }

    /// Sends these operations to a resource.
    pub(super) fn modify(&self, path: &str, operations: &Value) -> anyhow::Result<Answer> {
        self.http.call("PATCH", path, Some(&patch(operations)))
    }

    /// Sends operations to a fresh user and says how it was answered, and what the user is like then.
    pub(super) fn modified_user(
        &self,
        operations: &Value,
        look: impl Fn(&Value) -> String,
    ) -> anyhow::Result<String> {
        let user = self.user()?;
        let path = path_of(&user);
        let answer = self.modify(&path, operations)?;
        if answer.status >= 300 {
            return Ok(brief(&answer));
        }
        Ok(format!("{}, {}", brief(&answer), look(&self.http.get(&path)?)))
    }
}

pub(super) fn patch(operations: &Value) -> Value {
    json!({ "schemas": [PATCH], "Operations": operations })
}

pub(super) fn path_of(user: &Value) -> String {
    format!("/Users/{}", text(user, "id"))
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// An answer in a few words: `409 uniqueness`, `500 HTML`, `204`.
pub(super) fn brief(answer: &Answer) -> String {
    let mut said = answer.status.to_string();
    if let Some(kind) = answer.json()["scimType"].as_str() {
        said.push(' ');
        said.push_str(kind);
    }
    if answer.status >= 400 {
        if answer.text.trim_start().starts_with('<') {
            said.push_str(" HTML");
        } else if answer.text.is_empty() {
            said.push_str(" empty");
        } else if answer.json().is_null() {
            said.push_str(" text");
        }
    }
    said
}

/// A value as it is shown: absent, or itself.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `kept` or `lost`.
pub(super) fn kept(value: &Value) -> &'static str {
    if value.is_null() || value.as_array().is_some_and(Vec::is_empty) { "lost" } else { "kept" }
}
