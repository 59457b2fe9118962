//! Nobody loses access, or a place in a group, because it is unclear who they are: a key that changed, a table whose keys
//! are written otherwise, a resource that comes back, a member that the provider refuses.

use crate::links::{http, id_of, resources};
use scimwright_tests::faults::{Fault, Proxy, Script};
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::{Value, json};
use std::path::Path;

const MEMBERS: &str = "team,person\nblue,E1\nblue,E2\nred,E2\nred,E3\n";

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

[source.members]
type = "csv"
path = "members.csv"
key = "team"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["userName"]
left = 'status eq "gone"'
deprovision = "disable"
max_deprovision = 10

[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
userName = {{ field = "login" }}
active = {{ field = "works", if_empty = "leave" }}

[[provider.acme.resource]]
type = "Group"
source = "teams"
match = ["displayName"]
deprovision = "delete"

[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
displayName = {{ field = "id" }}

[provider.acme.resource.members]
source = "members"
group = "team"
member = "person"
"#
    )
}

/// People with a login, a status and whether they work.
fn people(rows: &[(&str, &str, &str, &str)]) -> String {
    let lines = rows.iter().map(|(id, login, status, works)| format!("{id},{login},{status},{works}\n"));
    format!("id,login,status,works\n{}", lines.collect::<String>())
}

fn three() -> [(&'static str, &'static str, &'static str, &'static str); 3] {
    [("E1", "zoe", "", ""), ("E2", "sato", "", ""), ("E3", "tiny", "", "")]
}

fn synced(folder: &Path) -> (Workspace, SandboxProcess) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    workspace.write("people.csv", &people(&three())).unwrap();
    workspace.write("teams.csv", "id\nblue\nred\n").unwrap();
    workspace.write("members.csv", MEMBERS).unwrap();
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url)).unwrap();
    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&first["created"], &first["failed"]), (&5.into(), &0.into()), "{first}");
    (workspace, sandbox)
}

/// The same through a proxy that a test can make fail, with people matched by this attribute.
fn synced_behind_a_proxy(folder: &Path, match_by: &str) -> (Workspace, SandboxProcess, Proxy) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let proxy = Proxy::start(&sandbox.base_url, Script::new(1)).unwrap();
    workspace.write("people.csv", &people(&three())).unwrap();
    workspace.write("teams.csv", "id\nblue\nred\n").unwrap();
    workspace.write("members.csv", MEMBERS).unwrap();
    let text = configuration(proxy.base_url())
        .replace("match = [\"userName\"]", &format!("match = [\"{match_by}\"]"));
    workspace.write("scimwright.toml", &text).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 5);
    (workspace, sandbox, proxy)
}

fn user(sandbox: &SandboxProcess, login: &str) -> Value {
    resources(&sandbox.base_url, "/Users").into_iter().find(|user| user["userName"] == login).unwrap()
}

/// The logins of a group's members.
fn members(sandbox: &SandboxProcess, group: &str) -> Vec<String> {
    let users = resources(&sandbox.base_url, "/Users");
    let group = resources(&sandbox.base_url, "/Groups").into_iter().find(|one| one["displayName"] == group);
    let members = group.unwrap()["members"].as_array().cloned().unwrap_or_default();
    let login = |member: Value| users.iter().find(|user| user["id"] == member["value"]).cloned();
    let mut logins: Vec<String> = members
        .into_iter()
        .map(|member| login(member).unwrap()["userName"].as_str().unwrap().to_owned())
        .collect();
    logins.sort();
    logins
}

#[test]
fn whoever_got_a_new_key_stays_active_and_in_their_groups_in_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let rows = [three()[0], ("N2", "sato", "", ""), three()[2]];
    workspace.write("people.csv", &people(&rows)).unwrap();
    workspace.write("members.csv", &MEMBERS.replace("E2", "N2")).unwrap();
    // A record that fails waits from the third run on. Whom it claims is known all the same.
    for run in 1..=5 {
        let plan = workspace.summary(&["plan"]).unwrap();
        assert_eq!((&plan["disabled"], &plan["updated"]), (&0.into(), &0.into()), "run {run}: {plan}");
        let summary = workspace.summary(&["sync"]).unwrap();
        assert_eq!(
            (&summary["disabled"], &summary["failed"]),
            (&0.into(), &1.into()),
            "run {run}: {summary}"
        );
        assert_eq!(user(&sandbox, "sato")["active"], Value::Null, "run {run}");
        assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"], "run {run}");
        assert_eq!(members(&sandbox, "red"), ["sato", "tiny"], "run {run}");
    }
    // The old link is forgotten, and what we made for this person is still ours.
    workspace.run(&["links", "forget", "acme", "User", "E2", "--yes"]).unwrap();
    let summary = workspace.summary(&["sync", "--retry"]).unwrap();
    assert_eq!((&summary["adopted"], &summary["failed"]), (&1.into(), &0.into()), "{summary}");
    assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"]);
}

