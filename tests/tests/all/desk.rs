//! What an admin asks at the desk: why is this person not there, and where does this value come from?

use crate::links::{http, id_of};
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) const PEOPLE: &str = "\
id,login,display,status,boss
E1,zoe,Zoë,active,E2
E2,sato,佐藤,active,
E3,tiny,Tiny,left,E2
E4,,Nameless,active,
E5,twin,Twin,active,
";

const TEAMS: &str = "\
id,name,members,subteams,archived
blue,Blue team,E1; E2,,no
old,Old team,E1,,yes
";

fn configuration(base_url: &str) -> String {
    format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "id"

[source.teams]
type = "csv"
path = "teams.csv"
key = "id"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["displayName"]
scope = 'status eq "active"'
deprovision = "disable"
max_deprovision = "50%"

[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
userName = {{ field = "login" }}
displayName = {{ field = "display" }}
locale = {{ constant = "en-US" }}
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" = {{ link = "User", field = "boss" }}

[[provider.acme.resource]]
type = "Group"
source = "teams"
match = ["externalId"]
modules = ["team-groups"]
deprovision = "delete"

[module.team-groups]
settings = {{ prefix = "team-" }}
"#
    )
}

/// People and teams of every kind, synced once.
pub(crate) fn synced(folder: &Path) -> (Workspace, SandboxProcess) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    workspace.add_module("team-groups").unwrap();
    workspace.write("people.csv", PEOPLE).unwrap();
    workspace.write("teams.csv", TEAMS).unwrap();
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url)).unwrap();
    // Two who cannot be told apart by what E5 is matched by.
    for name in ["twin1", "twin2"] {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "displayName": "Twin",
        });
        assert_eq!(http(&sandbox.base_url).call("POST", "/Users", Some(&body)).unwrap().status, 201);
    }
    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!(
        (&first["created"], &first["failed"], &first["skipped"]),
        (&3.into(), &2.into(), &2.into()),
        "{first}"
    );
    (workspace, sandbox)
}

/// The verdict on a record at the only place that knows it.
fn verdict(workspace: &Workspace, key: &str) -> (String, String) {
    let printed = workspace.run(&["--output", "json", "status", key]).unwrap();
    let places = printed.events("whereabouts").unwrap();
    assert_eq!(places.len(), 1, "{}{}", printed.stdout, printed.stderr);
    let text = |name: &str| places[0][name].as_str().unwrap().to_owned();
    (text("verdict"), text("sentence"))
}

#[track_caller]
pub(crate) fn assert_says(workspace: &Workspace, key: &str, verdict_is: &str, parts: &[&str]) {
    let (found, sentence) = verdict(workspace, key);
    assert_eq!(found, verdict_is, "{sentence}");
    for part in parts {
        assert!(sentence.contains(part), "{key}: {sentence}");
    }
}

#[test]
fn the_verdict_on_a_person_names_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let zoe = id_of(&sandbox.base_url, "/Users", "E1");
    assert_says(&workspace, "E1", "provisioned", &[&format!("E1 is at acme (User {zoe})")]);
    // Out of scope by the filter.
    assert_says(
        &workspace,
        "E3",
        "not-wanted",
        &["E3 is not at acme: it is out of scope", "status eq \"active\""],
    );
    // Skipped by the mapping.
    assert_says(
        &workspace,
        "old",
        "not-wanted",
        &["old is not at acme: it was skipped on", "the team is archived"],
    );
    // Refused by the provider: nobody can be made without a userName.
    assert_says(&workspace, "E4", "missing", &["E4 is not at acme: it failed once, on", "userName"]);
    // Several resources match.
    assert_says(
        &workspace,
        "E5",
        "missing",
        &["E5 is not at acme: it failed once", "several resources have this displayName"],
    );
    // Not in the source.
    let strange = workspace.run(&["status", "E77"]).unwrap();
    assert!(
        strange.stdout.contains("E77 is not at acme: source `hr` has no such record"),
        "{}",
        strange.stdout
    );

    // Waiting for its next try.
    workspace.run(&["sync"]).unwrap();
    assert_says(&workspace, "E5", "missing", &["it failed 2 times since", "; next try 2"]);
    let page = workspace.run(&["status"]).unwrap().stdout;
    assert!(
        page.contains("User at acme, from hr: 2 active, 0 disabled, 2 failed, 1 skipped; next try 2"),
        "{page}"
    );
    let status = workspace.summary(&["status"]).unwrap();
    assert_eq!(
        (&status["resources"][0]["failed"], &status["resources"][1]["skipped"]),
        (&2.into(), &1.into())
    );

    // New, and not synced yet.
    workspace.write("people.csv", &format!("{PEOPLE}E6,new,New,active,\n")).unwrap();
    assert_says(&workspace, "E6", "missing", &["E6 is not at acme: it is new since the last full sync on"]);
    // Gone from the source, and still there; then disabled.
    workspace.write("people.csv", &PEOPLE.replace("E1,zoe,Zoë,active,E2\n", "")).unwrap();
    assert_says(
        &workspace,
        "E1",
        "behind",
        &["though source `hr` has no such record any more; the next sync disables it, if nothing"],
    );
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);
    assert_says(&workspace, "E1", "disabled", &["disabled since", "source `hr` has no such record any more"]);
}

