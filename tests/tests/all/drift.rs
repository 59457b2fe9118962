//! What others changed at a provider: found, brought back, and followed step by step.

use crate::company::workspace as company_workspace;
use crate::links::{configuration, http, id_of, resources};
use scimwright_sandbox::{Manners, Normalises, Plays, Sandbox, SandboxOptions};
use scimwright_tests::faults::{Fault, Proxy, Request, Script};
use scimwright_tests::people::Company;
use scimwright_tests::servers::{Scim2Server, installed};
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace, root};
use serde_json::{Value, json};
use std::path::Path;

const PEOPLE: &str = "\
id,login,display,boss
E1,zoe,Zoë,E2
E2,sato,佐藤,
E3,tiny,Tiny,E2
";

fn synced(folder: &Path) -> (Workspace, SandboxProcess) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    set_up(&workspace, &sandbox.base_url);
    (workspace, sandbox)
}

fn set_up(workspace: &Workspace, base_url: &str) {
    workspace.write("people.csv", PEOPLE).unwrap();
    workspace.write("teams.csv", "id,name\nblue,Blue team\n").unwrap();
    // Three people: a tighter threshold would hold every repair.
    workspace.write("scimwright.toml", &configuration(base_url).replace("50%", "67%")).unwrap();
    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!(first["created"], 4, "{first}");
}

fn drift(workspace: &Workspace, arguments: &[&str]) -> Printed {
    workspace.run(&[&["--output", "json", "drift"], arguments].concat()).unwrap()
}

/// Changes one attribute by hand.
fn change(base_url: &str, key: &str, path: &str, value: &Value) {
    let id = id_of(base_url, "/Users", key);
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": path, "value": value }],
    });
    let answer = http(base_url).call("PATCH", &format!("/Users/{id}"), Some(&body)).unwrap();
    assert!(answer.status < 300, "{}", answer.text);
}

fn user<'u>(users: &'u [Value], key: &str) -> &'u Value {
    users.iter().find(|user| user["externalId"] == key).unwrap_or_else(|| panic!("{key} is not there"))
}

/// Pain 17: remote edits or deletes are not noticed.
#[test]
fn whoever_was_deleted_or_changed_by_hand_is_named_by_drift_and_brought_back_by_repair() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let base_url = sandbox.base_url.as_str();
    let quiet = drift(&workspace, &[]);
    let summary = quiet.summary().unwrap();
    assert_eq!((quiet.code, &summary["as_left"]), (Some(0), &4.into()), "{}{}", quiet.stdout, quiet.stderr);

    change(base_url, "E1", "displayName", &"By hand".into());
    // What we do not look after is nobody's business.
    change(base_url, "E2", "title", &"By hand".into());
    let tiny = id_of(base_url, "/Users", "E3");
    assert_eq!(http(base_url).call("DELETE", &format!("/Users/{tiny}"), None).unwrap().status, 204);
    let stranger =
        json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "stranger" });
    http(base_url).call("POST", "/Users", Some(&stranger)).unwrap();

    // A sync that sees no change of the source notices nothing.
    assert_eq!(workspace.summary(&["sync"]).unwrap()["unchanged"], 4);
    let found = drift(&workspace, &["acme"]);
    let summary = found.summary().unwrap();
    assert_eq!(found.code, Some(8), "{}{}", found.stdout, found.stderr);
    assert_eq!(
        (&summary["changed"], &summary["missing"], &summary["nobodys"]),
        (&1.into(), &1.into(), &1.into())
    );
    let missing = &found.events("missing").unwrap()[0];
    assert_eq!((&missing["key"], &missing["resource_id"]), (&"E3".into(), &tiny.as_str().into()));
    let changed = &found.events("changed").unwrap()[0];
    let expected = json!([{ "path": "displayName", "sent": "Zoë", "found": "By hand" }]);
    assert_eq!((&changed["key"], &changed["attributes"]), (&"E1".into(), &expected));
    assert_eq!(resources(base_url, "/Users").len(), 3, "a report changes nothing");

    let repaired = drift(&workspace, &["acme", "--repair"]);
    let summary = repaired.summary().unwrap();
    assert_eq!(repaired.code, Some(0), "{}{}", repaired.stdout, repaired.stderr);
    let repair = &summary["repair"];
    assert_eq!((&repair["updated"], &repair["created"]), (&1.into(), &1.into()), "{summary}");
    let users = resources(base_url, "/Users");
    assert_eq!((users.len(), &user(&users, "E1")["displayName"]), (4, &"Zoë".into()));
    assert_eq!(user(&users, "E2")["title"], "By hand", "what is nobody's business stays");
    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    assert_eq!(user(&users, "E3")[manager]["manager"]["value"], user(&users, "E2")["id"], "{users:?}");
    assert_ne!(user(&users, "E3")["id"], tiny.as_str());

    assert_eq!(drift(&workspace, &[]).code, Some(0));
    assert_eq!(workspace.summary(&["sync"]).unwrap()["unchanged"], 4);
    let runs = workspace.summary(&["status"]).unwrap();
    assert!(runs["runs"].as_array().unwrap().len() >= 4, "{runs}");
}

