//! The five calls, as a script or a workflow makes them: get, get by id, delete, provision, provision new.

use scimwright_tests::servers::{Http, TOKEN};
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

const PEOPLE: &str = "\
id,login,display
E1,zoe,Zoë
E2,sato,佐藤
E4,tiny,Tiny,a cell too many
";

/// A folder with a source of people and a provider, and that provider.
fn bench(folder: &std::path::Path) -> (Workspace, SandboxProcess) {
    bench_with(folder, &[])
}

fn bench_with(folder: &std::path::Path, sandbox: &[&str]) -> (Workspace, SandboxProcess) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start_with(&workspace, sandbox).unwrap();
    workspace.write("people.csv", PEOPLE).unwrap();
    configure(&workspace, &sandbox.base_url);
    (workspace, sandbox)
}

fn configure(workspace: &Workspace, base_url: &str) {
    let text = format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "id"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"

[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
userName = {{ field = "login" }}
displayName = {{ field = "display" }}
"#
    );
    workspace.write("scimwright.toml", &text).unwrap();
}

fn http(sandbox: &SandboxProcess) -> Http {
    Http::new(&sandbox.base_url, Some(format!("Bearer {TOKEN}")))
}

fn user(sandbox: &SandboxProcess, name: &str) -> String {
    let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name });
    let made = http(sandbox).call("POST", "/Users", Some(&body)).unwrap();
    made.expect_json().unwrap()["id"].as_str().unwrap().to_owned()
}

/// A call with `--output json`: its exit code and its one line.
fn call(workspace: &Workspace, arguments: &[&str]) -> (i32, Value) {
    let printed = workspace.run(&[&["--output", "json"], arguments].concat()).unwrap();
    let lines: Vec<_> = printed.stdout.lines().collect();
    assert_eq!(lines.len(), 1, "{}{}", printed.stdout, printed.stderr);
    let result: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(result["event"], "result", "{result}");
    assert!(result["message"].is_string(), "{result}");
    (printed.code.unwrap(), result)
}

/// The resource in the message of a result.
fn body(result: &Value) -> Value {
    assert_eq!(result["status"], "SUCCESS", "{result}");
    serde_json::from_str(result["message"].as_str().unwrap()).unwrap()
}

/// The rows of the client log, oldest first, without what differs from run to run.
fn rows(workspace: &Workspace) -> Vec<String> {
    let printed = workspace.run(&["--output", "json", "log", "--limit", "1000"]).unwrap();
    let mut rows = printed.events("call").unwrap();
    rows.reverse();
    for row in &rows {
        let sent = row["http_status"].is_u64();
        assert!(!sent || row["request_id"].as_str().is_some_and(|id| id.len() == 36), "{row}");
        assert!(row["duration_ms"].is_u64() && row["provider"] == "acme", "{row}");
    }
    rows.iter()
        .map(|row| {
            let status = row["http_status"].as_u64().map_or("-".to_owned(), |status| status.to_string());
            let key = row["key"].as_str().unwrap_or("-");
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            format!("{} {} {key} {} {status}", text("action"), text("resource_type"), text("status"))
        })
        .collect()
}

