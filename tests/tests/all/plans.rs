//! A plan in a file, and what `apply` makes of it: exactly that.

use crate::company;
use futures::TryStreamExt;
use scimwright_record::{ProviderName, ResourceTypeName, TenantName};
use scimwright_state::{Link, LinkScope, StateStore};
use scimwright_tests::people::Company;
use scimwright_tests::servers::{Http, TOKEN};
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

const PEOPLE: &str = "id,name,mail,title,manager_id
E1,Zoe,zoe@example.com,Engineer,E3
E2,Ari,ari@example.com,Clerk,E1
E3,Kim,kim@example.com,Head,
E4,Bo,bo@example.com,Clerk,E9
";

const TEAMS: &str = "id,name\nG1,Research\nG2,Sales\n";

const MEMBERSHIPS: &str = "id,team,member\n1,G1,E1\n2,G1,E3\n3,G2,E2\n4,G2,E4\n";

/// People with managers and teams with members, and a sandbox to send them to.
struct Stage {
    workspace: Workspace,
    sandbox: SandboxProcess,
}

impl Stage {
    fn new(folder: &Path) -> Self {
        let workspace = Workspace::new(folder).unwrap();
        workspace.write("people.csv", PEOPLE).unwrap();
        workspace.write("teams.csv", TEAMS).unwrap();
        workspace.write("memberships.csv", MEMBERSHIPS).unwrap();
        let sandbox = SandboxProcess::start(&workspace).unwrap();
        let stage = Self { workspace, sandbox };
        stage.configure("");
        stage
    }