#[test]
fn a_repair_of_more_than_the_threshold_allows_is_held_and_says_how_to_proceed() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let text = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    workspace.write("scimwright.toml", &text.replace("67%", "5%")).unwrap();
    for key in ["E1", "E2"] {
        change(&sandbox.base_url, key, "displayName", &"By hand".into());
    }
    let held = drift(&workspace, &["--repair"]);
    assert_eq!(held.code, Some(5), "{}{}", held.stdout, held.stderr);
    let reason = held.events("held").unwrap()[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("2 of 3 resources are not as they were left"), "{reason}");
    assert!(reason.ends_with("run `scimwright drift acme User --repair --yes`"), "{reason}");
    assert_eq!(user(&resources(&sandbox.base_url, "/Users"), "E1")["displayName"], "By hand");
    let allowed = drift(&workspace, &["--repair", "--yes"]);
    assert_eq!(allowed.summary().unwrap()["repair"]["updated"], 2, "{}", allowed.stdout);
    // One by itself is never too many.
    change(&sandbox.base_url, "E3", "displayName", &"By hand".into());
    change(&sandbox.base_url, "E2", "displayName", &"By hand".into());
    let one = drift(&workspace, &["acme", "User", "--key", "E3", "--repair"]);
    assert_eq!(one.summary().unwrap()["repair"]["updated"], 1, "{}", one.stdout);
    let users = resources(&sandbox.base_url, "/Users");
    assert_eq!(
        (&user(&users, "E3")["displayName"], &user(&users, "E2")["displayName"]),
        (&"Tiny".into(), &"By hand".into())
    );
}

#[test]
fn a_leaver_who_was_made_active_again_by_hand_is_disabled_by_repair_and_one_deleted_by_hand_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let base_url = sandbox.base_url.as_str();
    workspace.write("people.csv", "id,login,display,boss\nE2,sato,佐藤,\n").unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 2);
    change(base_url, "E1", "active", &true.into());
    let tiny = id_of(base_url, "/Users", "E3");
    http(base_url).call("DELETE", &format!("/Users/{tiny}"), None).unwrap();
    let found = drift(&workspace, &["acme", "User"]);
    assert_eq!(found.events("changed").unwrap()[0]["active"], true, "{}", found.stdout);
    let repaired = drift(&workspace, &["acme", "User", "--repair"]);
    let repair = repaired.summary().unwrap()["repair"].clone();
    assert_eq!(
        (&repair["disabled"], &repair["created"], &repair["skipped"]),
        (&1.into(), &0.into(), &1.into())
    );
    let users = resources(base_url, "/Users");
    assert_eq!((users.len(), &user(&users, "E1")["active"]), (2, &false.into()));
    // Its standing is what it was: whoever comes back is active again.
    workspace.write("people.csv", PEOPLE).unwrap();
    workspace.run(&["sync"]).unwrap();
    assert_eq!(user(&resources(base_url, "/Users"), "E1")["active"], true);
}