/// Searches fail, and nothing else does.
fn no_search() -> Script {
    Script::from_fn(|request| match request.target.contains("filter=") {
        true => Fault::answer(503),
        false => Fault::Pass,
    })
}

#[test]
fn whoever_cannot_be_looked_for_may_be_anybody_so_nobody_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox, proxy) = synced_behind_a_proxy(folder.path(), "userName");
    // E2 gets a new key, and tiny leaves.
    workspace.write("people.csv", &people(&[three()[0], ("N2", "sato", "", "")])).unwrap();
    workspace.write("members.csv", &MEMBERS.replace("E2", "N2")).unwrap();
    proxy.play(no_search());
    for run in 1..=4 {
        let held = workspace.run(&["--output", "json", "sync"]).unwrap();
        assert_eq!(held.code, Some(5), "run {run}: {}{}", held.stdout, held.stderr);
        let reason = held.events("held").unwrap()[0]["reason"].clone();
        let said = "1 record of source `hr` failed before it was known whose resource at `acme` it is";
        assert!(reason.as_str().unwrap().starts_with(said), "run {run}: {reason}");
        assert!(
            resources(&sandbox.base_url, "/Users").iter().all(|user| user["active"] != false),
            "run {run}"
        );
        assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"], "run {run}");
    }
    // Now it is found out whose resource the record claims, and tiny goes.
    proxy.play(Script::new(1));
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["disabled"], &summary["failed"]), (&1.into(), &1.into()), "{summary}");
    assert_eq!(
        (&user(&sandbox, "sato")["active"], &user(&sandbox, "tiny")["active"]),
        (&Value::Null, &false.into())
    );
    assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"]);
}

#[test]
fn whoever_got_a_new_key_and_is_not_found_by_it_meets_their_own_resource_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let text = configuration(&sandbox.base_url).replace("match = [\"userName\"]", "match = [\"externalId\"]");
    workspace.write("scimwright.toml", &text).unwrap();
    workspace.write("people.csv", &people(&[three()[0], ("N2", "sato", "", ""), three()[2]])).unwrap();
    workspace.write("members.csv", &MEMBERS.replace("E2", "N2")).unwrap();
    // A plan cannot know of it. Whoever carries it out finds out in time.
    let plan = folder.path().join("plan.jsonl");
    let plan = plan.to_str().unwrap();
    let planned = workspace.summary(&["plan", "--out", plan]).unwrap();
    assert_eq!((&planned["created"], &planned["disabled"]), (&1.into(), &1.into()), "{planned}");
    let applied = workspace.run(&["--output", "json", "apply", plan]).unwrap();
    assert!(applied.stdout.contains("may be the same person under a new key"), "{}", applied.stdout);
    assert_eq!(user(&sandbox, "sato")["active"], Value::Null);
    for run in 1..=4 {
        let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
        assert_eq!(printed.code, Some(4), "run {run}: {}", printed.stdout);
        assert!(printed.stdout.contains("belongs to record E2 already"), "run {run}: {}", printed.stdout);
        assert_eq!(user(&sandbox, "sato")["active"], Value::Null, "run {run}");
        assert_eq!(members(&sandbox, "red"), ["sato", "tiny"], "run {run}");
    }
    // Somebody else's resource is named, with the way to take it over.
    let stranger = json!({ "userName": "mia", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"] });
    let made = http(&sandbox.base_url).call("POST", "/Users", Some(&stranger)).unwrap();
    assert_eq!(made.status, 201);
    workspace
        .write("people.csv", &people(&[three()[0], three()[1], three()[2], ("N4", "mia", "", "")]))
        .unwrap();
    let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
    let id = user(&sandbox, "mia")["id"].as_str().unwrap().to_owned();
    assert!(
        printed.stdout.contains(&format!("scimwright links adopt acme User N4 {id}")),
        "{}",
        printed.stdout
    );
}

#[test]
fn whoever_got_a_new_key_and_matches_two_resources_keeps_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let twin = json!({
        "userName": "other", "displayName": "S", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]
    });
    let sato = id_of(&sandbox.base_url, "/Users", "E2");
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "displayName", "value": "S" }],
    });
    assert_eq!(http(&sandbox.base_url).call("POST", "/Users", Some(&twin)).unwrap().status, 201);
    assert!(
        http(&sandbox.base_url).call("PATCH", &format!("/Users/{sato}"), Some(&patch)).unwrap().status < 300
    );
    let text = configuration(&sandbox.base_url)
        .replace("match = [\"userName\"]", "match = [\"displayName\"]")
        .replace("active = {", "displayName = { field = \"status\" }\nactive = {");
    workspace.write("scimwright.toml", &text).unwrap();
    workspace.write("people.csv", &people(&[three()[0], ("N2", "sato", "S", ""), three()[2]])).unwrap();
    for run in 1..=4 {
        let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
        assert!(printed.stdout.contains("\"fail\""), "run {run}: {}", printed.stdout);
        assert_eq!(user(&sandbox, "sato")["active"], Value::Null, "run {run}");
    }
}

