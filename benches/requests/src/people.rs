//! The users that are created: the same whoever creates them.

use anyhow::Context;
use scimwright_scim::{AttributePath, Desired, Resource, urn};
use serde_json::{Value, json};

/// How many people stand at the provider before a task that needs some.
pub(crate) const PEOPLE: u64 = 1_000;

/// The attribute that people are told apart by.
pub(crate) const MATCH_BY: &str = "userName";

/// The user name of a person; no two numbers have the same.
pub(crate) fn user_name(number: u64) -> String {
    format!("jdoe{number}@example.com")
}

/// Somebody out of many: all of them in turn.
pub(crate) fn one_of<T>(many: &[T], number: u64) -> &T {
    let index = usize::try_from(number).unwrap_or_default() % many.len();
    &many[index]
}

/// The body of a create, as somebody writes it down who knows SCIM.
pub(crate) fn body(number: u64) -> Value {
    let user_name = user_name(number);
    let mut body = json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER],
        "userName": user_name,
        "externalId": format!("E{number:06}"),
        "name": { "formatted": "Jane Doe", "familyName": "Doe", "givenName": "Jane" },
        "displayName": "Jane Doe",
        "title": "Engineer, grade 7",
        "preferredLanguage": "en-GB",
        "active": true,
        "emails": [{ "value": user_name, "type": "work", "primary": true }],
        "phoneNumbers": [
            { "value": "+33123456789", "type": "work" },
            { "value": "+33612345678", "type": "mobile" },
        ],
    });
    body[urn::ENTERPRISE_USER.as_str()] =
        json!({ "employeeNumber": format!("{number:06}"), "department": "Products: Research" });
    body
}

/// The same as a resource, for the client.
pub(crate) fn resource(number: u64) -> anyhow::Result<Resource> {
    Resource::from_value(body(number)).context("the body is a resource")
}

/// The same as a wanted state, for the provider. Attribute paths are read once, as in every program that knows
/// beforehand which attributes it sets.
#[derive(Debug)]
pub(crate) struct People {
    paths: Vec<(AttributePath, &'static str)>,
}

impl People {
    pub(crate) fn new() -> anyhow::Result<Self> {
        const CORE: [&str; 9] = [
            "userName",
            "externalId",
            "name",
            "displayName",
            "title",
            "preferredLanguage",
            "active",
            "emails",
            "phoneNumbers",
        ];
        const ENTERPRISE: [&str; 2] = ["employeeNumber", "department"];
        let core = CORE.iter().map(|name| Ok((AttributePath::parse(name)?, *name)));
        let enterprise = ENTERPRISE
            .iter()
            .map(|name| Ok((AttributePath::parse(&format!("{}:{name}", urn::ENTERPRISE_USER))?, *name)));
        Ok(Self { paths: core.chain(enterprise).collect::<anyhow::Result<_>>()? })
    }

    pub(crate) fn wanted(&self, number: u64) -> Desired {
        let mut body = body(number);
        let mut extension = body[urn::ENTERPRISE_USER.as_str()].take();
        let mut desired = Desired::new();
        for (path, name) in &self.paths {
            let from = if path.schema.is_some() { &mut extension } else { &mut body };
            desired.set(path, from[*name].take());
        }
        desired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::builtin;

    #[test]
    fn a_wanted_state_becomes_the_same_body() {
        let wanted = People::new().unwrap().wanted(7);
        assert_eq!(wanted.to_resource(builtin::user_resource_type()).into_value(), body(7));
    }
}