#[test]
fn a_resource_is_found_by_filter_and_by_id_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = bench(folder.path());
    let id = user(&sandbox, "o'neil\"");
    user(&sandbox, "other");

    let (code, found) = call(&workspace, &["get", "acme", "User", "--filter", r#"userName eq "o'neil\"""#]);
    assert_eq!((code, &found["http_status"]), (0, &200.into()), "{found}");
    assert_eq!((&found["action"], &found["attempts"]), (&"query".into(), &1.into()));
    let page = body(&found);
    assert_eq!((&page["totalResults"], &page["Resources"][0]["id"]), (&1.into(), &id.clone().into()));

    // The type is compared without case, and the answer spells it as the provider does.
    let (code, one) = call(&workspace, &["get-by-id", "acme", "user", &id, "--attributes", "userName"]);
    assert_eq!((code, &one["resource_type"], &one["resource_id"]), (0, &"User".into(), &id.clone().into()));
    assert_eq!((&body(&one)["userName"], &body(&one)["meta"]["created"]), (&"o'neil\"".into(), &Value::Null));

    let (code, gone) = call(&workspace, &["delete", "acme", "User", &id]);
    assert_eq!((code, &gone["status"], &gone["message"]), (0, &"SUCCESS".into(), &"deleted".into()));
    let (code, again) = call(&workspace, &["delete", "acme", "User", &id]);
    assert_eq!((code, &again["message"]), (0, &"it was gone already".into()));
    let (code, lost) = call(&workspace, &["get-by-id", "acme", "User", &id]);
    assert_eq!((code, &lost["status"], &lost["http_status"]), (4, &"FAILURE".into(), &404.into()));
    assert!(lost["message"].as_str().unwrap().starts_with("cannot retrieve User `"), "{lost}");

    assert_eq!(
        rows(&workspace),
        [
            "query User - success 200",
            "retrieve User - success 200",
            "delete User - success 204",
            "delete User - success 404",
            "retrieve User - failure 404",
        ]
    );
}

#[test]
fn for_people_the_body_goes_to_standard_output_and_the_rest_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = bench(folder.path());
    let made = workspace.run(&["provision", "acme", "User", "E1"]).unwrap();
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let user: Value = serde_json::from_str(&made.stdout).unwrap();
    assert!(made.stderr.starts_with("created: E1 is User "), "{}", made.stderr);
    let id = user["id"].as_str().unwrap();
    let shown = workspace.run(&["get-by-id", "acme", "User", id]).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap()["userName"], "zoe");
    let failed = workspace.run(&["get-by-id", "acme", "User", "nobody"]).unwrap();
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(4), ""));
    assert!(failed.stderr.starts_with("error: cannot retrieve User `nobody` at `acme`"), "{}", failed.stderr);
}

#[test]
fn a_record_is_provisioned_once_and_then_only_where_it_differs() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = bench(folder.path());
    let (code, made) = call(&workspace, &["provision-new", "acme", "User", "E1"]);
    assert_eq!((code, &made["action"], &made["http_status"]), (0, &"created".into(), &201.into()), "{made}");
    let id = body(&made)["id"].clone();
    assert_eq!((&made["resource_id"], &made["key"]), (&id, &"E1".into()));

    let (code, same) = call(&workspace, &["provision", "acme", "User", "E1"]);
    assert_eq!(
        (code, &same["action"], &same["http_status"]),
        (0, &"unchanged".into(), &Value::Null),
        "{same}"
    );
    let (code, refused) = call(&workspace, &["provision-new", "acme", "User", "E1"]);
    assert_eq!((code, &refused["status"]), (4, &"FAILURE".into()));
    assert!(refused["message"].as_str().unwrap().contains("has resource"), "{refused}");

    workspace.write("people.csv", &PEOPLE.replace("Zoë", "Zoé")).unwrap();
    let (code, changed) = call(&workspace, &["provision", "acme", "User", "E1"]);
    assert_eq!((code, &changed["action"], &changed["resource_id"]), (0, &"updated".into(), &id), "{changed}");
    assert_eq!(body(&changed)["displayName"], "Zoé");
    assert_eq!(
        http(&sandbox).get(&format!("/Users/{}", id.as_str().unwrap())).unwrap()["displayName"],
        "Zoé"
    );
    // What needed no request, and what was refused, has a row as well.
    assert_eq!(
        rows(&workspace),
        [
            "create User E1 success 201",
            "update User E1 success -",
            "update User E1 failure -",
            "update User E1 success 200"
        ]
    );
}

#[test]
fn somebody_who_is_there_already_is_taken_over_or_refused_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = bench(folder.path());
    let id = user(&sandbox, "sato");
    let (code, refused) = call(&workspace, &["provision-new", "acme", "User", "E2"]);
    assert_eq!((code, &refused["status"]), (4, &"FAILURE".into()));
    assert!(refused["message"].as_str().unwrap().contains("matches this record already"), "{refused}");
    let (code, adopted) = call(&workspace, &["provision", "acme", "User", "E2"]);
    assert_eq!((code, &adopted["action"], &adopted["resource_id"]), (0, &"adopted".into(), &id.into()));
}