/// What a new record fails by before anybody can tell whether it is somebody under a new key.
#[test]
fn whoever_got_a_new_key_and_fails_otherwise_loses_nothing_until_it_is_mended() {
    for (what, spoil, row) in [
        ("a date", "left = 'status eq \"gone\"'\nvalid_until = \"status\"", ("N2", "sato", "20261231", "")),
        ("a row", "left = 'status eq \"left\"'", ("N2", "", "", "")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, sandbox) = synced(folder.path());
        let text = configuration(&sandbox.base_url).replace("left = 'status eq \"gone\"'", spoil).replace(
            "userName = { field = \"login\" }",
            "userName = { field = \"login\", if_empty = \"fail\" }",
        );
        workspace.write("scimwright.toml", &text).unwrap();
        workspace.write("people.csv", &people(&[three()[0], row, three()[2]])).unwrap();
        workspace.write("members.csv", &MEMBERS.replace("E2", "N2")).unwrap();
        for run in 1..=3 {
            for command in ["plan", "sync"] {
                let held = workspace.run(&["--output", "json", command]).unwrap();
                assert_eq!(held.code, Some(5), "{what}, run {run}: {}", held.stdout);
            }
            assert_eq!(user(&sandbox, "sato")["active"], Value::Null, "{what}, run {run}");
            assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"], "{what}, run {run}");
        }
        // Whoever takes the risk says so.
        let text = text.replace("max_deprovision = 10", "max_deprovision = 10\nunreadable_rows = \"ignore\"");
        workspace.write("scimwright.toml", &text).unwrap();
        assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1, "{what}");
    }
}

/// Had it failed when everybody was still there, it would be nobody of them.
#[test]
fn a_newcomer_whose_row_is_wrong_holds_nobody_who_leaves_later() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let text = configuration(&sandbox.base_url)
        .replace("userName = { field = \"login\" }", "userName = { field = \"login\", if_empty = \"fail\" }");
    workspace.write("scimwright.toml", &text).unwrap();
    let new = ("E9", "", "", "");
    workspace.write("people.csv", &people(&[three()[0], three()[1], three()[2], new])).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["failed"], 1);
    workspace.write("people.csv", &people(&[three()[0], three()[2], new])).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["disabled"], &summary["held"]), (&1.into(), &0.into()), "{summary}");
}

