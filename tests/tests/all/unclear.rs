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

/// The commands between backticks, word by word.
fn commands(text: &str) -> Vec<Vec<String>> {
    let parts = text.split('`').filter_map(|part| part.strip_prefix("scimwright "));
    parts.map(|part| part.split(' ').map(str::to_owned).collect()).collect()
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
    // Another provider has nothing to do with it.
    let text = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    let (sources, acme) = text.split_once("[provider.acme]").unwrap();
    let sound =
        format!("[provider.acme]{acme}").replace("\"disable\"", "\"nothing\"").replace("acme", "other");
    workspace.write("scimwright.toml", &format!("{sources}[provider.acme]{acme}\n{sound}")).unwrap();
    let printed = workspace.run(&["sync", "--verbose"]).unwrap();
    assert_eq!(printed.code, Some(3), "{}", printed.stderr);
    assert!(printed.stdout.contains("User at other, from hr"), "{}", printed.stdout);
    assert!(!printed.stdout.contains("at acme, from"), "{}", printed.stdout);
    assert_eq!(user(&sandbox.base_url, "E3")["displayName"], "Tinier", "that is where the other one is, too");
    workspace.write("scimwright.toml", &text).unwrap();
    edit(&workspace, "people.csv", "E3,tiny,Tinier", "E3,tiny,Tiniest");
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
        ("provision acme User E3".into(), "sync --retry --provider acme --resource User".into())
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
    assert_eq!(
        workspace.summary(&["sync", "--retry", "--provider", "acme", "--resource", "User"]).unwrap()["created"],
        1
    );
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
    edit(&workspace, "people.csv", "E3,tiny", "E 30,tiny");
    let synced = json_run(&workspace, &["sync"]);
    let reason = failure(&synced, "E 30");
    let [mut forget, adopt] = commands(&reason).try_into().unwrap();
    assert_eq!(forget.join(" "), "links forget acme User E3");
    assert_eq!(adopt.join(" "), format!("links adopt --created acme User 'E 30' {before}"));
    let adopt = ["links", "adopt", "--created", "acme", "User", "E 30", &before].map(str::to_owned).to_vec();
    forget.push("--yes".to_owned());
    for command in [forget, adopt] {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let printed = workspace.run(&command).unwrap();
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    }
    let synced = workspace.summary(&["sync"]).unwrap();
    let figures = ["failed", "created", "disabled", "waiting"].map(|name| synced[name].as_u64().unwrap());
    assert_eq!((figures, &synced["updated"]), ([0; 4], &1.into()), "{synced}");
    assert_eq!(user(&sandbox.base_url, "E 30")["id"], before.as_str());
    // It is ours as before: it goes when the new key goes.
    edit(&workspace, "people.csv", "E 30,tiny,Tiny,E2\n", "");
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);
}

#[test]
fn a_key_that_nobody_has_is_named_by_the_plan_that_was_asked_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    // Blue is a group; E3 has a link and no record any more; the others are nowhere.
    edit(&workspace, "people.csv", "E3,tiny,Tiny,E2\n", "");
    let plan = |keys: &[&str]| {
        let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", *key]).collect();
        let printed = json_run(&workspace, &[&["plan"], keys.as_slice()].concat());
        let notices = printed.events("notice").unwrap();
        let texts = notices.iter().filter_map(|notice| notice["message"].as_str().map(str::to_owned));
        (printed.code, texts.filter(|text| text.starts_with("nobody has the key")).collect::<Vec<_>>())
    };
    assert_eq!(plan(&["E1", "blue", "E3"]), (Some(0), Vec::new()));
    let (code, notices) = plan(&["e1", "E1", "E9"]);
    assert_eq!(code, Some(4));
    let says = ["E9", "e1"].map(|key| {
        format!("nobody has the key `{key}`: no source that was read, and no link; keys are compared to the letter")
    });
    assert_eq!(notices, says);
    // Where a source cannot be read, they may be there.
    std::fs::remove_file(folder.path().join("teams.csv")).unwrap();
    let (code, notices) = plan(&["e1"]);
    assert_eq!((code, notices.len()), (Some(6), 0));
}

