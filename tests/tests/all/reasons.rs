//! Why is this person not there? What `status` says when a run could not begin, broke off, held somebody or has nothing to
//! do with it, and what `explain` and `drift` say of somebody who left or never was.

use crate::desk::{PEOPLE, assert_says, explained, synced};
use crate::links::{http, id_of, resources};
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace};
use serde_json::Value;
use std::path::Path;

/// The last run over the people at acme, as `status` has it, and the screen.
fn last_run(workspace: &Workspace) -> (Value, String) {
    let status = workspace.summary(&["status"]).unwrap();
    let runs = status["runs"].as_array().unwrap();
    let run = runs.iter().find(|run| run["resource_type"] == "User" && run["kind"] == "sync").cloned();
    (run.unwrap(), workspace.run(&["status"]).unwrap().stdout)
}

fn contains(text: &Value, part: &str) -> bool {
    text.as_str().is_some_and(|text| text.contains(part))
}

fn sync(workspace: &Workspace) -> Printed {
    workspace.run(&["--output", "json", "sync"]).unwrap()
}

/// The configuration, with something in it replaced.
fn reconfigure(workspace: &Workspace, from: &str, to: &str) {
    let file = workspace.folder.join("scimwright.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    workspace.write("scimwright.toml", &text.replace(from, to)).unwrap();
}

#[test]
fn a_provider_that_is_away_is_named_from_the_first_failed_round_on() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    drop(sandbox);
    workspace.write("people.csv", &format!("{PEOPLE}E7,seven,Seven,active,\n")).unwrap();
    assert_eq!(sync(&workspace).code, Some(6));
    let (run, page) = last_run(&workspace);
    assert_eq!(run["outcome"], "not-begun");
    assert!(contains(&run["reason"], "there is no connection to it"), "{run}");
    assert!(page.contains("provider  acme failed in the last round, since "), "{page}");
    assert!(page.contains("User at acme: not begun: "), "{page}");
    assert!(page.contains(": as above\n"), "it is said once of two types: {page}");
    assert_says(&workspace, "E7", "missing", &["could not begin: ", "there is no connection to it"]);
    assert_says(&workspace, "E1", "behind", &["as it was on ", "could not begin: "]);
    // There was no call, so the log says where to ask.
    let log = workspace.run(&["log", "--key", "E7"]).unwrap().stdout;
    assert!(log.contains("`scimwright status E7` says where the record stands"), "{log}");
    // In quarantine that says more.
    sync(&workspace);
    sync(&workspace);
    assert_says(&workspace, "E7", "missing", &["acme is in quarantine until"]);
}

#[test]
fn a_module_that_is_gone_or_no_module_keeps_somebody_away_and_is_named_before_and_after_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    let module = folder.path().join("modules/team-groups.wasm");
    let sound = std::fs::read(&module).unwrap();
    workspace.write("teams.csv", "id,name,members,subteams,archived\nred,Red team,E1,,no\n").unwrap();
    std::fs::remove_file(&module).unwrap();
    assert_says(&workspace, "red", "missing", &["module `team-groups` cannot be used: there is no file"]);
    assert_eq!(sync(&workspace).code, Some(3));
    let (run, _) = last_run(&workspace);
    assert!(contains(&run["reason"], "module `team-groups` of tenant `default` cannot be loaded"), "{run}");
    std::fs::write(&module, "no module").unwrap();
    assert_says(&workspace, "red", "missing", &["cannot be used: it is no WebAssembly"]);
    // As long as no sync has taken it up, what the last one came to is all that is known.
    std::fs::write(&module, sound).unwrap();
    assert_says(&workspace, "red", "missing", &["could not begin: module `team-groups`"]);
    assert_eq!(sync(&workspace).summary().unwrap()["created"], 1);
    assert_says(&workspace, "red", "provisioned", &[]);
}

#[test]
fn a_source_that_could_not_be_read_is_no_completed_run() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    std::fs::remove_file(folder.path().join("people.csv")).unwrap();
    assert_eq!(sync(&workspace).code, Some(6));
    let (run, page) = last_run(&workspace);
    assert_eq!((&run["outcome"], &run["summary"]["held"]), (&"failed".into(), &2.into()), "{run}");
    assert!(contains(&run["reason"], "people.csv"), "{run}");
    assert!(contains(&run["held_because"], "so nobody is taken for a leaver"), "{run}");
    assert!(page.contains("User at acme: failed (2 held): not everybody was seen"), "{page}");
    // It can be read again: what is there is as it was, and somebody new was not seen yet.
    let one = PEOPLE.replace("E1,zoe,Zoë,active,E2\n", "");
    workspace.write("people.csv", &format!("{one}E8,eight,Eight,active,\n")).unwrap();
    assert_says(&workspace, "E8", "missing", &["did not come to its end: source `hr` could not be read"]);
    assert_says(
        &workspace,
        "E1",
        "behind",
        &["no such record any more", "held it up: not everybody was seen"],
    );
    assert_says(&workspace, "E2", "behind", &["as it was on", "did not come to its end: source `hr`"]);
    assert_eq!(sync(&workspace).summary().unwrap()["disabled"], 1);
    assert_says(&workspace, "E2", "provisioned", &[]);
}