    /// Writes the configuration, with more keys for the people.
    fn configure(&self, more: &str) {
        let text = format!(
            r#"
[source.hr]
type = "csv"
path = "people.csv"
key = "id"

[source.teams]
type = "csv"
path = "teams.csv"
key = "id"

[source.memberships]
type = "csv"
path = "memberships.csv"
key = "id"

[provider.acme]
base_url = "{}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["externalId", "userName"]
deprovision = "disable"
max_deprovision = "50%"
{more}
[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
userName = {{ field = "mail", if_empty = "leave" }}
displayName = {{ field = "name" }}
title = {{ field = "title" }}
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" = {{ link = "User", field = "manager_id" }}

[[provider.acme.resource]]
type = "Group"
source = "teams"
match = ["externalId"]
deprovision = "delete"
[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
displayName = {{ field = "name" }}
[provider.acme.resource.members]
source = "memberships"
group = "team"
member = "member"
max_removed = "100%"
"#,
            self.sandbox.base_url
        );
        self.workspace.write("scimwright.toml", &text).unwrap();
    }

    fn http(&self) -> Http {
        Http::new(&self.sandbox.base_url, Some(format!("Bearer {TOKEN}")))
    }

    fn run(&self, arguments: &[&str]) -> Printed {
        self.workspace.run(arguments).unwrap()
    }

    /// Makes a plan, which has to work.
    fn plan(&self, arguments: &[&str]) -> Vec<Value> {
        let out = self.workspace.folder.join("plan.jsonl");
        let out = out.display().to_string();
        let printed = self.run(&[&["plan", "--out", &out], arguments].concat());
        assert!(
            Path::new(&out).exists(),
            "{} {}\n{}",
            printed.code.unwrap_or(-1),
            printed.stdout,
            printed.stderr
        );
        self.lines()
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.workspace.folder.join("plan.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn apply(&self) -> Printed {
        let file = self.workspace.folder.join("plan.jsonl").display().to_string();
        self.run(&["--output", "json", "apply", &file])
    }

    fn applied(&self) -> Value {
        let printed = self.apply();
        assert_eq!(printed.code, Some(0), "{}\n{}", printed.stdout, printed.stderr);
        printed.summary().unwrap()
    }

    /// What is said of a plan that is not carried out.
    fn refusal(&self) -> String {
        let writes = self.writes();
        let printed = self.apply();
        assert_eq!(printed.code, Some(9), "{}\n{}", printed.stdout, printed.stderr);
        assert_eq!(self.writes(), writes, "nothing was changed");
        printed.summary().unwrap()["error"].as_str().unwrap().to_owned()
    }

    /// All requests by method and endpoint.
    fn requests(&self) -> BTreeMap<String, u64> {
        let root = self.sandbox.base_url.trim_end_matches("/v2").to_owned();
        let stats = Http::new(&root, None).get("/_sandbox/stats").unwrap();
        serde_json::from_value(stats["requests"].clone()).unwrap()
    }

    fn count(&self, request: &str) -> u64 {
        self.requests().get(request).copied().unwrap_or(0)
    }

    fn writes(&self) -> u64 {
        let requests = self.requests();
        requests.iter().filter(|(request, _)| !request.starts_with("GET ")).map(|(_, count)| count).sum()
    }

    fn resources(&self, endpoint: &str) -> Vec<Value> {
        let list = self.http().get(&format!("{endpoint}?count=1000")).unwrap();
        list["Resources"].as_array().cloned().unwrap_or_default()
    }

    fn user(&self, key: &str) -> Value {
        let users = self.resources("/Users");
        users.into_iter().find(|user| user["externalId"] == key).unwrap_or_else(|| panic!("no {key}"))
    }

    /// Everything at the provider, with keys in the place of ids.
    fn world(&self) -> String {
        let (users, groups) = (self.resources("/Users"), self.resources("/Groups"));
        let mut lines: Vec<String> = Vec::new();
        for resource in users.iter().chain(&groups) {
            let mut resource = resource.clone();
            resource.as_object_mut().unwrap().remove("meta");
            if let Some(Value::Array(members)) = resource.get_mut("members") {
                members.sort_by_key(|member| self.with_keys(&member.to_string(), &users, &groups));
            }
            lines.push(self.with_keys(&resource.to_string(), &users, &groups));
        }
        lines.sort();
        lines.join("\n")
    }

    fn with_keys(&self, text: &str, users: &[Value], groups: &[Value]) -> String {
        let mut text = text.replace(&self.sandbox.base_url, "");
        for resource in users.iter().chain(groups) {
            let key = resource["externalId"].as_str().unwrap_or("nobody");
            text = text.replace(resource["id"].as_str().unwrap(), key);
        }
        text
    }

    fn links(&self, resource_type: &str) -> Vec<Link> {
        let scope = LinkScope {
            provider: ProviderName::parse("acme").unwrap(),
            resource_type: ResourceTypeName::parse(resource_type).unwrap(),
        };
        let path = self.workspace.folder.join(".scimwright/state.db");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let state = StateStore::open_read_only(&path).await.unwrap().tenant(&TenantName::default());
            state.links(&scope).try_collect().await.unwrap()
        })
    }

    /// The links, with keys in the place of ids and without times and runs.
    fn remembered(&self) -> String {
        let (users, groups) = (self.resources("/Users"), self.resources("/Groups"));
        let mut lines = Vec::new();
        for link in self.links("User").into_iter().chain(self.links("Group")) {
            let mut seen = serde_json::to_value(&link.seen).unwrap();
            // What the provider adds by itself depends on when it was looked at.
            seen.as_object_mut().unwrap().retain(|name, _| name != "meta" && name != "groups");
            if let Some(Value::Array(members)) = seen.get_mut("members") {
                members.sort_by_key(|member| self.with_keys(&member.to_string(), &users, &groups));
            }
            let mut sent = serde_json::to_value(&link.sent).unwrap();
            if let Some(Value::Array(members)) = sent.get_mut("members") {
                members.sort_by_key(|member| self.with_keys(&member.to_string(), &users, &groups));
            }
            let (ownership, standing) = (link.ownership.as_str(), link.standing.as_str());
            let line = json!([
                link.key,
                link.resource_id,
                ownership,
                standing,
                sent,
                seen,
                link.fingerprint,
                link.due_at.is_some()
            ]);
            lines.push(self.with_keys(&line.to_string(), &users, &groups));
        }
        lines.join("\n")
    }
}

fn of<'a>(lines: &'a [Value], line: &str, key: &str) -> &'a Value {
    lines
        .iter()
        .find(|found| found["line"] == line && found["key"] == key)
        .unwrap_or_else(|| panic!("no {line} of {key} in {lines:#?}"))
}

fn operations(lines: &[Value]) -> Vec<String> {
    let operations = lines.iter().filter(|line| line["line"] == "operation");
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let mut operations: Vec<_> =
        operations.map(|line| format!("{} {}", word(&line["action"]), word(&line["key"]))).collect();
    operations.sort();
    operations
}