#[cfg(unix)]
#[test]
fn a_plan_that_comes_through_a_pipe_is_refused_before_anything_is_said_to_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    let plan = folder.path().join("plan.jsonl");
    workspace.summary(&["plan", "--out", &plan.display().to_string()]).unwrap();
    let mut command = workspace.command(&["apply", "/dev/stdin"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The command may be gone before it took everything.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), &std::fs::read(&plan).unwrap());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(9), 0), "{stderr}");
    assert!(
        stderr.contains("it is no regular file") && stderr.contains("write it to a file first"),
        "{stderr}"
    );
}

#[test]
fn a_match_by_something_that_is_true_or_false_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    let note = "`match` of User has active, which is true or false";
    edit(
        &workspace,
        "scimwright.toml",
        "source = \"hr\"\n",
        "source = \"hr\"\nmatch = [[\"userName\", \"active\"]]\n",
    );
    let printed = workspace.run(&["check"]).unwrap();
    assert!(printed.code == Some(0) && !printed.stdout.contains("true or false"), "{}", printed.stdout);
    edit(&workspace, "scimwright.toml", "[[\"userName\", \"active\"]]", "[\"userName\", \"active\"]");
    let printed = workspace.run(&["check"]).unwrap();
    assert!(printed.code == Some(0) && printed.stdout.contains(note), "{}", printed.stdout);
}

#[test]
fn the_day_of_a_deletion_stands_with_the_link_where_the_days_of_grace_came_later() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    edit(&workspace, "people.csv", "E3,tiny,Tiny,E2\n", "");
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);
    let link =
        || json_run(&workspace, &["links", "show", "acme", "User", "E3"]).events("link").unwrap().remove(0);
    assert_eq!(link()["due_at"], Value::Null);
    let grace = "deprovision = \"disable-then-delete\"\ndelete_after_days = 30";
    edit(&workspace, "scimwright.toml", "deprovision = \"disable\"", grace);
    let due: jiff::Timestamp = link()["due_at"].as_str().unwrap().parse().unwrap();
    let day = due.strftime("%Y-%m-%d %H:%M").to_string();
    let status = workspace.run(&["status", "E3"]).unwrap().stdout;
    assert!(status.contains(&format!("it will be deleted on or after {day}")), "{status}");
    for arguments in [&["links", "show", "acme", "User"][..], &["links", "show", "acme", "User", "E3"]] {
        let shown = workspace.run(arguments).unwrap().stdout.replace('T', " ");
        assert!(shown.contains(&day), "{shown}");
    }
    // Whoever is there is not due.
    let shown = json_run(&workspace, &["links", "show", "acme", "User", "E1"]).events("link").unwrap();
    assert_eq!(shown[0]["due_at"], Value::Null);
}

#[test]
fn a_membership_that_is_left_out_says_its_place_once_and_a_date_in_another_form_takes_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let members = "\n[provider.acme.resource.members]\nsource = \"in-teams\"\ngroup = \"team\"\nmember = \"who\"\n\
                   valid_until = \"until\"\n\n[source.in-teams]\ntype = \"csv\"\npath = \"in-teams.csv\"\nkey = \"row\"\n";
    let text = configuration(&sandbox.base_url) + members;
    workspace.write("scimwright.toml", &text).unwrap();
    workspace.write("in-teams.csv", "row,team,who,until\n1,blue,E1,\n2,blue,E2,2099-12-31\n").unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["failed"], 0);
    let blue = || {
        let found =
            resources(&sandbox.base_url, "/Groups").into_iter().find(|group| group["externalId"] == "blue");
        found.unwrap()["members"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(blue(), 2);
    for date in ["20200101", "2020-01-01T00:00:00"] {
        let rows = format!("row,team,who,until\n1,blue,E1,\n2,blue,E2,{date}\n");
        workspace.write("in-teams.csv", &rows).unwrap();
        let printed = workspace.run(&["sync"]).unwrap();
        assert_eq!(printed.code, Some(6), "{}", printed.stdout);
        let says = format!("line 3: this row of source `in-teams` is left out: field `until` holds `{date}`");
        assert!(printed.stdout.contains(&says), "{}", printed.stdout);
        assert_eq!(printed.stdout.matches("line 3").count(), 1, "{}", printed.stdout);
        assert_eq!(blue(), 2, "nobody was taken out");
    }
}