#[test]
fn a_newcomer_whose_row_is_wrong_keeps_no_plan_from_being_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let text = configuration(&sandbox.base_url)
        .replace("userName = { field = \"login\" }", "userName = { field = \"login\", if_empty = \"fail\" }");
    workspace.write("scimwright.toml", &text).unwrap();
    let rows = [three()[0], three()[1], three()[2], ("E8", "mia", "", ""), ("E9", "", "", "")];
    workspace.write("people.csv", &people(&rows)).unwrap();
    // Somebody new comes into the group, and somebody goes.
    workspace.write("members.csv", &MEMBERS.replace("red,E2", "red,E8")).unwrap();
    let plan = folder.path().join("plan.jsonl");
    let plan = plan.to_str().unwrap();
    workspace.run(&["plan", "--out", plan]).unwrap();
    let applied = workspace.run(&["--output", "json", "apply", plan]).unwrap();
    assert_eq!(applied.code, Some(0), "{}", applied.stdout);
    assert_eq!(members(&sandbox, "red"), ["mia", "tiny"]);
}

#[test]
fn whoever_got_a_new_key_and_cannot_be_created_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox, proxy) = synced_behind_a_proxy(folder.path(), "externalId");
    workspace.write("people.csv", &people(&[three()[0], ("N2", "sato", "", ""), three()[2]])).unwrap();
    workspace.write("members.csv", &MEMBERS.replace("E2", "N2")).unwrap();
    for status in [503, 400] {
        proxy.play(Script::from_fn(move |request| match request.method.as_str() {
            "POST" => Fault::answer(status),
            _ => Fault::Pass,
        }));
        let held = workspace.run(&["--output", "json", "sync"]).unwrap();
        assert_eq!(held.code, Some(5), "{status}: {}", held.stdout);
        assert_eq!(user(&sandbox, "sato")["active"], Value::Null, "{status}");
        assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"], "{status}");
    }
}

#[test]
fn a_plan_and_a_run_of_groups_alone_know_of_whoever_got_a_new_key() {
    for commands in [
        vec![vec!["plan", "--out"], vec!["apply"]],
        vec![vec!["sync", "--resource", "Group"]],
        vec![vec!["provision", "acme", "Group", "blue"], vec!["provision", "acme", "Group", "red"]],
        vec![vec!["plan", "--resource", "Group", "--out"], vec!["apply"]],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, sandbox) = synced(folder.path());
        let plan = folder.path().join("plan.jsonl").to_str().unwrap().to_owned();
        workspace.write("people.csv", &people(&[three()[0], ("N2", "sato", "", ""), three()[2]])).unwrap();
        workspace.write("members.csv", &MEMBERS.replace("E2", "N2")).unwrap();
        for command in &commands {
            let takes_file = matches!(command.last(), Some(&"--out" | &"apply"));
            let command: Vec<&str> =
                command.iter().copied().chain(takes_file.then_some(plan.as_str())).collect();
            let printed = workspace.run(&command).unwrap();
            assert!(printed.code.is_some_and(|code| [0, 4].contains(&code)), "{command:?}: {printed:?}");
        }
        assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"], "{commands:?}");
        assert_eq!(members(&sandbox, "red"), ["sato", "tiny"], "{commands:?}");
        // Of somebody who is in no source it is known when everybody was looked at.
        workspace.write("people.csv", &people(&[three()[0], three()[2]])).unwrap();
        workspace.run(&["sync"]).unwrap();
        assert_eq!(user(&sandbox, "sato")["active"], false, "{commands:?}");
        assert_eq!(members(&sandbox, "red"), ["tiny"], "{commands:?}");
    }
}