/// The same company twice: one synced, one planned and applied, through everything that happens to people.
#[test]
fn a_plan_that_is_applied_leaves_what_a_sync_leaves_at_the_provider_and_in_the_links() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [synced, planned] = [Stage::new(folders[0].path()), Stage::new(folders[1].path())];
    let both = |change: &dyn Fn(&Stage)| [&synced, &planned].map(change);
    // Somebody was there before us: they are adopted.
    both(&|stage| {
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bo@example.com" });
        assert_eq!(stage.http().call("POST", "/Users", Some(&body)).unwrap().status, 201);
    });
    let step = |name: &str| {
        synced.run(&["sync"]);
        planned.plan(&[]);
        planned.applied();
        for (synced, planned) in
            [(synced.world(), planned.world()), (synced.remembered(), planned.remembered())]
        {
            for (synced, planned) in synced.lines().zip(planned.lines()) {
                assert_eq!(synced, planned, "{name}");
            }
            assert_eq!(synced.lines().count(), planned.lines().count(), "{name}");
        }
    };
    step("the first time");
    assert_eq!(planned.resources("/Users").len(), 4);
    assert_eq!(
        planned.user("E2")["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"]["value"],
        planned.user("E1")["id"]
    );
    both(&|stage| {
        // One hired, one who gets another title and the new one for a manager, one gone, and teams to match.
        let people = PEOPLE.replace("E1,Zoe,zoe@example.com,Engineer,E3", "E1,Zoe,zoe@example.com,Boss,E5");
        let people = people.replace("E4,Bo,bo@example.com,Clerk,E9\n", "E5,Lu,lu@example.com,Head,E1\n");
        let people = people.replace("E2,Ari,ari@example.com,Clerk,E1\n", "");
        stage.workspace.write("people.csv", &people).unwrap();
        stage.workspace.write("teams.csv", "id,name\nG1,Research\nG3,Board\n").unwrap();
        stage
            .workspace
            .write("memberships.csv", "id,team,member\n1,G1,E1\n2,G1,E5\n3,G3,E5\n4,G3,E3\n")
            .unwrap();
    });
    step("after changes");
    assert_eq!(planned.user("E2")["active"], false, "who left is disabled");
    assert_eq!(planned.resources("/Groups").len(), 2, "a team is gone and one is new");
    step("with nothing left to do");
    both(&|stage| stage.workspace.write("people.csv", PEOPLE).unwrap());
    step("after they came back");
    let settled = planned.workspace.summary(&["sync"]).unwrap();
    assert_eq!((&settled["updated"], &settled["created"]), (&0.into(), &0.into()), "{settled}");
}

#[test]
fn a_plan_shows_each_request_and_ids_that_do_not_exist_yet_by_whose_they_will_be() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let lines = stage.plan(&[]);
    assert_eq!((&lines[0]["line"], &lines[0]["format"]), (&"plan".into(), &1.into()));
    let creation = of(&lines, "operation", "E1");
    assert_eq!(creation["requests"][0]["method"], "POST");
    assert_eq!(creation["requests"][0]["body"]["userName"], "zoe@example.com");
    let reference = of(&lines, "reference", "E2");
    assert!(reference["requests"][0]["body"].to_string().contains("<id of User E1>"), "{reference}");
    assert_eq!(reference["requests"][0]["path"], "/Users/<id of User E2>");
    // Nobody has the key E9.
    let dangling = of(&lines, "reference", "E4");
    assert_eq!(dangling["requests"], json!([]));
    assert!(dangling["missing"].as_str().unwrap().contains("User E9"), "{dangling}");
    // The members that the same plan makes.
    let team = of(&lines, "reference", "G1")["requests"].to_string();
    assert!(team.contains("<id of User E1>") && team.contains("<id of User E3>"), "{team}");
    let end = lines.last().unwrap();
    assert_eq!((&end["operations"], &end["references"]), (&6.into(), &5.into()), "{end}");

    let shown = stage.run(&["plan", "--verbose"]).stdout;
    assert!(shown.contains("  create     E1") && shown.contains("POST /Users {"), "{shown}");
    let events = stage.run(&["--output", "json", "plan"]).events("reference").unwrap();
    assert_eq!(events.len(), 4, "what is filled in later is an event too");
}