#[test]
fn leavers_who_are_held_are_told_what_holds_them() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    // Both who are there leave, and half of them may.
    workspace.write("people.csv", "id,login,display,status,boss\nE9,nine,Nine,active,\n").unwrap();
    reconfigure(&workspace, "max_deprovision = \"50%\"", "max_deprovision = 1");
    let pending = "; the next sync disables it, if nothing holds that up";
    assert_says(&workspace, "E1", "behind", &[pending]);
    sync(&workspace);
    let held = "held it up: 2 would go, and of 3 active ones max_deprovision = 1 allows 1; if this is right, run \
                `scimwright sync --provider acme --resource User --allow-deprovisions 2`";
    assert_says(&workspace, "E1", "behind", &[pending, held]);
    let next = explained(&workspace, &["acme", "User", "E1"])["next"].clone();
    assert!(next["action"] == "disable" && contains(&next["reason"], held), "{next}");
    let (run, page) = last_run(&workspace);
    assert!(run["outcome"] == "completed" && contains(&run["held_because"], "2 would go"), "{run}");
    assert!(page.contains("User at acme: completed (1 created, 2 held): 2 would go"), "{page}");
    // A row of which nobody knows whose it is.
    workspace
        .write("people.csv", "id,login,display,status,boss\nE9,nine,Nine,active,\n,who,Who,active,\n")
        .unwrap();
    sync(&workspace);
    assert_says(&workspace, "E1", "behind", &["held it up: 1 row of source `hr` could not be told apart"]);
}

#[test]
fn whoever_stays_active_because_too_many_were_made_inactive_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    reconfigure(&workspace, "max_deprovision = \"50%\"", "max_deprovision = 1");
    let row = "locale = { constant = \"en-US\" }";
    reconfigure(&workspace, row, &format!("{row}\nactive = {{ field = \"works\", if_empty = \"leave\" }}"));
    let people = |works: &str| {
        format!(
            "id,login,display,status,boss,works\nE1,zoe,Zoë,active,E2,{works}\nE2,sato,佐藤,active,,{works}\n"
        )
    };
    workspace.write("people.csv", &people("")).unwrap();
    assert_eq!(sync(&workspace).summary().unwrap()["failed"], 0);
    assert_says(&workspace, "E1", "provisioned", &[]);
    workspace.write("people.csv", &people("false")).unwrap();
    assert_eq!(sync(&workspace).code, Some(5));
    let parts = [
        "; the mapping makes it inactive, and the last sync, on 2",
        "held it up: 2 would go, and of 2 active",
    ];
    assert_says(&workspace, "E1", "provisioned", &parts);
    workspace.write("people.csv", &people("")).unwrap();
    assert_eq!(sync(&workspace).code, Some(0));
    let says = workspace.run(&["status", "E1"]).unwrap().stdout;
    assert!(!says.contains("makes it inactive"), "{says}");
}

#[test]
fn whoever_else_claims_a_resource_is_named_to_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    workspace.write("people.csv", &PEOPLE.replace("E2,sato", "N2,sato")).unwrap();
    assert_eq!(sync(&workspace).code, Some(4));
    let contested = "it stays as it is: record N2 claims the resource too, and nobody knows whose it is";
    assert_says(&workspace, "E2", "behind", &[contested]);
    let status = workspace.run(&["--output", "json", "status", "E2"]).unwrap();
    let found = &status.events("whereabouts").unwrap()[0];
    assert_eq!((&found["claimed_by"][0], &found["if_it_left"]), (&"N2".into(), &"stays".into()));
    assert_says(&workspace, "N2", "missing", &["belongs to record E2 already"]);
    // Both are there.
    workspace.write("people.csv", &format!("{PEOPLE}N2,sato,佐藤,active,\n")).unwrap();
    sync(&workspace);
    assert_says(&workspace, "E2", "provisioned", &["; record N2 claims the resource too"]);
}