#[test]
fn a_group_with_a_new_key_stays_in_the_groups_that_it_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    workspace.write("people.csv", &people(&three())).unwrap();
    workspace.write("teams.csv", "id,name\nall,all\nblue,blue\n").unwrap();
    workspace.write("members.csv", "team,person,kind\nblue,E1,User\nall,blue,Group\n").unwrap();
    let text = configuration(&sandbox.base_url)
        .replace("displayName = { field = \"id\" }", "displayName = { field = \"name\" }")
        .replace("member = \"person\"", "member = \"person\"\ntype_field = \"kind\"");
    workspace.write("scimwright.toml", &text).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 5);
    let of_all = || {
        let groups = resources(&sandbox.base_url, "/Groups");
        let all = groups.into_iter().find(|group| group["displayName"] == "all").unwrap();
        all["members"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(of_all(), 1);
    workspace.write("teams.csv", "id,name\nall,all\nazure,blue\n").unwrap();
    workspace.write("members.csv", "team,person,kind\nazure,E1,User\nall,azure,Group\n").unwrap();
    for run in 1..=3 {
        let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
        assert!(printed.stdout.contains("belongs to record blue already"), "run {run}: {}", printed.stdout);
        assert_eq!(of_all(), 1, "run {run}");
    }
}

/// They left, were disabled, and come back under another key.
#[test]
fn whoever_is_given_back_what_was_disabled_is_active_again() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    workspace.write("people.csv", &people(&[three()[0], three()[2]])).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);
    workspace.write("people.csv", &people(&[three()[0], ("N2", "sato", "", ""), three()[2]])).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["failed"], 1);
    let id = id_of(&sandbox.base_url, "/Users", "E2");
    workspace.run(&["links", "forget", "acme", "User", "E2", "--yes"]).unwrap();
    workspace.run(&["links", "adopt", "--created", "acme", "User", "N2", &id]).unwrap();
    workspace.write("members.csv", &MEMBERS.replace("E2", "N2")).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 1);
    assert_eq!(user(&sandbox, "sato")["active"], true);
    // Somebody else makes it inactive. Whoever asks is told, also when other things were written since.
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }],
    });
    let id = id_of(&sandbox.base_url, "/Users", "E1");
    assert!(
        http(&sandbox.base_url).call("PATCH", &format!("/Users/{id}"), Some(&patch)).unwrap().status < 300
    );
    workspace
        .write("people.csv", &people(&[("E1", "zora", "", ""), ("N2", "sato", "", ""), three()[2]]))
        .unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 1);
    let status = workspace.run(&["status", "E1"]).unwrap();
    assert!(status.stdout.contains("inactive there, and nothing here made it so"), "{}", status.stdout);
}

#[test]
fn a_link_that_was_forgotten_and_found_again_is_still_that_of_a_resource_we_made() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    workspace.run(&["links", "forget", "acme", "User", "E1", "--yes"]).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["adopted"], 1);
    workspace.write("people.csv", &people(&three()[1..])).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);
    assert_eq!(user(&sandbox, "zoe")["active"], false);
}

/// At Slack a deleted user stays as one who is inactive.
#[test]
fn whoever_comes_back_where_deleted_people_are_kept_can_leave_again() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start_with(&workspace, &["--profile", "slack"]).unwrap();
    let text = format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "id"

[provider.acme]
base_url = "{}"
profile = "slack"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["userName"]
deprovision = "delete"
max_deprovision = 2

[provider.acme.resource.attributes]
userName = {{ field = "login" }}
displayName = {{ field = "login" }}
"#,
        sandbox.base_url
    );
    workspace.write("scimwright.toml", &text).unwrap();
    let write = |people: &[&str]| {
        let rows: String = people.iter().map(|id| format!("{id},login{id}\n")).collect();
        workspace.write("people.csv", &format!("id,login\n{rows}")).unwrap();
    };
    write(&["A", "B", "C"]);
    let first = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&first["created"], &first["failed"]), (&3.into(), &0.into()), "{first}");
    for round in 1..=2 {
        write(&["A", "C"]);
        let left = workspace.summary(&["sync"]).unwrap();
        assert_eq!(left["deleted"], 1, "round {round}: {left}");
        write(&["A", "B", "C"]);
        let back = workspace.summary(&["sync"]).unwrap();
        assert_eq!(back["failed"], 0, "round {round}: {back}");
        assert_eq!(user(&sandbox, "loginB")["active"], true, "round {round}");
    }
}

#[test]
fn a_table_whose_keys_are_written_otherwise_takes_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    for (what, table) in [
        ("groups", MEMBERS.replace("blue", "Blue").replace("red", "Red")),
        ("members", MEMBERS.replace(",E", ",e")),
    ] {
        workspace.write("members.csv", &table).unwrap();
        let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
        assert_ne!(printed.code, Some(0), "{what}: {}", printed.stdout);
        assert!(printed.stdout.contains("keys are compared to the letter"), "{what}: {}", printed.stdout);
        assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"], "{what}");
        assert_eq!(members(&sandbox, "red"), ["sato", "tiny"], "{what}");
    }
    workspace.write("members.csv", MEMBERS).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&summary["updated"], &summary["complete"]), (&0.into(), &true.into()), "{summary}");
}

