//! What somebody was told who knows only the documentation: a remedy that does no more than it is for, a code that is
//! true, a word about what was misspelt.

use crate::links::{configuration, http, id_of, resources, synced};
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace};
use serde_json::{Value, json};

fn json_run(workspace: &Workspace, arguments: &[&str]) -> Printed {
    workspace.run(&[&["--output", "json"], arguments].concat()).unwrap()
}

fn edit(workspace: &Workspace, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(workspace.folder.join(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from}: {text}");
    workspace.write(file, &text.replace(from, to)).unwrap();
}

/// The commands between backticks, as the words that a shell makes of them.
fn commands(text: &str) -> Vec<Vec<String>> {
    let parts = text.split('`').filter_map(|part| part.strip_prefix("scimwright "));
    parts
        .map(|part| part.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect())
        .collect()
}

/// The first failure of a record.
fn failure(printed: &Printed, key: &str) -> String {
    let records = printed.events("record").unwrap();
    let found = records.iter().find(|event| event["key"] == key && event["action"] == "fail");
    found.unwrap_or_else(|| panic!("{key} did not fail: {}", printed.stdout))["reason"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn user(base_url: &str, key: &str) -> Value {
    let all = resources(base_url, "/Users");
    all.into_iter().find(|user| user["externalId"] == key).unwrap_or(Value::Null)
}

#[test]
fn the_remedy_for_one_type_lets_nobody_of_another_go() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    edit(&workspace, "scimwright.toml", "max_deprovision = \"50%\"", "max_deprovision = 1");
    edit(
        &workspace,
        "scimwright.toml",
        "deprovision = \"delete\"",
        "deprovision = \"delete\"\nmax_deprovision = 1",
    );
    workspace.write("people.csv", "id,login,display,boss\nE2,sato,佐藤,\n").unwrap();
    workspace.write("teams.csv", "id,name\n").unwrap();
    let held = json_run(&workspace, &["sync"]).events("held").unwrap();
    assert_eq!(held.len(), 2, "{held:?}");
    let reason = held.iter().find(|held| held["resource_type"] == "User").unwrap()["reason"].clone();
    let reason = reason.as_str().unwrap();
    assert!(
        reason.contains("`scimwright sync --provider acme --resource User --allow-deprovisions 2`"),
        "{reason}"
    );
    let remedy = commands(reason).remove(0);
    let remedy: Vec<&str> = remedy.iter().map(String::as_str).collect();
    let summary = workspace.summary(&remedy).unwrap();
    assert_eq!((&summary["disabled"], &summary["deleted"]), (&2.into(), &0.into()), "{summary}");
    assert_eq!(resources(&sandbox.base_url, "/Groups").len(), 2);
}

#[test]
fn a_printed_command_means_the_configuration_and_the_tenant_that_it_was_printed_for() {
    let folder = tempfile::tempdir().unwrap();
    let tenant = folder.path().join("tenants").join("north");
    std::fs::create_dir_all(&tenant).unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let inner = Workspace::new(&tenant).unwrap();
    inner.write("scimwright.toml", &configuration(&sandbox.base_url)).unwrap();
    inner.write("people.csv", "id,login,display,boss\nE1,zoe,Zoë,\nE2,sato,佐藤,\nE3,tiny,Tiny,\n").unwrap();
    inner.write("teams.csv", "id,name\n").unwrap();
    assert_eq!(workspace.summary(&["--tenant", "north", "sync"]).unwrap()["created"], 3);
    inner.write("people.csv", "id,login,display,boss\n").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = workspace.command(arguments);
        let output = command.env_remove("SCIMWRIGHT_CONFIG").output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let here = format!("--config {} --tenant north`", folder.path().display());
    let held = run(&["--tenant", "north", "sync"]);
    assert!(held.contains(&format!("--allow-deprovisions 3 {here}")), "{held}");
    // The same for programs.
    let held = run(&["--output", "json", "--tenant", "north", "sync"]);
    assert!(held.contains(&format!("--allow-deprovisions 3 {here}")), "{held}");

    let plan = folder.path().join("the plan.jsonl");
    let planned = run(&["--tenant", "north", "plan", "--out", &plan.display().to_string()]);
    assert!(
        planned.contains(&format!("`scimwright apply '{}' {here} carries it out", plan.display())),
        "{planned}"
    );
    std::fs::write(&plan, "no plan\n").unwrap();
    let refused = run(&["--tenant", "north", "apply", &plan.display().to_string()]);
    assert!(refused.contains(&format!("`scimwright plan --out FILE {here}")), "{refused}");
}

#[test]
fn a_bound_that_bounds_nothing_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    edit(&workspace, "scimwright.toml", "max_deprovision = \"50%\"", "max_deprovision = {}");
    workspace.write("people.csv", "id,login,display,boss\nE2,sato,佐藤,\n").unwrap();
    for command in ["check", "sync", "plan"] {
        let printed = workspace.run(&[command]).unwrap();
        let said = printed.stdout + &printed.stderr;
        assert_eq!(printed.code, Some(3), "{command}: {said}");
        assert!(said.contains("write a share, \"5%\", a number, 20, or both"), "{command}: {said}");
    }
    assert!(resources(&sandbox.base_url, "/Users").iter().all(|user| user["active"] != false));
}

#[test]
fn a_wrong_configuration_of_one_type_changes_nothing_of_any_type() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    edit(&workspace, "scimwright.toml", "deprovision = \"delete\"", "deprovision = \"disable\"");
    edit(&workspace, "people.csv", "E3,tiny,Tiny", "E3,tiny,Tinier");
    let printed = workspace.run(&["sync"]).unwrap();
    assert_eq!(printed.code, Some(3), "{}", printed.stderr);
    let says = "a Group at provider `acme` has no attribute `active`, so it cannot be disabled";
    assert_eq!(printed.stderr.matches(says).count(), 1, "{}", printed.stderr);
    assert_eq!(user(&sandbox.base_url, "E3")["displayName"], "Tiny");
    // Whoever asks for the sound type alone gets it.
    assert_eq!(workspace.summary(&["sync", "--resource", "User"]).unwrap()["updated"], 1);
}

