//! The company of the end-to-end tests: its configuration, and what its people are to look like as Users.

use corp_defaults::CorpDefaults;
use corp_user::CorpUser;
use scimwright_guest::prelude::*;
use scimwright_tests::people::{Company, Person};
use scimwright_tests::tool::Workspace;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The folder, configured for a provider, with both modules and the company's file.
pub(crate) fn workspace(folder: &std::path::Path, base_url: &str, company: &Company) -> Workspace {
    let workspace = Workspace::new(folder).unwrap();
    workspace.add_module("corp-user").unwrap();
    workspace.add_module("corp-defaults").unwrap();
    workspace.write("scimwright.toml", &Company::configuration(base_url)).unwrap();
    workspace.write("people.csv", &company.to_csv()).unwrap();
    workspace
}

/// What every person is to be at the provider, worked out by the mapping natively: no WebAssembly, no
/// provisioning, no client between the row and the result. Managers stand there by key.
pub(crate) fn expected_users(company: &Company) -> BTreeMap<String, Value> {
    company.people.iter().map(|person| (person.id.clone(), expected_user(person))).collect()
}

fn expected_user(person: &Person) -> Value {
    let record =
        person.cells().into_iter().fold(Record::builder("hr", &person.id), |record, (column, cell)| {
            if cell.is_empty() { record } else { record.text(column, cell.trim()) }
        });
    let record = record.build();
    let Ok(Outcome::Provision(mut map)) = CorpUser::map(&testing::context::<CorpUser>(), &record) else {
        panic!("{} cannot be mapped", person.id);
    };
    let defaults = CorpDefaults::defaults(&testing::context::<CorpDefaults>(), &record, &map).unwrap();
    for (name, value) in defaults.iter() {
        if map.get(name).is_none() {
            map.set(name, value.clone());
        }
    }
    let mut user = map.to_json();
    if let Some(manager) = user.pointer_mut(MANAGER).filter(|manager| !manager.is_null()) {
        let link = text(&manager["value"], "$link");
        *manager = serde_json::json!({ "value": link.replace("User/", "key:") });
    }
    normal(user)
}

/// The provider's Users by externalId, without what providers add by themselves, and with each manager's
/// id replaced by the manager's key.
pub(crate) fn comparable(users: Vec<Value>) -> BTreeMap<String, Value> {
    let keys: BTreeMap<String, String> =
        users.iter().map(|user| (text(user, "id"), text(user, "externalId"))).collect();
    users
        .into_iter()
        .map(|user| {
            let key = text(&user, "externalId");
            (key, without_additions(user, &keys))
        })
        .collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

fn without_additions(user: Value, keys: &BTreeMap<String, String>) -> Value {
    let Value::Object(mut user) = user else { panic!("a User is an object") };
    for added in ["id", "meta", "schemas", "groups"] {
        user.remove(added);
    }
    let mut user = Value::Object(user);
    if let Some(manager) = user.pointer_mut(MANAGER) {
        let id = text(manager, "value");
        *manager = serde_json::json!({ "value": format!("key:{}", keys[&id]) });
    }
    normal(user)
}

const MANAGER: &str = "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager";

/// Keys in order, nulls and empty lists gone: RFC 7643 section 2.5 makes them one state.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let sorted: BTreeMap<String, Value> = entries
                .into_iter()
                .filter(|(_, value)| {
                    !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
                })
                .map(|(key, value)| (key, normal(value)))
                .collect();
            Value::Object(sorted.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(normal).collect()),
        other => other,
    }
}