#[test]
fn a_plan_leaves_nothing_behind_neither_here_nor_at_the_provider() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.run(&["sync"]);
    stage
        .workspace
        .write("people.csv", &PEOPLE.replace("Clerk", "Boss").replace("E3,Kim", "E6,Kim"))
        .unwrap();
    let files = || -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![folder.path().to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
                let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
                // Of SQLite, to read beside whoever writes; and the plan itself.
                if name.ends_with("-shm") || name.ends_with("-wal") || name == "plan.jsonl" {
                    continue;
                }
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(files.insert(path.display().to_string(), std::fs::read(path).unwrap())),
                }
            }
        }
        files
    };
    let (before, writes) = (files(), stage.writes());
    for arguments in [&["plan"][..], &["plan", "--verbose", "--out", "/dev/shm/nobody-has-this-folder/x"]] {
        stage.run(arguments);
    }
    stage.plan(&[]);
    assert_eq!(files(), before, "the state and the folder are as they were");
    assert_eq!(stage.writes(), writes, "the provider was only asked");
}

#[test]
fn a_plan_is_refused_when_anything_that_it_rests_on_changed_and_the_change_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.plan(&[]);
    stage.workspace.write("people.csv", &format!("{PEOPLE}E7,Mo,mo@example.com,,\n")).unwrap();
    let reason = stage.refusal();
    assert!(reason.contains("source `hr` changed: 4 records then, 5 now"), "{reason}");
    stage.workspace.write("people.csv", PEOPLE).unwrap();

    stage.workspace.write("memberships.csv", &MEMBERSHIPS.replace("G2,E2", "G2,E1")).unwrap();
    let reason = stage.refusal();
    assert!(reason.contains("source `memberships` changed"), "{reason}");
    stage.workspace.write("memberships.csv", MEMBERSHIPS).unwrap();

    stage.configure("adopt = false");
    let reason = stage.refusal();
    assert!(reason.contains("the configuration changed: [provider.acme]"), "{reason}");
    stage.configure("\n# Only a comment.");

    stage.run(&["sync", "--resource", "User"]);
    let reason = stage.refusal();
    assert!(
        reason.contains("the links of User at `acme` changed: 0 then, 4 now; a run (sync) began at"),
        "{reason}"
    );
    // Rows in another order are the same rows.
    stage.plan(&[]);
    let mut rows: Vec<&str> = PEOPLE.lines().collect();
    rows[1..].reverse();
    stage.workspace.write("people.csv", &(rows.join("\n") + "\n")).unwrap();
    assert_eq!(stage.applied()["created"], 2, "the teams");
}

#[test]
fn a_plan_that_could_not_read_everything_is_shown_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    std::fs::remove_file(folder.path().join("memberships.csv")).unwrap();
    let out = folder.path().join("plan.jsonl").display().to_string();
    let printed = stage.run(&["plan", "--out", &out]);
    assert_eq!(printed.code, Some(6), "{}", printed.stdout);
    assert!(printed.stdout.contains("create     E1"), "{}", printed.stdout);
    assert!(printed.stderr.contains("no plan was written to"), "{}", printed.stderr);
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("plan.jsonl")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_plan_is_refused_when_a_module_is_another_version() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let workspace = company::workspace(folder.path(), &sandbox.base_url, &Company::tidy(5, 20));
    let stage = Stage { workspace, sandbox };
    stage.plan(&[]);
    let module = folder.path().join("modules/corp-user.wasm");
    let mut bytes = std::fs::read(&module).unwrap();
    // A custom section: the same code in another file.
    bytes.extend([0x00, 0x02, 0x01, b'x']);
    std::fs::write(&module, bytes).unwrap();
    let reason = stage.refusal();
    assert!(reason.contains("module `corp-user` is another one: version"), "{reason}");
}