#[test]
fn a_record_that_cannot_be_used_is_a_failure_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = bench(folder.path());
    for (key, reason) in [("E3", "has no record `E3`"), ("E4", "record `E4` cannot be used")] {
        let (code, failed) = call(&workspace, &["provision", "acme", "User", key]);
        assert_eq!((code, &failed["status"]), (4, &"FAILURE".into()), "{failed}");
        assert!(failed["message"].as_str().unwrap().contains(reason), "{failed}");
    }
    let (code, failed) = call(&workspace, &["provision", "acme", "Group", "E1"]);
    assert_eq!(code, 3);
    assert!(failed["message"].as_str().unwrap().contains("[[provider.acme.resource]]"), "{failed}");
    assert_eq!(http(&sandbox).get("/Users").unwrap()["totalResults"], 0);
}

#[test]
fn whoever_was_deleted_by_hand_is_forgotten_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = bench(folder.path());
    let (_, made) = call(&workspace, &["provision", "acme", "User", "E1"]);
    let id = made["resource_id"].as_str().unwrap().to_owned();
    assert_eq!(workspace.summary(&["status"]).unwrap()["resources"][0]["active"], 1);
    call(&workspace, &["delete", "acme", "User", &id]);
    assert_eq!(workspace.summary(&["status"]).unwrap()["resources"][0]["active"], 0);
    // As nobody remembers it, nobody wonders where it went.
    let (code, again) = call(&workspace, &["provision-new", "acme", "User", "E1"]);
    assert_eq!((code, &again["action"]), (0, &"created".into()), "{again}");
    assert_ne!(again["resource_id"], json!(id));
}

#[test]
fn a_call_that_cannot_be_made_has_a_status_and_a_message_too() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = bench(folder.path());
    for (arguments, code, reason) in [
        (["get", "amce", "User"], 3, "there is no provider `amce`; there are: acme"),
        (["get", "acme", "Usr"], 3, "has no resource type `Usr`; it has: User, Group"),
    ] {
        let (found, failed) = call(&workspace, &arguments);
        assert_eq!((found, &failed["status"]), (code, &"FAILURE".into()), "{failed}");
        assert!(failed["message"].as_str().unwrap().contains(reason), "{failed}");
    }
    assert_eq!(workspace.run(&["get", "acme", "User", "--filter", "userName eq"]).unwrap().code, Some(2));

    // A provider that is not there, and credentials that are not good: one row each.
    let mut command = workspace.command(&["--output", "json", "get", "acme", "User"]);
    let output = command.env("SCIM_TOKEN", "wrong").output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("\"FAILURE\"") && said.contains("Check `auth`") && !said.contains("wrong"),
        "{said}"
    );
    drop(sandbox);
    let (code, failed) = call(&workspace, &["delete", "acme", "User", "1"]);
    assert_eq!((code, &failed["status"]), (6, &"FAILURE".into()), "{failed}");
    assert_eq!(rows(&workspace), ["query User - failure 401", "delete User - failure -"]);
}

#[test]
fn all_pages_are_streamed_in_memory_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = bench(folder.path());
    const USERS: usize = 10_000;
    let http = http(&sandbox);
    for part in 0..(USERS / 1_000) {
        let create = |number: usize| {
            let name = format!("user-{part}-{number}");
            let data = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": name, "displayName": "x".repeat(300),
            });
            json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": data })
        };
        let operations: Vec<_> = (0..1_000).map(create).collect();
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
        let made = http.call("POST", "/Bulk", Some(&json!({ "schemas": schemas, "Operations": operations })));
        assert_eq!(made.unwrap().status, 200);
    }
    let one_page = most_memory(&workspace, &["get", "acme", "User", "--count", "100"]).1;
    let (lines, all) = most_memory(&workspace, &["get", "acme", "User", "--all", "--count", "100"]);
    assert_eq!(lines, USERS);
    // Ten thousand of them take more than 10 MiB as text, and several times that as values. What remains is
    // the memory of having seen their ids.
    assert!(all < one_page + 8 * 1024, "{all} KiB for all, {one_page} KiB for one page");
    // One of them for the single page, one for the last question, which shows that nobody came after.
    assert_eq!(rows(&workspace).len(), 1 + USERS / 100 + 1, "a row for each page");
    assert!(rows(&workspace).iter().all(|row| row == "query User - success 200"));
    let counted = workspace.summary(&["get", "acme", "User", "--all"]).unwrap();
    assert_eq!((&counted["resources"], &counted["status"]), (&USERS.into(), &"SUCCESS".into()), "{counted}");
}