#[test]
fn what_a_plan_cannot_find_again_is_made_anew_by_the_remedy_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let gone = id_of(&sandbox.base_url, "/Users", "E3");
    http(&sandbox.base_url).call("DELETE", &format!("/Users/{gone}"), None).unwrap();
    edit(&workspace, "people.csv", "E3,tiny,Tiny", "E3,tiny,Tinier");
    let plan = folder.path().join("plan.jsonl").display().to_string();
    let planned = workspace.summary(&["plan", "--out", &plan]).unwrap();
    assert_eq!(planned["updated"], 1, "{planned}");
    let applied = json_run(&workspace, &["apply", &plan]);
    let reason = failure(&applied, "E3");
    let [provision, sync] = commands(&reason).try_into().unwrap();
    assert_eq!(
        (provision.join(" "), sync.join(" ")),
        ("provision acme User E3".into(), "sync --retry".into())
    );
    let remedy: Vec<&str> = provision.iter().map(String::as_str).collect();
    let printed = workspace.run(&remedy).unwrap();
    assert_eq!(printed.code, Some(0), "{}{}", printed.stdout, printed.stderr);
    assert_eq!(user(&sandbox.base_url, "E3")["displayName"], "Tinier");

    // The other remedy, for the next one.
    let gone = id_of(&sandbox.base_url, "/Users", "E1");
    http(&sandbox.base_url).call("DELETE", &format!("/Users/{gone}"), None).unwrap();
    edit(&workspace, "people.csv", "E1,zoe,Zoë", "E1,zoe,Zoe");
    workspace.summary(&["plan", "--out", &plan]).unwrap();
    failure(&json_run(&workspace, &["apply", &plan]), "E1");
    assert_eq!(workspace.summary(&["sync", "--retry"]).unwrap()["created"], 1);
    assert_eq!(user(&sandbox.base_url, "E1")["displayName"], "Zoe");
}

#[test]
fn a_key_that_the_source_does_not_have_is_given_no_account() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "mo" });
    let made = http(&sandbox.base_url).call("POST", "/Users", Some(&body)).unwrap().expect_json().unwrap();
    let id = made["id"].as_str().unwrap();
    edit(&workspace, "people.csv", "E3,tiny,Tiny,E2\n", "E3,tiny,Tiny,E2\nM1,mo,Mo,\n");
    let adopt = |key: &str| workspace.run(&["links", "adopt", "--created", "acme", "User", key, id]).unwrap();
    let typo = adopt("m1");
    assert_eq!(typo.code, Some(4), "{}", typo.stderr);
    let says = "nothing was linked: source `hr` has no record `m1`; keys are compared to the letter";
    assert!(typo.stderr.contains(says), "{}", typo.stderr);

    let people = std::fs::read_to_string(folder.path().join("people.csv")).unwrap();
    std::fs::remove_file(folder.path().join("people.csv")).unwrap();
    let unread = adopt("M1");
    assert_eq!(unread.code, Some(6), "{}", unread.stderr);
    assert!(unread.stderr.contains("nothing was linked: "), "{}", unread.stderr);
    let shown = json_run(&workspace, &["links", "show", "acme", "User"]).summary().unwrap();
    assert_eq!(shown["links"], 3, "{shown}");

    workspace.write("people.csv", &people).unwrap();
    assert_eq!(adopt("M1").code, Some(0));
    let synced = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&synced["disabled"], &synced["failed"]), (&0.into(), &0.into()), "{synced}");
    assert_eq!(user(&sandbox.base_url, "M1")["id"], id);
}

#[test]
fn an_account_is_handed_over_to_a_new_key_by_the_commands_that_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let before = id_of(&sandbox.base_url, "/Users", "E3");
    // Found by the login: the key is in externalId too.
    edit(
        &workspace,
        "scimwright.toml",
        "source = \"hr\"\n",
        "source = \"hr\"\nmatch = [\"externalId\", \"userName\"]\n",
    );
    edit(&workspace, "people.csv", "E3,tiny", "E30,tiny");
    let synced = json_run(&workspace, &["sync"]);
    let reason = failure(&synced, "E30");
    let [mut forget, adopt] = commands(&reason).try_into().unwrap();
    assert_eq!(forget.join(" "), "links forget acme User E3");
    assert_eq!(adopt.join(" "), format!("links adopt --created acme User E30 {before}"));
    forget.push("--yes".to_owned());
    for command in [forget, adopt] {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let printed = workspace.run(&command).unwrap();
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    }
    let synced = workspace.summary(&["sync"]).unwrap();
    let figures = ["failed", "created", "disabled", "waiting"].map(|name| synced[name].as_u64().unwrap());
    assert_eq!((figures, &synced["updated"]), ([0; 4], &1.into()), "{synced}");
    assert_eq!(user(&sandbox.base_url, "E30")["id"], before.as_str());
    // It is ours as before: it goes when the new key goes.
    edit(&workspace, "people.csv", "E30,tiny,Tiny,E2\n", "");
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);
}