#[test]
fn whoever_waits_for_a_provider_in_quarantine_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    workspace.write("people.csv", &format!("{PEOPLE}E6,new,New,active,\n")).unwrap();
    drop(sandbox);
    for _ in 0..3 {
        assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(6));
    }
    assert_says(
        &workspace,
        "E6",
        "missing",
        &["E6 is not at acme: acme is in quarantine until", "after 3 failed rounds"],
    );
    assert_says(
        &workspace,
        "E1",
        "behind",
        &["E1 is at acme (User", "as it was on", "acme is in quarantine until"],
    );
    let page = workspace.run(&["status"]).unwrap().stdout;
    assert!(page.contains("provider  acme is in quarantine until"), "{page}");
    let checked = workspace.run(&["check", "--offline"]).unwrap().stdout;
    assert!(checked.contains("acme") && checked.contains("is in quarantine until"), "{checked}");
}

pub(crate) fn explained(workspace: &Workspace, arguments: &[&str]) -> Value {
    let printed = workspace.run(&[&["--output", "json", "explain"], arguments].concat()).unwrap();
    assert_eq!(printed.code, Some(0), "{}{}", printed.stdout, printed.stderr);
    printed.events("explanation").unwrap().remove(0)
}

fn attribute<'e>(explanation: &'e Value, path: &str) -> &'e Value {
    let all = explanation["attributes"].as_array().unwrap();
    all.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("no {path} in {explanation}"))
}

#[test]
fn every_attribute_is_explained_by_its_layer_its_inputs_and_its_last_change() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let zoe = id_of(&sandbox.base_url, "/Users", "E1");
    let by_hand = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "displayName", "value": "Changed by hand" }],
    });
    http(&sandbox.base_url).call("PATCH", &format!("/Users/{zoe}"), Some(&by_hand)).unwrap();
    workspace.write("people.csv", &PEOPLE.replace("E1,zoe,", "E1,zoe.new,")).unwrap();

    let zoe_now = explained(&workspace, &["acme", "User", "E1"]);
    assert_eq!(
        (&zoe_now["there"]["state"], &zoe_now["resource_id"]),
        (&"read".into(), &zoe.into()),
        "{zoe_now}"
    );
    let name = attribute(&zoe_now, "userName");
    assert_eq!(
        (&name["wanted"], &name["sent"], &name["seen"]),
        (&"zoe.new".into(), &"zoe".into(), &"zoe".into())
    );
    assert_eq!(
        (&name["layers"][0]["field"], &name["layers"][0]["value"]),
        (&"login".into(), &"zoe.new".into())
    );
    let display = attribute(&zoe_now, "displayName");
    assert_eq!((&display["sent"], &display["seen"]), (&"Zoë".into(), &"Changed by hand".into()), "{display}");
    assert_eq!(attribute(&zoe_now, "locale")["layers"][0]["constant"], "en-US");
    assert_eq!(zoe_now["made"]["action"], "create");
    let manager = attribute(&zoe_now, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager");
    assert_eq!(
        (&manager["layers"][0]["link"], &manager["layers"][0]["value"]),
        (&"User".into(), &"E2".into())
    );
    assert_eq!(
        manager["last_change"]["action"], "update",
        "it was filled in after its manager was made: {manager}"
    );
    assert_eq!(zoe_now["next"]["action"], "update");
    assert_eq!(zoe_now["next"]["changes"], json!(["userName"]));
    let offline = explained(&workspace, &["acme", "User", "E1", "--offline"]);
    assert_eq!(attribute(&offline, "displayName")["seen"], "Zoë");

    let blue = explained(&workspace, &["acme", "Group", "blue"]);
    let module = &attribute(&blue, "members")["layers"][0];
    assert_eq!((&module["layer"], &module["module"]), (&"module".into(), &"team-groups".into()), "{blue}");
    assert_eq!(module["digest"].as_str().unwrap().len(), 64);
    assert_eq!(blue["modules"][0]["fields"]["members"], "E1; E2", "{blue}");
    assert_eq!(attribute(&blue, "members")["wanted"].as_array().unwrap().len(), 2);
    assert_eq!(blue["next"]["action"], "unchanged");
    let old = explained(&workspace, &["acme", "Group", "old"]);
    assert_eq!(old["unwanted"], "out of scope: the team is archived");

    let page = workspace.run(&["explain", "acme", "User", "E1"]).unwrap().stdout;
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
    assert!(page.contains("from row userName, field login = \"zoe.new\""), "{page}");
    assert!(page.contains("next sync: update: userName"), "{page}");
}