/// Runs a command whose every line of output is counted, and how much memory it had at most, in KiB.
fn most_memory(workspace: &Workspace, arguments: &[&str]) -> (usize, u64) {
    let mut child: Child = workspace.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut lines, mut most) = (0, 0);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        lines += 1;
        line.clear();
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.trim().parse().ok());
        most = most.max(peak.unwrap_or(0));
    }
    assert!(child.wait().unwrap().success());
    (lines, most)
}

#[test]
fn a_provider_that_pages_by_cursor_only_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = bench_with(folder.path(), &["--paging", "cursor"]);
    let ids: Vec<_> = (0..7).map(|number| user(&sandbox, &format!("user-{number}"))).collect();
    let all = workspace.run(&["get", "acme", "User", "--all", "--count", "3"]).unwrap();
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let found: Vec<_> = all
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found.len(), 7);
    assert!(ids.iter().all(|id| found.contains(id)));
    assert_eq!(rows(&workspace).len(), 3);
}

#[test]
fn a_list_that_breaks_off_says_so_where_it_does_not_look_like_a_resource() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = bench(folder.path());
    let refused: Printed = workspace.run(&["get", "acme", "User", "--all", "--cursor", "no-such"]).unwrap();
    // By index, a cursor is an unknown parameter; where there are cursors, this one is none.
    assert_eq!(refused.code, Some(0), "{}", refused.stderr);
    let (workspace, _sandbox) = bench_with(folder.path(), &["--paging", "cursor"]);
    let refused = workspace.run(&["--output", "json", "get", "acme", "User", "--all", "--cursor", "no-such"]);
    let refused = refused.unwrap();
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(4), ""));
    let failed: Value = serde_json::from_str(refused.stderr.trim()).unwrap();
    assert_eq!((&failed["status"], &failed["action"]), (&"FAILURE".into(), &"query".into()), "{failed}");
}

#[test]
fn a_call_by_hand_is_not_held_up_by_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = bench(folder.path());
    let id = user(&sandbox, "other");
    // A sync that waits for its source: a named pipe that nobody writes to.
    std::fs::remove_file(workspace.folder.join("people.csv")).unwrap();
    let pipe = workspace.folder.join("people.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut sync = workspace.start(&["sync"]).unwrap();
    let lock = workspace.folder.join(".scimwright/state.db.lock");
    let holds = || std::fs::read_to_string(&lock).is_ok_and(|text| text.contains(&sync.id().to_string()));
    for _ in 0..200 {
        if holds() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(holds(), "the sync has not begun");

    for arguments in [vec!["get", "acme", "User"], vec!["delete", "acme", "User", &id]] {
        let printed = workspace.run(&[vec!["--output", "json"], arguments].concat()).unwrap();
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        assert_eq!(printed.summary().unwrap()["status"], "SUCCESS");
        assert!(
            printed.stderr.starts_with("note: this call gets no row in the client log"),
            "{}",
            printed.stderr
        );
    }
    let (code, refused) = call(&workspace, &["provision", "acme", "User", "E1"]);
    assert_eq!((code, &refused["status"]), (1, &"FAILURE".into()), "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("is in use by process"), "{refused}");
    sync.kill().unwrap();
    sync.wait().unwrap();
}