#[test]
fn a_table_that_lost_more_than_it_may_takes_nobody_out_until_somebody_says_that_it_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    workspace.write("members.csv", "team,person\nblue,E1\n").unwrap();
    for command in ["plan", "sync", "sync"] {
        let printed = workspace.run(&["--output", "json", command]).unwrap();
        assert_eq!(printed.code, Some(6), "{}", printed.stdout);
        let said = "of 4 memberships that source `members` had, 3 are not there any more, and max_removed = 50 % allows 2";
        assert!(printed.stdout.contains(said), "{}", printed.stdout);
        let remedy = "`scimwright sync --provider acme --resource Group --allow-removals 3`";
        assert!(printed.stdout.contains(remedy), "{}", printed.stdout);
    }
    // A link that goes meanwhile makes it no better.
    workspace.run(&["links", "forget", "acme", "Group", "red", "--yes"]).unwrap();
    for _ in 1..=2 {
        assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(6));
    }
    assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"]);
    assert_eq!(members(&sandbox, "red"), ["sato", "tiny"]);
    // Rows twice, and rows of nobody, make up for none that are missing.
    for table in [
        "team,person\nblue,E1\nblue,E1\nblue,E1\nblue,E1\n",
        "team,person\nblue,E1\nblue,e2\nred,e2\nred,e3\n",
    ] {
        workspace.write("members.csv", table).unwrap();
        assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(6), "{table}");
    }
    assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"]);
    workspace.write("members.csv", "team,person\nblue,E1\n").unwrap();
    let one_less = ["sync", "--provider", "acme", "--resource", "Group", "--allow-removals", "2"];
    assert_eq!(workspace.summary(&one_less).unwrap()["updated"], 0);
    let right = ["sync", "--provider", "acme", "--resource", "Group", "--allow-removals", "3"];
    assert_eq!(workspace.summary(&right).unwrap()["updated"], 2);
    assert_eq!(members(&sandbox, "blue"), ["zoe"]);
    assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(0));
    // That is the table from now on, also where a plan made it so, and a bound of its own says what it may lose.
    workspace.write("members.csv", MEMBERS).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 2);
    let text = configuration(&sandbox.base_url)
        .replace("member = \"person\"", "member = \"person\"\nmax_removed = \"100%\"");
    workspace.write("members.csv", "team,person\nblue,E1\n").unwrap();
    let plan = folder.path().join("plan.jsonl");
    let plan = plan.to_str().unwrap();
    let planned = ["plan", "--out", plan, "--allow-removals", "3"];
    assert_eq!(workspace.summary(&planned).unwrap()["updated"], 2);
    assert_eq!(workspace.summary(&["apply", plan]).unwrap()["updated"], 2);
    assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(0));
    workspace.write("members.csv", MEMBERS).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 2);
    workspace.write("scimwright.toml", &text).unwrap();
    workspace.write("members.csv", "team,person\nblue,E1\n").unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 2);
    assert_eq!(members(&sandbox, "red"), Vec::<String>::new());
}

#[test]
fn a_member_that_the_provider_refuses_is_a_failure_until_somebody_makes_it_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let gone = id_of(&sandbox.base_url, "/Users", "E1");
    assert_eq!(http(&sandbox.base_url).call("DELETE", &format!("/Users/{gone}"), None).unwrap().status, 204);
    workspace.write("teams.csv", "id\nblue\nred\ngreen\n").unwrap();
    workspace.write("members.csv", &format!("{MEMBERS}red,E1\ngreen,E1\ngreen,E3\n")).unwrap();
    for run in 1..=3 {
        let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
        assert_eq!(printed.code, Some(4), "run {run}: {}", printed.stdout);
        assert!(printed.stdout.contains("member User E1 ("), "run {run}: {}", printed.stdout);
        assert!(printed.stdout.contains("drift acme --repair"), "run {run}: {}", printed.stdout);
        assert_eq!(members(&sandbox, "green"), ["tiny"], "run {run}");
    }
    let status = workspace.run(&["status", "green"]).unwrap();
    assert!(status.stdout.contains("User E1"), "{}", status.stdout);
    workspace.run(&["drift", "acme", "--repair", "--yes"]).unwrap();
    let summary = workspace.summary(&["sync"]).unwrap();
    assert_eq!(summary["failed"], 0, "{summary}");
    assert_eq!(members(&sandbox, "green"), ["tiny", "zoe"]);
    assert_eq!(members(&sandbox, "red"), ["sato", "tiny", "zoe"]);
    assert_eq!(members(&sandbox, "blue"), ["sato", "zoe"]);
    assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(0));
}