#[test]
fn a_plan_of_another_tenant_or_one_that_is_not_whole_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.plan(&[]);
    let path = folder.path().join("plan.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    stage.workspace.write("plan.jsonl", &text[..text.len() / 2]).unwrap();
    assert!(stage.refusal().contains("it has no end"));
    stage.workspace.write("plan.jsonl", &text.replace("Engineer", "Director")).unwrap();
    assert!(stage.refusal().contains("somebody changed it"));
    stage.workspace.write("plan.jsonl", &text).unwrap();
    let tenants = tempfile::tempdir().unwrap();
    let other = tenants.path().join("tenants/other");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::copy(folder.path().join("scimwright.toml"), other.join("scimwright.toml")).unwrap();
    let elsewhere = Workspace::new(tenants.path()).unwrap();
    let refused = elsewhere.run(&["apply", &path.display().to_string()]).unwrap();
    assert_eq!(refused.code, Some(9), "{}", refused.stderr);
    assert!(refused.stderr.contains("made for tenant `default`, and this is `other`"), "{}", refused.stderr);
    assert_eq!(stage.writes(), 0);
}

#[test]
fn an_apply_that_was_killed_goes_on_where_it_was_and_a_finished_plan_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let mut people = String::from("id,name,mail,title,manager_id\n");
    (0..900).for_each(|n| people.push_str(&format!("E{n},P{n},p{n}@example.com,,E{}\n", (n + 7) % 900)));
    stage.workspace.write("people.csv", &people).unwrap();
    stage.plan(&[]);
    let file = folder.path().join("plan.jsonl").display().to_string();
    for (request, threshold) in [("POST /Users", 200), ("POST /Users", 500), ("PATCH /Users/{id}", 300)] {
        let mut apply = stage.workspace.start(&["apply", &file]).unwrap();
        let begun = Instant::now();
        while stage.count(request) < threshold {
            assert!(begun.elapsed() < Duration::from_secs(120), "the apply does not get to {threshold}");
            assert!(apply.try_wait().unwrap().is_none(), "the apply ended before it could be killed");
            std::thread::sleep(Duration::from_millis(2));
        }
        apply.kill().unwrap();
        apply.wait().unwrap();
    }
    let last = stage.apply();
    assert_eq!(last.code, Some(0), "{}\n{}", last.stdout, last.stderr);
    assert!(last.stdout.contains("operations of this plan had been carried out before"), "{}", last.stdout);
    let users = stage.resources("/Users");
    assert_eq!(users.len(), 900, "no duplicate and no loss");
    let managed = users.iter().filter(|user| {
        user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"]["value"].is_string()
    });
    assert_eq!(managed.count(), 900, "every reference is filled in");
    let writes = stage.writes();
    let settled = stage.workspace.summary(&["sync"]).unwrap();
    assert_eq!((&settled["unchanged"], stage.writes()), (&902.into(), writes), "{settled}");
    let reason = stage.refusal();
    assert!(reason.contains("this plan was carried out already, at "), "{reason}");
}

#[cfg(unix)]
#[test]
fn an_apply_that_is_told_to_stop_settles_what_is_under_way_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let mut people = String::from("id,name,mail,title,manager_id\n");
    (0..600).for_each(|n| people.push_str(&format!("E{n},P{n},p{n}@example.com,,\n")));
    stage.workspace.write("people.csv", &people).unwrap();
    stage.plan(&["--resource", "User"]);
    let file = folder.path().join("plan.jsonl").display().to_string();
    let mut apply = stage.workspace.start(&["apply", &file]).unwrap();
    while stage.count("POST /Users") < 50 {
        assert!(apply.try_wait().unwrap().is_none(), "the apply ended before it could be stopped");
        std::thread::sleep(Duration::from_millis(2));
    }
    let told = std::process::Command::new("kill").args(["-TERM", &apply.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(apply.wait().unwrap().code(), Some(7));
    let made = stage.resources("/Users").len();
    assert!((50..600).contains(&made), "{made}");
    let summary = stage.applied();
    assert_eq!(summary["created"], 600 - made, "{summary}");
    assert_eq!(stage.count("POST /Users"), 600);
}

#[test]
fn records_that_were_only_looked_up_make_a_plan_old_too() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let path = folder.path().join("scimwright.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace(
        "path = \"people.csv\"\n",
        "path = \"people.csv\"\nreferences = { title = \"titles\", manager_id = \"hr\" }\n",
    );
    let text = text.replace("title = { field = \"title\" }", "title = { field = \"title.name\", if_empty = \"leave\" }\nnickName = { field = \"manager_id.name\", if_empty = \"leave\" }");
    let titles = "[source.titles]\ntype = \"csv\"\npath = \"titles.csv\"\nkey = \"id\"\n";
    stage.workspace.write("scimwright.toml", &format!("{titles}{text}")).unwrap();
    stage
        .workspace
        .write("titles.csv", "id,name\nHead,Head of all\nClerk,Clerk\nEngineer,Engineer\n")
        .unwrap();
    let lines = stage.plan(&["--resource", "User"]);
    assert_eq!(of(&lines, "operation", "E1")["desired"]["nickName"], "Kim");
    assert_eq!(of(&lines, "operation", "E3")["desired"]["title"], "Head of all");
    let sources = lines.iter().find(|line| line["line"] == "rests-on").unwrap()["sources"].clone();
    assert_eq!(
        (&sources["hr"]["records"], &sources["titles"]["records"]),
        (&4.into(), &3.into()),
        "{sources}"
    );
    assert_eq!(sources["memberships"], Value::Null, "what no part of the plan reads does not count");
    stage.workspace.write("memberships.csv", "id,team,member\n").unwrap();
    stage.workspace.write("titles.csv", "id,name\nHead,Head\nClerk,Clerk\nEngineer,Engineer\n").unwrap();
    let reason = stage.refusal();
    assert!(reason.contains("source `titles` changed: 3 records then, 3 now"), "{reason}");
    assert!(!reason.contains("memberships"), "{reason}");
    stage.plan(&["--resource", "User"]);
    assert_eq!(stage.applied()["created"], 4);
    assert_eq!(stage.user("E3")["title"], "Head");
}

