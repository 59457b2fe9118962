//! A key that stands twice in a source, with rows that say different things: nobody gets another one's data.

use crate::links::{http, id_of, resources};
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace};
use serde_json::{Value, json};
use std::path::Path;

fn configuration(base_url: &str, source: &str, key: &str) -> String {
    format!(
        r#"{source}
[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
deprovision = "disable"
max_deprovision = "50%"

[provider.acme.resource.attributes]
externalId = {{ field = "{key}" }}
userName = {{ field = "userName" }}
displayName = {{ field = "displayName" }}
"#
    )
}

/// A file of people; whoever is named with a display name of their own has that one.
fn people(count: u32, more: &str) -> String {
    let rows: String = (1..=count).map(|n| format!("E{n},user{n},Person {n}\n")).collect();
    format!("id,userName,displayName\n{rows}{more}")
}

fn workspace(folder: &Path) -> (Workspace, SandboxProcess) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let source = "[source.hr]\ntype = \"csv\"\npath = \"people.csv\"\nkey = \"id\"\n";
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url, source, "id")).unwrap();
    (workspace, sandbox)
}

fn json_run(workspace: &Workspace, arguments: &[&str]) -> Printed {
    workspace.run(&[&["--output", "json"], arguments].concat()).unwrap()
}

/// Why the record failed, each time that it did.
fn failures(printed: &Printed, key: &str) -> Vec<String> {
    let records = printed.events("record").unwrap();
    let failed = records.iter().filter(|event| event["key"] == key && event["action"] == "fail");
    failed.map(|event| event["reason"].as_str().unwrap().to_owned()).collect()
}

fn display_name(base_url: &str, key: &str) -> Option<Value> {
    let all = resources(base_url, "/Users");
    all.into_iter().find(|user| user["externalId"] == key).map(|user| user["displayName"].clone())
}

#[test]
fn neither_of_two_rows_with_one_key_is_taken_however_far_apart_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = workspace(folder.path());
    workspace.write("people.csv", &people(300, "")).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 300);

    // The row of E1 changes, and the last row has its key; E3 leaves; a new E301 stands twice.
    let doubled = people(300, "E1,user1,Somebody else\nE301,new,One\nE301,newer,Another\n")
        .replace("E1,user1,Person 1\n", "E1,user1,Person 1 b\n")
        .replace("E3,user3,Person 3\n", "");
    workspace.write("people.csv", &doubled).unwrap();
    let checked = workspace.run(&["check"]).unwrap();
    assert_eq!(checked.code, Some(4), "{}", checked.stdout);
    assert!(checked.stdout.contains("several rows have the key `E1`, `E301`;"), "{}", checked.stdout);
    let planned = json_run(&workspace, &["plan"]);
    assert_eq!(failures(&planned, "E1").len(), 2, "{}", planned.stdout);
    for _ in 0..2 {
        let synced = json_run(&workspace, &["sync"]);
        let summary = synced.summary().unwrap();
        // E3 may be behind the second E1: nobody is disabled.
        assert_eq!((synced.code, &summary["failed"]), (Some(5), &4.into()), "{summary}");
        assert_eq!((&summary["created"], &summary["updated"]), (&0.into(), &0.into()), "{summary}");
        let reasons = failures(&synced, "E1");
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        for reason in reasons {
            assert!(reason.starts_with("line 2 and line 301 have the same key and say"), "{reason}");
        }
        assert_eq!(display_name(&sandbox.base_url, "E1"), Some("Person 1".into()));
        assert_eq!(display_name(&sandbox.base_url, "E301"), None);
    }
    let status = workspace.run(&["status", "E1"]).unwrap();
    assert!(status.stdout.contains("line 2 and line 301"), "{}", status.stdout);
    let refused = workspace.run(&["provision", "acme", "User", "E1"]).unwrap();
    assert_eq!(refused.code, Some(4), "{}{}", refused.stdout, refused.stderr);
    assert!(refused.stderr.contains("line 2 and line 301"), "{}", refused.stderr);

    // Links are not found again by rows that nobody can trust.
    for name in ["state.db", "state.db.lock"] {
        std::fs::rename(folder.path().join(".scimwright").join(name), folder.path().join(name)).unwrap();
    }
    let rebuilt = json_run(&workspace, &["links", "rebuild", "--as", "created"]);
    let summary = rebuilt.summary().unwrap();
    assert_eq!((rebuilt.code, &summary["linked"]), (Some(4), &298.into()), "{summary}");
    assert!(rebuilt.stdout.contains("line 2 and line 301"), "{}", rebuilt.stdout);
    for name in ["state.db", "state.db.lock"] {
        std::fs::rename(folder.path().join(name), folder.path().join(".scimwright").join(name)).unwrap();
    }

    // Once the source is right, all is well, at once.
    workspace.write("people.csv", &people(300, "E301,new,One\n")).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["failed"], &summary["created"]), (&0.into(), &1.into()), "{summary}");
    let status = workspace.run(&["status", "E1"]).unwrap();
    assert!(!status.stdout.contains("none counts"), "{}", status.stdout);
}