#[test]
fn somebody_deleted_or_unlinked_by_hand_is_not_said_to_have_never_been_synced() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let zoe = id_of(&sandbox.base_url, "/Users", "E1");
    assert_eq!(workspace.run(&["delete", "acme", "User", &zoe]).unwrap().code, Some(0));
    let parts = ["E1 is not at acme: its resource was deleted by hand on 2", "; the next sync takes it up"];
    assert_says(&workspace, "E1", "missing", &parts);
    sync(&workspace);
    assert_says(&workspace, "E1", "provisioned", &[]);
    workspace.run(&["links", "forget", "acme", "User", "E1", "--yes"]).unwrap();
    assert_says(&workspace, "E1", "missing", &["its link was forgotten by hand on 2"]);
    // One who left and was deleted for it.
    sync(&workspace);
    reconfigure(
        &workspace,
        "deprovision = \"disable\"",
        "deprovision = \"delete\"\ndeprovision_adopted = true",
    );
    workspace.write("people.csv", &PEOPLE.replace("E1,zoe,Zoë,active,E2\n", "")).unwrap();
    assert_eq!(sync(&workspace).summary().unwrap()["deleted"], 1);
    assert_says(&workspace, "E1", "not-wanted", &["its resource was deleted on 2", "has no such record"]);
    let explained = workspace.run(&["explain", "acme", "User", "E1"]).unwrap();
    assert_eq!(explained.code, Some(4), "{}", explained.stdout);
    assert!(explained.stderr.contains("its resource was deleted on 2"), "{}", explained.stderr);
}

#[test]
fn somebody_who_left_is_explained_by_what_was_sent_and_what_becomes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    workspace.write("people.csv", &PEOPLE.replace("E1,zoe,Zoë,active,E2\n", "")).unwrap();
    let left = "source `hr` has no such record any more";
    let before = explained(&workspace, &["acme", "User", "E1"]);
    assert_eq!((&before["left"], &before["unwanted"]), (&true.into(), &left.into()), "{before}");
    assert_eq!((&before["there"]["state"], &before["next"]["action"]), (&"read".into(), &"disable".into()));
    let attributes = before["attributes"].as_array().unwrap();
    let login = attributes.iter().find(|one| one["path"] == "userName").unwrap();
    assert_eq!((&login["sent"], &login["seen"]), (&"zoe".into(), &"zoe".into()), "{login}");
    assert!(contains(&before["next"]["reason"], "the next sync disables it"), "{before}");
    sync(&workspace);
    let page = workspace.run(&["explain", "acme", "User", "E1", "--offline"]).unwrap().stdout;
    assert!(page.contains(&format!("  left: {left}; disabled since 2")), "{page}");
    assert!(page.contains("next sync: unchanged (it stays disabled)"), "{page}");
    assert!(!page.contains("from nothing"), "the mapping has no part in it: {page}");
    let nobody = workspace.run(&["explain", "acme", "User", "NOPE"]).unwrap();
    assert_eq!(nobody.code, Some(4), "{}", nobody.stderr);
}

#[test]
fn drift_of_somebody_without_a_resource_is_an_error_that_says_why_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    for (arguments, reason) in [
        (&["drift", "--key", "NOPE"][..], "source `hr` has no such record; keys are compared to the letter"),
        (&["drift", "acme", "User", "--key", "E3", "--repair"], "E3 is not at acme: it is out of scope"),
        (&["drift", "acme", "--key", "E4"], "E4 is not at acme: it failed once"),
    ] {
        let printed = workspace.run(arguments).unwrap();
        assert_eq!(printed.code, Some(4), "{arguments:?}: {}", printed.stdout);
        let key = arguments[arguments.iter().position(|one| *one == "--key").unwrap() + 1];
        let named = format!("record `{key}` has no resource that could be compared: ");
        assert!(printed.stderr.contains(&named), "{}", printed.stderr);
        assert!(printed.stderr.contains(reason), "{}", printed.stderr);
    }
    assert_eq!(workspace.run(&["drift", "acme", "--key", "E1"]).unwrap().code, Some(0));
}

#[test]
fn of_a_list_that_drifted_what_went_is_shown_and_where_the_rest_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let people: String = (0..12).map(|n| format!("P{n},login{n},Person {n},active,\n")).collect();
    let keys: Vec<String> = (0..12).map(|n| format!("P{n}")).collect();
    workspace.write("people.csv", &format!("id,login,display,status,boss\n{people}")).unwrap();
    let teams = format!("id,name,members,subteams,archived\nblue,Blue team,{},,no\n", keys.join("; "));
    workspace.write("teams.csv", &teams).unwrap();
    let settled = workspace.summary(&["sync", "--allow-deprovisions", "2"]).unwrap();
    assert_eq!(settled["created"], 12, "{settled}");
    let groups = resources(&sandbox.base_url, "/Groups");
    let id = groups[0]["id"].as_str().unwrap();
    let change = crate::stage::replacing(
        "members",
        serde_json::json!([{ "value": id_of(&sandbox.base_url, "/Users", "E1") }]),
    );
    assert_eq!(
        http(&sandbox.base_url).call("PATCH", &format!("/Groups/{id}"), Some(&change)).unwrap().status,
        200
    );
    let printed = workspace.run(&["drift", "acme", "Group"]).unwrap();
    assert_eq!(printed.code, Some(8), "{}{}", printed.stdout, printed.stderr);
    assert!(printed.stdout.contains("members: 12 gone: "), "{}", printed.stdout);
    assert!(printed.stdout.contains(" and 7 more; 1 new: "), "{}", printed.stdout);
    assert!(printed.stderr.contains("`--output json` shows them whole"), "{}", printed.stderr);
    let whole = workspace.run(&["--output", "json", "drift", "acme", "Group"]).unwrap();
    let found = whole.events("changed").unwrap()[0]["attributes"][0]["sent"].as_array().unwrap().len();
    assert_eq!(found, 12);
}