#[test]
fn whom_the_mapping_makes_inactive_is_disabled_by_a_plan_as_by_a_sync() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [synced, planned] = [Stage::new(folders[0].path()), Stage::new(folders[1].path())];
    for stage in [&synced, &planned] {
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bo@example.com" });
        assert_eq!(stage.http().call("POST", "/Users", Some(&body)).unwrap().status, 201);
        let path = stage.workspace.folder.join("scimwright.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace(
            "type = \"csv\"\npath = \"people.csv\"",
            "type = \"json-lines\"\npath = \"people.jsonl\"",
        );
        let text = text.replace(
            "title = { field = \"title\" }",
            "title = { field = \"title\" }\nactive = { field = \"active\" }",
        );
        stage.workspace.write("scimwright.toml", &text).unwrap();
        let person = |key: &str, mail: &str, title: &str, active: bool, manager: Value| json!({ "id": key, "mail": mail, "name": key, "title": title, "active": active, "manager_id": manager });
        let write = |people: &[Value]| {
            let lines: Vec<_> = people.iter().map(Value::to_string).collect();
            stage.workspace.write("people.jsonl", &(lines.join("\n") + "\n")).unwrap();
        };
        let go = || {
            if std::ptr::eq(stage, &planned) {
                stage.plan(&["--resource", "User"]);
                stage.applied();
            } else {
                stage.run(&["sync", "--resource", "User"]);
            }
        };
        let ari = person("E2", "ari@example.com", "Clerk", true, Value::Null);
        write(&[ari.clone(), person("E4", "bo@example.com", "Clerk", false, Value::Null)]);
        // One who was there before is adopted and made inactive in the same run.
        go();
        assert_eq!(stage.user("E4")["active"], false);
        // Another title, a manager who is new, and inactive, all at once.
        let ari = person("E2", "ari@example.com", "Boss", false, "E5".into());
        let bo = person("E4", "bo@example.com", "Clerk", false, Value::Null);
        write(&[ari, bo, person("E5", "lu@example.com", "Head", true, Value::Null)]);
        go();
        let ari = stage.user("E2");
        assert_eq!((&ari["active"], &ari["title"]), (&false.into(), &"Boss".into()), "{ari}");
    }
    assert_eq!(synced.world(), planned.world());
    assert_eq!(synced.remembered(), planned.remembered());
}