#[test]
fn a_value_that_the_provider_keeps_in_its_own_form_is_no_drift() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    workspace.write("people.csv", "id,login,display,boss\nE1,zoe,Zoë,\n").unwrap();
    workspace.write("teams.csv", "id,name\nblue,Blue team\n").unwrap();
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url)).unwrap();
    workspace.run(&["sync"]).unwrap();
    // Somebody makes it what the source is going to say.
    change(&sandbox.base_url, "E1", "displayName", &"ZOË".into());
    assert_eq!(drift(&workspace, &["acme", "User"]).code, Some(8), "case counts");
    workspace.write("people.csv", "id,login,display,boss\nE1,zoe,ZOË,\n").unwrap();
    workspace.run(&["sync"]).unwrap();
    assert_eq!(drift(&workspace, &["acme", "User"]).code, Some(0));
}

#[test]
fn one_person_is_synced_afresh_after_a_look_at_the_provider() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    change(&sandbox.base_url, "E1", "displayName", &"By hand".into());
    let blind = workspace.summary(&["provision", "acme", "User", "E1"]).unwrap();
    assert_eq!(blind["action"], "unchanged", "{blind}");
    let fresh = workspace.summary(&["provision", "acme", "User", "E1", "--fresh"]).unwrap();
    assert_eq!(fresh["action"], "updated", "{fresh}");
    assert_eq!(user(&resources(&sandbox.base_url, "/Users"), "E1")["displayName"], "Zoë");
    // And whoever was deleted there is made anew.
    let id = id_of(&sandbox.base_url, "/Users", "E1");
    http(&sandbox.base_url).call("DELETE", &format!("/Users/{id}"), None).unwrap();
    let anew = workspace.summary(&["provision", "acme", "User", "E1", "--fresh"]).unwrap();
    assert_eq!(anew["action"], "created", "{anew}");
}

#[test]
fn a_trace_shows_every_step_of_one_record_from_its_fields_to_what_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    workspace.write("people.csv", &PEOPLE.replace("E1,zoe,Zoë", "E1,zoe,Zoë Prime")).unwrap();
    let printed = workspace.run(&["--output", "json", "provision", "acme", "User", "E1", "--trace"]).unwrap();
    assert_eq!(printed.code, Some(0), "{}{}", printed.stdout, printed.stderr);
    let steps = printed.events("trace").unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["record", "scope", "wanted", "known", "decision", "request", "remembered"]);
    let detail = |name: &str| &steps.iter().find(|step| step["step"] == name).unwrap()["detail"];
    assert_eq!(detail("record")["fields"]["display"], "Zoë Prime");
    assert_eq!(detail("scope")["in_scope"], true);
    assert_eq!(detail("wanted")["attributes"]["displayName"], "Zoë Prime");
    assert_eq!(detail("known")["sent"]["displayName"], "Zoë");
    assert_eq!(detail("decision")["changes"], json!(["displayName"]));
    assert_eq!(detail("decision")["requests"][0]["method"], "PATCH");
    let request = detail("request");
    assert_eq!((&request["method"], &request["status"]), (&"PATCH".into(), &200.into()), "{request}");
    assert_eq!(request["request_id"].as_str().unwrap().len(), 36);
    assert_eq!(detail("remembered")["sent"]["displayName"], "Zoë Prime");
    assert_eq!(printed.summary().unwrap()["action"], "updated");

    // Nobody asked: nothing is said.
    let quiet = workspace.run(&["--output", "json", "provision", "acme", "User", "E1"]).unwrap();
    assert!(quiet.events("trace").unwrap().is_empty());
    let page = workspace.run(&["provision", "acme", "User", "E1", "--trace"]).unwrap().stdout;
    assert!(page.contains("decision\n    action       unchanged"), "{page}");
}