#[test]
fn a_protected_record_out_of_scope_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    reconfigure(
        &workspace,
        "deprovision = \"disable\"",
        "deprovision = \"disable\"\nprotect = [\"E1\", \"E2\"]",
    );
    // One out of scope, one gone altogether; E3 is out of scope and was never there.
    let people = PEOPLE.replace("Zoë,active", "Zoë,left").replace("E2,sato,佐藤,active,\n", "");
    workspace.write("people.csv", &people).unwrap();
    let printed = workspace.run(&["--output", "json", "sync", "--resource", "User"]).unwrap();
    let summary = printed.summary().unwrap();
    assert_eq!((&summary["skipped"], &summary["disabled"]), (&3.into(), &0.into()), "{}", printed.stdout);
    let notices = printed.events("notice").unwrap();
    let said =
        notices.iter().any(|one| one["key"] == "E1" && contains(&one["message"], "but `protect` names it"));
    assert!(said, "{}", printed.stdout);
}

fn fleet(folder: &Path) -> (Workspace, SandboxProcess) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start_with(&workspace, &["--profile", "fleet"]).unwrap();
    workspace.write("people.csv", "id,login\nE1,zoe@example.com\nE2,sato@example.com\n").unwrap();
    let configuration = format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "id"

[provider.acme]
base_url = "{}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
profile = "fleet"

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["userName"]
deprovision = "disable"
max_deprovision = 5

[provider.acme.resource.attributes]
userName = {{ field = "login" }}
"name.givenName" = {{ constant = "Given" }}
"name.familyName" = {{ constant = "Family" }}
"#,
        sandbox.base_url
    );
    workspace.write("scimwright.toml", &configuration).unwrap();
    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!(first["created"], 2, "{first}");
    (workspace, sandbox)
}

#[test]
fn where_disabling_deletes_a_deletion_is_planned_counted_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = fleet(folder.path());
    workspace.write("people.csv", "id,login\nE1,zoe@example.com\n").unwrap();
    assert_says(&workspace, "E2", "behind", &["the next sync disables it", "and disabling deletes it there"]);
    let planned = workspace.run(&["--output", "json", "plan", "--only", "delete"]).unwrap();
    let record = &planned.events("record").unwrap()[0];
    assert_eq!((&record["key"], &record["action"]), (&"E2".into(), &"delete".into()), "{record}");
    assert_eq!(record["reason"], "left the source; disabling deletes it there");
    assert_eq!(explained(&workspace, &["acme", "User", "E2"])["next"]["action"], "delete");
    let done = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&done["deleted"], &done["disabled"]), (&1.into(), &0.into()), "{done}");
    assert_eq!(resources(&sandbox.base_url, "/Users").len(), 1);
    let page = workspace.run(&["status"]).unwrap().stdout;
    assert!(page.contains("1 active, 1 deleted by disabling"), "{page}");
    let parts =
        ["E2 is not at acme any more: it was disabled on 2", ", which deleted User ", "; it stays deleted"];
    assert_says(&workspace, "E2", "not-wanted", &parts);
    let drift = workspace.run(&["drift", "acme"]).unwrap();
    assert_eq!(drift.code, Some(0), "nobody deleted it behind our back: {}", drift.stdout);
}

#[test]
fn old_runs_go_with_the_log_but_for_the_last_of_each_place() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    sync(&workspace);
    let runs = || workspace.summary(&["status"]).unwrap()["runs"].as_array().unwrap().len();
    assert_eq!(runs(), 4);
    let age = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            use sqlx::{Connection, SqliteConnection};
            let file = format!("sqlite://{}", workspace.folder.join(".scimwright/state.db").display());
            let mut connection = SqliteConnection::connect(&file).await.unwrap();
            sqlx::query("UPDATE runs SET started_at = started_at - 20 * 86400000")
                .execute(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
        });
    };
    age();
    sync(&workspace);
    assert_eq!(runs(), 6, "180 days without a word");
    age();
    let configuration = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    workspace.write("scimwright.toml", &format!("[state]\nkeep_log_days = 10\n\n{configuration}")).unwrap();
    sync(&workspace);
    // Each type keeps the run that is under way when it looks.
    assert_eq!(runs(), 2);
}
