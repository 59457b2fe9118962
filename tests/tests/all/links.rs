//! Links put right by hand: adopted, forgotten, exported, taken along to a new address, and rebuilt.

use scimwright_tests::servers::{Http, TOKEN};
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace};
use serde_json::{Value, json};
use std::path::Path;

const PEOPLE: &str = "\
id,login,display,boss
E1,zoe,Zoë,E2
E2,sato,佐藤,
E3,tiny,Tiny,E2
";

const TEAMS: &str = "\
id,name
blue,Blue team
red,Red team
";

pub(crate) fn configuration(base_url: &str) -> String {
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
deprovision = "disable"
max_deprovision = "50%"

[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
userName = {{ field = "login" }}
displayName = {{ field = "display" }}
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" = {{ link = "User", field = "boss" }}

[[provider.acme.resource]]
type = "Group"
source = "teams"
match = ["externalId", "displayName"]
deprovision = "delete"

[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
displayName = {{ field = "name" }}
"#
    )
}

/// A folder with three people and two teams, and a provider where they are.
pub(crate) fn synced(folder: &Path) -> (Workspace, SandboxProcess) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    workspace.write("people.csv", PEOPLE).unwrap();
    workspace.write("teams.csv", TEAMS).unwrap();
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url)).unwrap();
    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!(first["created"], 5, "{first}");
    (workspace, sandbox)
}

pub(crate) fn http(base_url: &str) -> Http {
    Http::new(base_url, Some(format!("Bearer {TOKEN}")))
}

pub(crate) fn resources(base_url: &str, endpoint: &str) -> Vec<Value> {
    let listed = http(base_url).call("GET", &format!("{endpoint}?count=1000"), None).unwrap();
    listed.expect_json().unwrap()["Resources"].as_array().cloned().unwrap_or_default()
}

pub(crate) fn id_of(base_url: &str, endpoint: &str, external_id: &str) -> String {
    let found = resources(base_url, endpoint).into_iter().find(|one| one["externalId"] == external_id);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

fn json_run(workspace: &Workspace, arguments: &[&str]) -> Printed {
    workspace.run(&[&["--output", "json"], arguments].concat()).unwrap()
}

fn lose_the_state(folder: &Path) {
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let file = folder.join(".scimwright").join(name);
        if file.exists() {
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn a_state_that_was_lost_is_rebuilt_and_the_next_sync_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    lose_the_state(folder.path());
    let shown = json_run(&workspace, &["links", "show", "acme", "User"]).summary().unwrap();
    assert_eq!(shown["links"], 0, "the state is lost: {shown}");

    let rebuilt = json_run(&workspace, &["links", "rebuild", "--as", "created"]);
    let summary = rebuilt.summary().unwrap();
    assert_eq!((rebuilt.code, &summary["linked"]), (Some(0), &5.into()), "{summary}");
    assert_eq!((&summary["resources"], &summary["records"]), (&5.into(), &5.into()), "{summary}");

    let next = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&next["unchanged"], &next["created"]), (&5.into(), &0.into()), "{next}");
    assert_eq!((&next["updated"], &next["adopted"]), (&0.into(), &0.into()), "{next}");
    assert_eq!(resources(&sandbox.base_url, "/Users").len(), 3);
    // They count as ours: whoever leaves is deprovisioned.
    workspace.write("people.csv", &PEOPLE.replace("E3,tiny,Tiny,E2\n", "")).unwrap();
    let left = workspace.summary(&["sync"]).unwrap();
    assert_eq!(left["disabled"], 1, "{left}");
}