#[test]
fn a_plan_that_was_begun_is_refused_when_somebody_else_ran_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let mut people = String::from("id,name,mail,title,manager_id\n");
    (0..400).for_each(|n| people.push_str(&format!("E{n},P{n},p{n}@example.com,,\n")));
    stage.workspace.write("people.csv", &people).unwrap();
    stage.plan(&[]);
    let file = folder.path().join("plan.jsonl").display().to_string();
    let mut apply = stage.workspace.start(&["apply", &file]).unwrap();
    while stage.count("POST /Users") < 50 {
        assert!(apply.try_wait().unwrap().is_none(), "the apply ended before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    apply.kill().unwrap();
    apply.wait().unwrap();
    stage.run(&["sync"]);
    let reason = stage.refusal();
    assert!(reason.contains("a run (sync) of User at `acme` began at"), "{reason}");
    // Something was: what the call did that was killed.
    assert!(!reason.contains("nothing was changed"), "{reason}");
    assert!(reason.contains("the plan is out of date, and nothing more was changed"), "{reason}");
    let made = reason.split("these calls had been made by then: ").nth(1).unwrap();
    let created: u64 = made.split(' ').next().unwrap().parse().unwrap();
    assert!((1..400).contains(&created) && made.contains(" create"), "{reason}");
}

#[test]
fn a_sync_that_could_not_begin_makes_no_plan_old() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.plan(&[]);
    let file = folder.path().join("scimwright.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let away = text.replace("127.0.0.1", "127.0.0.2");
    assert_ne!(text, away);
    stage.workspace.write("scimwright.toml", &away).unwrap();
    assert_ne!(stage.run(&["sync"]).code, Some(0));
    let status = stage.workspace.summary(&["status"]).unwrap();
    assert_eq!(status["runs"][0]["outcome"], "not-begun", "{status}");
    stage.workspace.write("scimwright.toml", &text).unwrap();
    let summary = stage.applied();
    assert_eq!(summary["failed"], 0, "{summary}");
}

#[test]
fn nothing_is_done_that_is_not_in_the_plan_whatever_happened_at_the_provider() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let http = stage.http();
    let make = |name: &str| {
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name });
        http.call("POST", "/Users", Some(&body)).unwrap().expect_json().unwrap()
    };
    // Two are there already, of whom the plan knows.
    let (ari, kim) = (make("ari@example.com"), make("kim@example.com"));
    assert_eq!(
        operations(&stage.plan(&["--resource", "User"])),
        ["adopt E2", "adopt E3", "create E1", "create E4"]
    );
    // Then somebody makes another, changes one, and deletes one.
    make("zoe@example.com");
    let change = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "nickName", "value": "Ariel" }],
    });
    let path = |user: &Value| format!("/Users/{}", user["id"].as_str().unwrap());
    assert_eq!(http.call("PATCH", &path(&ari), Some(&change)).unwrap().status, 200);
    assert_eq!(http.call("DELETE", &path(&kim), None).unwrap().status, 204);
    let writes = stage.writes();
    let printed = stage.apply();
    assert_eq!(printed.code, Some(4), "{}\n{}", printed.stdout, printed.stderr);
    let reasons: BTreeMap<String, String> = printed
        .events("record")
        .unwrap()
        .iter()
        .filter(|event| event["action"] == "fail")
        .map(|event| (event["key"].as_str().unwrap().into(), event["reason"].as_str().unwrap().into()))
        .collect();
    assert_eq!(reasons.keys().collect::<Vec<_>>(), ["E1", "E2", "E3"], "{reasons:?}");
    assert!(reasons["E1"].contains("is there already, which the plan did not know"), "{reasons:?}");
    assert!(reasons["E2"].contains("is not as the plan saw it"), "{reasons:?}");
    assert!(reasons["E3"].contains("does not match this record any more"), "{reasons:?}");
    // E4 was made, and nothing else was done.
    assert_eq!(stage.writes(), writes + 1, "{:?}", stage.requests());
    assert_eq!(stage.links("User").len(), 1);

    // An update whose resource is gone is no creation.
    stage.run(&["sync"]);
    stage
        .workspace
        .write("people.csv", &PEOPLE.replace("E4,Bo,bo@example.com,Clerk", "E4,Bo,bo@example.com,Boss"))
        .unwrap();
    assert_eq!(operations(&stage.plan(&["--resource", "User"])), ["update E4"]);
    assert_eq!(http.call("DELETE", &path(&stage.user("E4")), None).unwrap().status, 204);
    let users = stage.resources("/Users").len();
    let printed = stage.apply();
    assert_eq!(printed.code, Some(4), "{}", printed.stdout);
    assert!(
        printed.stdout.contains("is not at the provider any more, which the plan did not know"),
        "{}",
        printed.stdout
    );
    assert_eq!(stage.resources("/Users").len(), users, "nobody was made");
}

