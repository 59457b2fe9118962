//! Every documented command, run as documented, and what it says when something is wrong.

use crate::company::workspace;
use scimwright_tests::people::Company;
use scimwright_tests::tool::{SandboxProcess, Workspace};

#[test]
fn a_new_folder_works_with_the_sandbox_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(&folder.path().join("new")).unwrap();
    let written = workspace.summary(&["init"]).unwrap();
    assert_eq!(written["written"], serde_json::json!(["scimwright.toml", "people.csv", ".gitignore"]));
    assert_eq!(workspace.run(&["init"]).unwrap().code, Some(3), "a folder in use is left alone");

    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let text = std::fs::read_to_string(workspace.folder.join("scimwright.toml")).unwrap();
    let text = text.replace("http://127.0.0.1:8085/v2", &sandbox.base_url).replace(
        "# auth = { bearer = { env = \"EXAMPLE_TOKEN\" } }",
        "auth = { bearer = { env = \"SCIM_TOKEN\" } }",
    );
    workspace.write("scimwright.toml", &text).unwrap();

    let checked = workspace.run(&["check"]).unwrap();
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains("Everything is in order."), "{}", checked.stdout);
    let planned = workspace.summary(&["plan"]).unwrap();
    assert_eq!(planned["created"], 3, "{planned}");
    assert!(!workspace.folder.join(".scimwright/state.db").exists(), "a plan leaves no state behind");
    let synced = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&synced["created"], &synced["failed"]), (&3.into(), &0.into()), "{synced}");
    assert_eq!(workspace.summary(&["sync"]).unwrap()["unchanged"], 3);
    assert_eq!(workspace.summary(&["log"]).unwrap()["event"], "summary");
    assert_eq!(workspace.run(&["status"]).unwrap().code, Some(0));
}

#[test]
fn every_mistake_is_shown_at_once_with_its_line_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    workspace
        .write(
            "scimwright.toml",
            r#"[source.hr]
type = "cvs"
pth = "people.csv"
key = "id"

[provider.acme]
base_url = "http://acme.example/scim"
auth = { bearer = "s3cret" }

[[provider.acme.resource]]
type = "User"
source = "hq"
modules = ["corp-user"]
deprovision = "disabel"
max_deprovision = "lots"
"#,
        )
        .unwrap();
    let checked = workspace.run(&["check"]).unwrap();
    assert_eq!(checked.code, Some(3));
    let shown = checked.stderr.replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(shown);
    let events = workspace.run(&["--output", "json", "check"]).unwrap().events("problem").unwrap();
    let lines: Vec<_> = events.iter().map(|event| event["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 2, 3, 7, 8, 12, 14, 15]);
}

#[test]
fn a_module_is_inspected_by_name_and_by_file() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(folder.path(), "http://127.0.0.1:9/v2", &Company::tidy(1, 1));
    let by_name = workspace.summary(&["mapping", "inspect", "corp-user"]).unwrap();
    let file = workspace.folder.join("modules/corp-user.wasm");
    let by_file = workspace.summary(&["mapping", "inspect", &file.display().to_string()]).unwrap();
    assert_eq!(by_name["digest"], by_file["digest"]);
    assert_eq!(by_name["contract"], "0.1.0");
    let page = workspace.run(&["mapping", "inspect", "corp-user"]).unwrap().stdout;
    assert!(page.contains("writes    externalId, userName"), "{page}");
}

#[test]
fn what_is_missing_or_broken_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(folder.path(), "http://127.0.0.1:9/v2", &Company::tidy(1, 1));
    let unreachable = workspace.run(&["sync"]).unwrap();
    assert_eq!(unreachable.code, Some(6), "{}", unreachable.stderr);
    assert!(unreachable.stderr.contains("acme"), "{}", unreachable.stderr);

    let mut no_token = workspace.command(&["sync"]);
    let no_token = no_token.env_remove("SCIM_TOKEN").output().unwrap();
    let said = String::from_utf8_lossy(&no_token.stderr).into_owned();
    assert!(said.contains("the environment variable SCIM_TOKEN is not set"), "{said}");

    workspace.write("modules/corp-user.wasm", "not a module").unwrap();
    let refused = workspace.run(&["status"]).unwrap();
    assert_eq!(refused.code, Some(3));
    assert!(refused.stdout.contains("corp-user: refused"), "{}", refused.stdout);
    std::fs::remove_file(workspace.folder.join("modules/corp-user.wasm")).unwrap();
    let missing = workspace.run(&["plan"]).unwrap();
    assert_eq!(missing.code, Some(3));
    assert!(missing.stderr.contains("corp-user"), "{}", missing.stderr);

    let elsewhere = Workspace::new(&folder.path().join("nowhere")).unwrap();
    let nothing = elsewhere.run(&["sync"]).unwrap();
    assert_eq!(nothing.code, Some(3));
    assert!(nothing.stderr.contains("scimwright init"), "{}", nothing.stderr);
}

#[test]
fn the_last_line_of_json_output_is_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let company = Company::new(3, 40);
    let workspace = workspace(folder.path(), &sandbox.base_url, &company);
    let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
    assert_eq!(printed.code, Some(4), "broken rows: {}", printed.stderr);
    let summary = printed.summary().unwrap();
    for figure in ["created", "updated", "unchanged", "disabled", "deleted", "skipped", "failed"] {
        assert!(summary[figure].is_u64(), "{figure}: {summary}");
    }
    assert!(summary["duration_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{summary}");
    assert_eq!(printed.events("record").unwrap().len() + printed.events("malformed").unwrap().len(), 44);
    let secret = scimwright_tests::servers::TOKEN;
    assert!(!printed.stdout.contains(secret) && !printed.stderr.contains(secret));
}