#[test]
fn rebuilding_links_nobody_whose_resource_is_in_doubt_and_changes_nothing_at_the_provider() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    lose_the_state(folder.path());
    let acme = http(&sandbox.base_url);
    // Somebody renamed a person there, a second resource has another's externalId, and one is nobody's.
    let zoe = id_of(&sandbox.base_url, "/Users", "E1");
    let renamed = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "displayName", "value": "Zoe Renamed" }],
    });
    acme.call("PATCH", &format!("/Users/{zoe}"), Some(&renamed)).unwrap();
    for (name, external_id) in [("sato2", "E2"), ("stranger", "X9")] {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "externalId": external_id,
        });
        assert_eq!(acme.call("POST", "/Users", Some(&body)).unwrap().status, 201);
    }
    workspace.write("people.csv", &format!("{PEOPLE}E4,new,Newcomer,\n")).unwrap();
    let before = resources(&sandbox.base_url, "/Users");
    let rebuilt = json_run(&workspace, &["links", "rebuild", "acme", "User", "--as", "adopted"]);
    assert_eq!(resources(&sandbox.base_url, "/Users"), before, "nothing is written");

    let summary = rebuilt.summary().unwrap();
    assert_eq!(rebuilt.code, Some(4), "somebody is in doubt: {summary}");
    assert_eq!((&summary["linked"], &summary["unclear"]), (&2.into(), &1.into()), "{summary}");
    assert_eq!(
        (&summary["without_resource"], &summary["without_record"]),
        (&1.into(), &3.into()),
        "{summary}"
    );
    let unclear = rebuilt.events("unclear").unwrap();
    assert_eq!(unclear[0]["key"], "E2");
    assert!(unclear[0]["reason"].as_str().unwrap().starts_with("several resources have its externalId: "));
    assert_eq!(rebuilt.events("no-resource").unwrap()[0]["key"], "E4");
    let nobodys = rebuilt.events("no-record").unwrap();
    assert!(nobodys.iter().any(|one| one["name"] == "stranger"), "{nobodys:?}");

    // The one true difference is sent, and nothing else; the one in doubt is made no second time.
    let next = workspace.summary(&["sync", "--resource", "User"]).unwrap();
    assert_eq!(
        (&next["updated"], &next["created"], &next["failed"]),
        (&1.into(), &1.into(), &1.into()),
        "{next}"
    );
    assert_eq!(resources(&sandbox.base_url, "/Users").len(), 6);
}

#[test]
fn two_records_that_match_one_resource_are_both_named_and_neither_is_linked() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    lose_the_state(folder.path());
    // E9 has the login of E1, and E1 another number now.
    workspace.write("people.csv", "id,login,display,boss\nE8,zoe,Zoë,\nE9,zoe,Zoë,\n").unwrap();
    let rebuilt = json_run(&workspace, &["links", "rebuild", "acme", "User", "--as", "created"]);
    let summary = rebuilt.summary().unwrap();
    assert_eq!((&summary["linked"], &summary["unclear"]), (&0.into(), &2.into()), "{summary}");
    let reasons = rebuilt.events("unclear").unwrap();
    assert!(
        reasons[0]["reason"].as_str().unwrap().ends_with("matches several records: E8, E9"),
        "{reasons:?}"
    );
}

#[test]
fn links_are_not_rebuilt_from_a_source_that_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    lose_the_state(folder.path());
    // A row whose key nobody can read may be anybody.
    workspace.write("people.csv", &format!("{PEOPLE},nobody,No key,\n")).unwrap();
    let rebuilt = json_run(&workspace, &["links", "rebuild", "acme", "User", "--as", "created"]);
    assert_eq!(rebuilt.code, Some(6), "{}{}", rebuilt.stdout, rebuilt.stderr);
    assert_eq!(rebuilt.summary().unwrap()["linked"], 0);
    let shown = json_run(&workspace, &["links", "show", "acme", "User"]).summary().unwrap();
    assert_eq!(shown["links"], 0);
}

#[test]
fn an_id_that_belongs_to_another_record_is_not_adopted_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let zoe = id_of(&sandbox.base_url, "/Users", "E1");
    let refused = workspace.run(&["links", "adopt", "acme", "User", "E2", &zoe]).unwrap();
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let says = format!("resource `{zoe}` at `acme` belongs to record `E1`");
    assert!(refused.stderr.contains(&says), "{}", refused.stderr);
    // Not with force either.
    let refused = workspace.run(&["links", "adopt", "acme", "User", "E2", &zoe, "--replace"]).unwrap();
    assert_eq!(refused.code, Some(4));
    let unknown =
        workspace.run(&["links", "adopt", "acme", "User", "E2", "no-such-id", "--replace"]).unwrap();
    assert!(unknown.stderr.contains("has no User with the id `no-such-id`"), "{}", unknown.stderr);
}