/// A source that is not read twice finds out when the second row comes, and knows the next time.
#[test]
fn what_a_distant_source_has_twice_is_left_out_from_the_next_run_on() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = workspace(folder.path());
    let directory = SandboxProcess::start(&workspace).unwrap();
    let people = http(&directory.base_url);
    let user = |name: &str, key: &str, display: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name, "externalId": key, "displayName": display,
        })
    };
    for number in 1..=200 {
        let body = user(&format!("user{number}"), &format!("E{number}"), &format!("Person {number}"));
        assert_eq!(people.call("POST", "/Users", Some(&body)).unwrap().status, 201);
    }
    let stray = people.call("POST", "/Users", Some(&user("stray", "E1", "Somebody else"))).unwrap();
    assert_eq!(stray.status, 201);
    let source = format!(
        "[source.hr]\ntype = \"scim\"\nprovider = \"directory\"\nresource = \"User\"\nkey = \"externalId\"\n\n\
         [provider.directory]\nbase_url = \"{}\"\nauth = {{ bearer = {{ env = \"SCIM_TOKEN\" }} }}\n",
        directory.base_url
    );
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url, &source, "externalId")).unwrap();

    let first = json_run(&workspace, &["sync"]);
    let summary = first.summary().unwrap();
    assert_eq!(
        (first.code, &summary["created"], &summary["failed"]),
        (Some(4), &200.into(), &1.into()),
        "{summary}"
    );
    assert!(failures(&first, "E1")[0].contains("was taken before this one was seen"), "{}", first.stdout);

    // The first row changes, and is not written: it may not be E1's.
    let id = id_of(&directory.base_url, "/Users", "E1");
    let change = crate::stage::replacing("displayName", "Person 1 b".into());
    assert_eq!(people.call("PATCH", &format!("/Users/{id}"), Some(&change)).unwrap().status / 100, 2);
    let second = json_run(&workspace, &["sync"]);
    assert_eq!(failures(&second, "E1").len(), 2, "{}", second.stdout);
    assert!(failures(&second, "E1")[0].contains("none counts"), "{}", second.stdout);
    assert_eq!(display_name(&sandbox.base_url, "E1"), Some("Person 1".into()));

    let stray = resources(&directory.base_url, "/Users").into_iter().find(|user| user["userName"] == "stray");
    let stray = stray.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(people.call("DELETE", &format!("/Users/{stray}"), None).unwrap().status, 204);
    let third = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&third["failed"], &third["updated"]), (&0.into(), &1.into()), "{third}");
    let fourth = workspace.summary(&["sync"]).unwrap();
    assert_eq!(fourth["unchanged"], 200, "{fourth}");
}