/// A provider that others wrote: what it adds to resources by itself is no drift, and the links to it are found again.
#[test]
fn at_a_server_of_others_nothing_drifts_by_itself_and_a_lost_state_is_rebuilt() {
    let Some(program) = installed(&root(), "scim2-server") else {
        eprintln!("skipped: scim2-server is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Scim2Server::start(&program, folder.path()).unwrap();
    let company = Company::tidy(11, 300);
    let workspace = company_workspace(folder.path(), &server.base_url, &company);
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 300);
    let writes = server.writes().unwrap();

    let quiet = drift(&workspace, &[]);
    let summary = quiet.summary().unwrap();
    assert_eq!((quiet.code, &summary["as_left"]), (Some(0), &300.into()), "{}{}", quiet.stdout, quiet.stderr);
    assert!(server.requests("GET").unwrap() < 60, "pages, and not one request a person");

    std::fs::remove_dir_all(folder.path().join(".scimwright")).unwrap();
    let rebuilt = workspace.summary(&["links", "rebuild", "--as", "created"]).unwrap();
    assert_eq!((&rebuilt["linked"], &rebuilt["without_record"]), (&300.into(), &0.into()), "{rebuilt}");
    let next = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&next["unchanged"], &next["updated"]), (&300.into(), &0.into()), "{next}");
    assert_eq!(drift(&workspace, &[]).code, Some(0));
    assert_eq!(server.writes().unwrap(), writes, "not one request that changes anything");
}

#[test]
fn whoever_was_locked_at_the_provider_is_named_and_not_unlocked_where_the_mapping_says_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    change(&sandbox.base_url, "E1", "active", &false.into());
    let found = drift(&workspace, &["acme", "User"]);
    let changed = &found.events("changed").unwrap()[0];
    assert_eq!(
        (&changed["key"], &changed["active"], &changed["attributes"]),
        (&"E1".into(), &false.into(), &json!([]))
    );
    let repaired = drift(&workspace, &["acme", "User", "--repair"]);
    let summary = repaired.summary().unwrap();
    assert_eq!((repaired.code, &summary["repair"]["updated"]), (Some(0), &0.into()), "{summary}");
    assert_eq!(user(&resources(&sandbox.base_url, "/Users"), "E1")["active"], false);
}

#[test]
fn a_list_that_breaks_off_concludes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let proxy = Proxy::start(&sandbox.base_url, Script::pass()).unwrap();
    set_up(&workspace, proxy.base_url());
    let is_list = |request: &Request| request.method == "GET" && request.path().ends_with("/Users");
    proxy.play(Script::from_fn(
        move |request| if is_list(request) { Fault::answer(400) } else { Fault::Pass },
    ));
    let broken = drift(&workspace, &["acme", "User", "--repair", "--yes"]);
    assert!(broken.code.is_some_and(|code| code == 4 || code == 6), "{}{}", broken.stdout, broken.stderr);
    assert!(broken.events("missing").unwrap().is_empty(), "{}", broken.stdout);
    assert_eq!(broken.summary().unwrap()["repair"], Value::Null);
    assert_eq!(resources(&sandbox.base_url, "/Users").len(), 3);
}

