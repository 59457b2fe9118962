//! Whom the mapping makes inactive, where somebody deleted the resource by hand meanwhile.

use crate::links::{http, resources};
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::{Value, json};
use std::path::Path;

const CONFIGURATION: &str = r#"[source.hr]
type = "json-lines"
path = "people.jsonl"
key = "id"

[provider.acme]
base_url = "BASE_URL"
auth = { bearer = { env = "SCIM_TOKEN" } }

[[provider.acme.resource]]
type = "User"
source = "hr"
deprovision = "nothing"

[provider.acme.resource.attributes]
externalId = { field = "id" }
userName = { field = "login" }
displayName = { field = "display" }
title = { field = "title" }
active = { field = "active" }
"#;

struct Stage {
    workspace: Workspace,
    sandbox: SandboxProcess,
}

impl Stage {
    /// Two active people, and the resource of the first was deleted by hand.
    fn new(folder: &Path) -> Self {
        let workspace = Workspace::new(folder).unwrap();
        let sandbox = SandboxProcess::start(&workspace).unwrap();
        workspace.write("scimwright.toml", &CONFIGURATION.replace("BASE_URL", &sandbox.base_url)).unwrap();
        let stage = Self { workspace, sandbox };
        stage.write("Clerk", true);
        assert_eq!(stage.workspace.summary(&["sync"]).unwrap()["created"], 2);
        let id = stage.user()["id"].as_str().unwrap().to_owned();
        let deleted = http(&stage.sandbox.base_url).call("DELETE", &format!("/Users/{id}"), None).unwrap();
        assert_eq!(deleted.status, 204);
        stage
    }

    fn write(&self, title: &str, active: bool) {
        let person = |id: &str, title: &str, active: bool| {
            json!({ "id": id, "login": id.to_lowercase(), "display": format!("Person {id}"), "title": title,
                "active": active })
        };
        let lines = format!("{}\n{}\n", person("E1", title, active), person("E2", "Clerk", true));
        self.workspace.write("people.jsonl", &lines).unwrap();
    }

    fn user(&self) -> Value {
        let all = resources(&self.sandbox.base_url, "/Users");
        all.into_iter().find(|user| user["externalId"] == "E1").unwrap_or(Value::Null)
    }

    fn assert_whole_and_inactive(&self, title: &str) {
        let user = self.user();
        let said = ["userName", "displayName", "title", "active"].map(|name| user[name].clone());
        assert_eq!(said, ["e1".into(), "Person E1".into(), title.into(), Value::from(false)], "{user}");
        assert_eq!(resources(&self.sandbox.base_url, "/Users").len(), 2);
        let next = self.workspace.summary(&["sync"]).unwrap();
        assert_eq!((&next["unchanged"], &next["failed"]), (&2.into(), &0.into()), "{next}");
    }
}

#[test]
fn who_is_made_inactive_after_a_deletion_by_hand_gets_a_whole_resource_that_is_inactive() {
    // With nothing else that changed, and with another attribute that did.
    for title in ["Clerk", "Boss"] {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::new(folder.path());
        stage.write(title, false);
        let summary = stage.workspace.summary(&["sync"]).unwrap();
        assert_eq!(summary["failed"], 0, "{summary}");
        stage.assert_whole_and_inactive(title);
    }
}

#[test]
fn a_single_record_that_is_made_inactive_after_a_deletion_by_hand_is_whole_too() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.write("Clerk", false);
    let printed = stage.workspace.run(&["provision", "acme", "User", "E1"]).unwrap();
    assert_eq!(printed.code, Some(0), "{}{}", printed.stdout, printed.stderr);
    stage.assert_whole_and_inactive("Clerk");
}

#[test]
fn who_is_protected_is_said_to_stay_active_whatever_the_mapping_says() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    assert_eq!(stage.workspace.summary(&["sync"]).unwrap()["failed"], 0);
    let text = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    let explained = |rules: &str| {
        let rules = format!("deprovision = \"nothing\"\n{rules}");
        let text = text.replace("deprovision = \"nothing\"", &rules);
        stage.workspace.write("scimwright.toml", &text).unwrap();
        stage.workspace.run(&["explain", "acme", "User", "E1"]).unwrap().stdout
    };
    stage.write("Clerk", false);
    let said = explained("");
    assert!(said.contains("the mapping makes it inactive: it is disabled after everybody else"), "{said}");
    let said = explained("protect = [\"E1\"]");
    assert!(said.contains("the mapping makes it inactive; it stays as it is: `protect` names it"), "{said}");
    let synced = stage.workspace.summary(&["sync"]).unwrap();
    assert_eq!((&synced["disabled"], &synced["skipped"]), (&0.into(), &1.into()), "{synced}");
    assert_ne!(stage.user()["active"], false);
}