#[test]
fn a_plan_can_be_cut_down_to_a_person_or_a_kind_and_only_that_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let lines = stage.plan(&["--key", "E2", "--key", "E3"]);
    assert_eq!(operations(&lines), ["create E2", "create E3"]);
    assert_eq!(lines[0]["filter"]["keys"], json!(["E2", "E3"]));
    // The manager of E2 is left out of the plan, and the plan says so.
    let reference = of(&lines, "reference", "E2");
    assert!(reference["missing"].as_str().unwrap().contains("User E1"), "{reference}");
    let shown = stage.run(&["--output", "json", "plan", "--key", "E2"]);
    assert_eq!(shown.summary().unwrap()["created"], 1, "{}", shown.stdout);
    assert_eq!(stage.applied()["created"], 2);
    let keys = |users: Vec<Value>| {
        let mut keys: Vec<_> = users.iter().map(|user| user["externalId"].to_string()).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(stage.resources("/Users")), ["\"E2\"", "\"E3\""]);

    let people = PEOPLE
        .replace("E2,Ari,ari@example.com,Clerk", "E2,Ari,ari@example.com,Boss")
        .replace("E3,Kim,kim@example.com,Head,\n", "");
    stage.workspace.write("people.csv", &people).unwrap();
    let lines = stage.plan(&["--only", "update,disable", "--allow-deprovisions", "1"]);
    assert_eq!(operations(&lines), ["disable E3", "update E2"]);
    let summary = stage.applied();
    assert_eq!(
        (&summary["updated"], &summary["disabled"], &summary["created"]),
        (&1.into(), &1.into(), &0.into())
    );
    assert_eq!(stage.resources("/Users").len(), 2, "nobody else was made");
    assert_eq!(stage.user("E2")["title"], "Boss");
}

#[test]
fn leavers_above_the_threshold_are_held_out_of_a_plan_and_allowed_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    stage.run(&["sync"]);
    let people: String = PEOPLE.lines().take(2).map(|line| format!("{line}\n")).collect();
    stage.workspace.write("people.csv", &people).unwrap();
    let held = stage.run(&[
        "--output",
        "json",
        "plan",
        "--out",
        &folder.path().join("plan.jsonl").display().to_string(),
    ]);
    assert_eq!(held.code, Some(5), "{}", held.stdout);
    assert_eq!(held.summary().unwrap()["held"], 3);
    assert!(
        held.stdout.contains("run `scimwright plan --provider acme --resource User --allow-deprovisions 3`"),
        "{}",
        held.stdout
    );
    assert!(!operations(&stage.lines()).iter().any(|operation| operation.starts_with("disable")));
    let lines = stage.plan(&["--allow-deprovisions", "3"]);
    assert_eq!(lines[0]["allow_deprovisions"], 3);
    let disabled = |operation: &&String| operation.starts_with("disable");
    assert_eq!(operations(&lines).iter().filter(disabled).count(), 3);
    assert_eq!(of(&lines, "operation", "E2")["reason"], "left the source");
    assert_eq!(stage.applied()["disabled"], 3);
}

#[test]
fn what_would_be_refused_is_said_in_the_plan_and_is_no_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    // Somebody without a login, and one whose login somebody else has.
    let people = format!("{PEOPLE}E5,Lu,,,E1\nE6,Al,ZOE@example.com,,\nE7,Di,di@example.com,,E5\n");
    stage.workspace.write("people.csv", &people).unwrap();
    let lines = stage.plan(&["--resource", "User"]);
    let failed = lines.iter().filter(|line| line["action"] == "fail");
    let mut failed: Vec<_> =
        failed.map(|line| (line["key"].as_str().unwrap(), line["reason"].to_string())).collect();
    failed.sort();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert_eq!(failed[0].0, "E5");
    assert!(failed[0].1.contains("`userName` is missing: the provider's schema requires it"), "{failed:?}");
    assert!(failed[1].1.contains("two records claim one resource"), "{failed:?}");
    assert_eq!(operations(&lines).len(), 5, "{:?}", operations(&lines));
    // Whoever points at somebody who will not be there is told now.
    assert!(of(&lines, "reference", "E7")["missing"].as_str().unwrap().contains("User E5"));
    let summary = stage.applied();
    assert_eq!((&summary["created"], &summary["failed"]), (&5.into(), &0.into()), "{summary}");
}