#[test]
fn a_resource_adopted_by_hand_is_brought_up_to_date_by_the_next_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "k.old", "displayName": "K",
    });
    let made = http(&sandbox.base_url).call("POST", "/Users", Some(&body)).unwrap().expect_json().unwrap();
    let id = made["id"].as_str().unwrap();
    workspace.write("people.csv", &format!("{PEOPLE}E4,k.new,Kay,\n")).unwrap();
    let adopted = json_run(&workspace, &["links", "adopt", "acme", "User", "E4", id]);
    let link = &adopted.events("link").unwrap()[0];
    assert_eq!((&link["ownership"], &link["resource_id"]), (&"adopted".into(), &id.into()), "{link}");
    // It has a link now, and another one needs to be meant.
    let again = workspace.run(&["links", "adopt", "acme", "User", "E4", id]).unwrap();
    assert!(again.stderr.contains("`--replace` gives that one up"), "{}", again.stderr);

    let next = workspace.summary(&["sync", "--resource", "User"]).unwrap();
    assert_eq!((&next["updated"], &next["created"]), (&1.into(), &0.into()), "{next}");
    assert_eq!(id_of(&sandbox.base_url, "/Users", "E4"), id);
    let rows = json_run(&workspace, &["log", "--key", "E4"]).events("call").unwrap();
    assert!(
        rows.iter().any(|row| row["action"] == "adopt" && row["message"] == "linked by hand"),
        "{rows:?}"
    );
}

#[test]
fn a_forgotten_link_is_found_again_by_the_next_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let asked = workspace.run(&["links", "forget", "acme", "User", "E1"]).unwrap();
    assert_eq!(asked.code, Some(2), "nobody is here to be asked");
    assert!(asked.stderr.contains("The next run looks for the resource"), "{}", asked.stderr);
    let forgotten = json_run(&workspace, &["links", "forget", "acme", "User", "E1", "E7", "--yes"]);
    let summary = forgotten.summary().unwrap();
    assert_eq!((forgotten.code, &summary["forgotten"], &summary["unknown"]), (Some(4), &1.into(), &1.into()));
    let next = workspace.summary(&["sync", "--resource", "User"]).unwrap();
    assert_eq!((&next["adopted"], &next["created"]), (&1.into(), &0.into()), "{next}");
    assert_eq!(resources(&sandbox.base_url, "/Users").len(), 3);
    let all = json_run(&workspace, &["links", "forget", "acme", "User", "--all", "--yes"]).summary().unwrap();
    assert_eq!(all["forgotten"], 3, "{all}");
}

#[test]
fn the_map_from_record_keys_to_ids_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let exported = workspace.run(&["links", "export", "acme", "user"]).unwrap();
    let ids = ["E1", "E2", "E3"].map(|key| id_of(&sandbox.base_url, "/Users", key));
    let expected = format!(
        "key,resource_id,ownership,standing\nE1,{},created,active\nE2,{},created,active\nE3,{},created,active\n",
        ids[0], ids[1], ids[2]
    );
    assert_eq!(exported.stdout, expected);
    let file = folder.path().join("map.jsonl");
    let to_file =
        ["links", "export", "acme", "Group", "--format", "json-lines", "--out", file.to_str().unwrap()];
    assert_eq!(workspace.run(&to_file).unwrap().code, Some(0));
    let lines = std::fs::read_to_string(file).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["key"], &first["ownership"]), (&"blue".into(), &"created".into()), "{lines}");
    assert_eq!(lines.lines().count(), 2);
}

#[test]
fn the_links_of_a_provider_that_moved_are_taken_along_only_where_its_resources_are() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    // The same service under another name of this machine, and another service.
    let elsewhere = SandboxProcess::start(&workspace).unwrap();
    workspace.write("scimwright.toml", &configuration(&elsewhere.base_url)).unwrap();
    let stopped = workspace.run(&["sync"]).unwrap();
    assert!(stopped.stderr.contains("scimwright links move acme"), "{}{}", stopped.stdout, stopped.stderr);
    let refused = workspace.run(&["links", "move", "acme"]).unwrap();
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("is not there"), "{}", refused.stderr);

    let same = sandbox.base_url.replace("127.0.0.1", "localhost");
    assert_ne!(same, sandbox.base_url);
    workspace.write("scimwright.toml", &configuration(&same)).unwrap();
    let moved = json_run(&workspace, &["links", "move", "acme"]);
    let summary = moved.summary().unwrap();
    assert_eq!((moved.code, &summary["checked"]), (Some(0), &5.into()), "{}{}", moved.stdout, moved.stderr);
    let next = workspace.summary(&["sync"]).unwrap();
    assert_eq!(
        (&next["unchanged"], &next["requests"].as_u64()),
        (&5.into(), &next["requests"].as_u64()),
        "{next}"
    );
}