/// A provider that answers changes with 204 and keeps user names in lower case.
#[test]
fn a_form_that_no_answer_showed_is_no_drift_and_a_change_by_hand_is() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let normalises = Normalises { user_name_in_lower_case: true, ..Normalises::default() };
    let manners = Manners { writes_answered_empty: true, normalises, ..Manners::default() };
    let options = SandboxOptions {
        bearer_token: Some(scimwright_tests::servers::TOKEN.into()),
        plays: Some(Plays { manners, ..Plays::default() }),
        ..SandboxOptions::default()
    };
    let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
    let base_url = sandbox.base_url().as_str().trim_end_matches('/').to_owned();
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    set_up(&workspace, &base_url);
    workspace.write("people.csv", &PEOPLE.replace("E1,zoe,Zoë", "E1,Zoe.New,Zoë")).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 1);

    let quiet = drift(&workspace, &[]);
    assert_eq!(quiet.code, Some(0), "{}{}", quiet.stdout, quiet.stderr);
    // Another name is another name, whatever was seen.
    change(&base_url, "E1", "userName", &"by.hand".into());
    let found = drift(&workspace, &[]);
    let named = json!([{ "path": "userName", "sent": "Zoe.New", "found": "by.hand" }]);
    assert_eq!((found.code, &found.events("changed").unwrap()[0]["attributes"]), (Some(8), &named));
    // The repair is answered with 204 too, and looks at what became of it.
    let repaired = drift(&workspace, &["--repair"]);
    assert_eq!(repaired.summary().unwrap()["repair"]["updated"], 1, "{}", repaired.stdout);
    assert_eq!(drift(&workspace, &[]).code, Some(0));
    // From then on every form but that one is a change by hand.
    let state = || {
        let file = workspace.folder.join(".scimwright").join("state.db");
        runtime.block_on(async {
            let store = scimwright_state::StateStore::open(&file).await.unwrap();
            let scope = scimwright_state::LinkScope {
                provider: "acme".parse().unwrap(),
                resource_type: "User".parse().unwrap(),
            };
            let state = store.tenant(&scimwright_record::TenantName::default());
            state.link(&scope, &"E1".parse().unwrap()).await.unwrap().unwrap().seen.into_value()
        })
    };
    assert_eq!(state()["userName"], "zoe.new");
    assert_eq!(workspace.summary(&["sync"]).unwrap()["unchanged"], 4);
    runtime.block_on(sandbox.shutdown());
}

#[test]
fn whoever_points_at_somebody_made_anew_points_at_them_after_the_same_repair() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let base_url = sandbox.base_url.as_str();
    let configuration = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    let members = "[source.seats]\ntype = \"csv\"\npath = \"seats.csv\"\nkey = \"id\"\n\n[provider.acme]";
    let configuration = configuration.replace("[provider.acme]", members)
        + "\n[provider.acme.resource.members]\nsource = \"seats\"\ngroup = \"team\"\nmember = \"person\"\n";
    workspace.write("scimwright.toml", &configuration).unwrap();
    workspace.write("seats.csv", "id,team,person\n1,blue,E1\n2,blue,E2\n").unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 1);
    // The source says something new meanwhile, which is no affair of a repair's.
    workspace.write("people.csv", &PEOPLE.replace("E1,zoe,Zoë", "E1,zoe,Zoë Neu")).unwrap();

    let former = id_of(base_url, "/Users", "E2");
    assert_eq!(http(base_url).call("DELETE", &format!("/Users/{former}"), None).unwrap().status, 204);
    let repaired = drift(&workspace, &["--repair"]);
    assert_eq!(repaired.code, Some(0), "{}{}", repaired.stdout, repaired.stderr);
    let sato = id_of(base_url, "/Users", "E2");
    assert_ne!(sato, former);
    let users = resources(base_url, "/Users");
    for report in ["E1", "E3"] {
        let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert_eq!(user(&users, report)[extension]["manager"]["value"], sato.as_str(), "{report}: {users:?}");
    }
    assert_eq!(user(&users, "E1")["displayName"], "Zoë", "that is a sync's affair");
    let group = resources(base_url, "/Groups").remove(0);
    let mut held: Vec<&str> =
        group["members"].as_array().unwrap().iter().map(|member| member["value"].as_str().unwrap()).collect();
    held.sort_unstable();
    let zoe = id_of(base_url, "/Users", "E1");
    let mut expected = [zoe.as_str(), sato.as_str()];
    expected.sort_unstable();
    assert_eq!(held, expected, "{group}");
    let summary = repaired.summary().unwrap();
    assert_eq!(
        (&summary["repair"]["created"], &summary["repair"]["updated"]),
        (&1.into(), &3.into()),
        "two reports and a group: {summary}"
    );
    assert_eq!(drift(&workspace, &[]).code, Some(0));
    let rest = workspace.summary(&["sync", "--changed"]).unwrap();
    assert_eq!(
        (&rest["updated"], &rest["created"], &rest["references"]),
        (&1.into(), &0.into(), &0.into()),
        "{rest}"
    );
}