#[test]
fn text_that_says_false_counts_as_a_deprovision_and_text_that_says_neither_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let text = configuration(&sandbox.base_url)
        .replace("max_deprovision = 10", "max_deprovision = 1\nprotect = [\"E1\"]");
    workspace.write("scimwright.toml", &text).unwrap();
    let all = |works: &'static str| people(&three().map(|(id, login, status, _)| (id, login, status, works)));
    workspace.write("people.csv", &all("False")).unwrap();
    let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
    assert_eq!(printed.code, Some(5), "two of three would go: {}", printed.stdout);
    assert!(resources(&sandbox.base_url, "/Users").iter().all(|user| user["active"] != false));
    workspace.write("people.csv", &all("no")).unwrap();
    let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
    assert_eq!(printed.code, Some(4), "{}", printed.stdout);
    assert!(printed.stdout.contains("`active` is `no`; it has to be true or false"), "{}", printed.stdout);
    workspace.write("people.csv", &all("true")).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["updated"], 3);
    // An empty cell clears, where the row says nothing else: nobody knows what the provider takes that for.
    let text = configuration(&sandbox.base_url).replace(", if_empty = \"leave\"", "");
    workspace.write("scimwright.toml", &text).unwrap();
    workspace.write("people.csv", &all("")).unwrap();
    let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
    assert_eq!(printed.code, Some(4), "{}", printed.stdout);
    assert!(printed.stdout.contains("say true or false, or leave it"), "{}", printed.stdout);
    assert!(resources(&sandbox.base_url, "/Users").iter().all(|user| user["active"] == true));
}

#[test]
fn a_rebuild_finds_the_account_of_somebody_who_left_and_whose_row_is_still_there() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let rows = [three()[0], ("E2", "sato", "gone", ""), three()[2]];
    workspace.write("people.csv", &people(&rows)).unwrap();
    std::fs::remove_dir_all(folder.path().join(".scimwright")).unwrap();
    let rebuilt = workspace.summary(&["links", "rebuild", "--as", "created"]).unwrap();
    assert_eq!(rebuilt["linked"], 5, "{rebuilt}");
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1);
    assert_eq!(user(&sandbox, "sato")["active"], false);
}

#[test]
fn whoever_loses_the_state_or_its_lock_in_the_middle_stops_before_anything_more_is_made() {
    for taken in ["state.db.lock", "state.db"] {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(folder.path()).unwrap();
        let sandbox = SandboxProcess::start_with(&workspace, &["--latency", "20"]).unwrap();
        let rows: Vec<_> = (0..400).map(|n| (format!("E{n}"), format!("login{n}"))).collect();
        let rows: Vec<_> = rows.iter().map(|(id, login)| (id.as_str(), login.as_str(), "", "")).collect();
        workspace.write("people.csv", &people(&rows)).unwrap();
        workspace.write("teams.csv", "id\nblue\n").unwrap();
        workspace.write("members.csv", "team,person\nblue,E1\n").unwrap();
        workspace.write("scimwright.toml", &configuration(&sandbox.base_url)).unwrap();
        let mut command = workspace.command(&["sync"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        while resources(&sandbox.base_url, "/Users").len() < 20 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        std::fs::remove_file(folder.path().join(".scimwright").join(taken)).unwrap();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success(), "{taken}: {said}");
        assert!(said.contains("was moved or deleted while this process worked on it"), "{taken}: {said}");
        assert!(resources(&sandbox.base_url, "/Users").len() < 400, "{taken}");
        if taken == "state.db" {
            assert_eq!(workspace.run(&["sync"]).unwrap().code, Some(1));
            assert_eq!(workspace.run(&["links", "rebuild", "--as", "created"]).unwrap().code, Some(0));
        }
        // Whoever comes next takes over what is there: nobody is made twice.
        let next = workspace.summary(&["sync"]).unwrap();
        assert_eq!(next["failed"], 0, "{taken}: {next}");
        assert_eq!(resources(&sandbox.base_url, "/Users").len(), 400, "{taken}");
    }
}
