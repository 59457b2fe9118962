//! The state file from beginning to end: closed by every command, and missed where it is gone.

use crate::links::{configuration, synced};
use scimwright_tests::tool::Workspace;
use std::path::Path;

/// What is beside the state, without the folders.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join(".scimwright")).unwrap();
    let files = entries.map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file());
    let mut names: Vec<_> = files.map(|file| file.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn run_and_look(workspace: &Workspace, arguments: &[&str], code: i32) {
    let printed = workspace.run(arguments).unwrap();
    assert_eq!(printed.code, Some(code), "{arguments:?}: {}{}", printed.stdout, printed.stderr);
    assert_eq!(files(&workspace.folder), ["state.db", "state.db.lock"], "{arguments:?}");
}

#[test]
fn whatever_a_command_comes_to_it_closes_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    assert_eq!(files(folder.path()), ["state.db", "state.db.lock"]);
    run_and_look(&workspace, &["sync"], 0);
    run_and_look(&workspace, &["provision", "acme", "User", "E1"], 0);
    run_and_look(&workspace, &["provision", "acme", "User", "nobody"], 4);
    run_and_look(&workspace, &["get", "acme", "User"], 0);
    run_and_look(&workspace, &["links", "forget", "acme", "User", "E1", "--yes"], 0);
    run_and_look(&workspace, &["links", "adopt", "acme", "User", "E1", "no-such-id"], 4);
    run_and_look(&workspace, &["links", "rebuild", "--as", "created"], 0);
    run_and_look(&workspace, &["drift", "acme", "--repair", "--yes"], 0);
    // Broken off by an error of everybody's.
    std::fs::remove_file(folder.path().join("people.csv")).unwrap();
    run_and_look(&workspace, &["sync"], 6);
    let elsewhere = configuration(&sandbox.base_url.replace("127.0.0.1", "localhost"));
    workspace.write("scimwright.toml", &elsewhere).unwrap();
    run_and_look(&workspace, &["sync"], 3);
}

#[test]
#[cfg(unix)]
fn a_signal_closes_the_state_too() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    let mut service = workspace.start(&["serve"]).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !files(folder.path()).contains(&"state.db-wal".to_owned()) {
        assert!(std::time::Instant::now() < deadline, "the service opens the state");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    let told = std::process::Command::new("kill").arg(service.id().to_string()).status().unwrap();
    assert!(told.success());
    assert!(service.wait().unwrap().success());
    assert_eq!(files(folder.path()), ["state.db", "state.db.lock"]);
}

#[test]
fn a_state_that_is_gone_is_missed_and_one_that_is_empty_is_not_taken_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = synced(folder.path());
    let state = folder.path().join(".scimwright/state.db");
    let sound = std::fs::read(&state).unwrap();

    // Truncated by a full disk, or a copy that went wrong: nobody is adopted.
    std::fs::write(&state, "").unwrap();
    for arguments in [&["sync"][..], &["plan"], &["check"], &["status"]] {
        let printed = workspace.run(arguments).unwrap();
        let said = format!("{}{}", printed.stdout, printed.stderr);
        assert_eq!(printed.code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains("it is empty, and there was a state in it since"), "{arguments:?}: {said}");
        assert!(said.contains("links rebuild --as created --set-aside"), "{arguments:?}: {said}");
    }
    std::fs::write(&state, &sound).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["unchanged"], 5);

    // Whoever only asks is told as well, of a file of another program too.
    let asking: [&[&str]; 7] = [
        &["status"],
        &["status", "E1"],
        &["log"],
        &["links", "show", "acme", "User"],
        &["links", "export", "acme", "User"],
        &["explain", "acme", "User", "E1"],
        &["drift", "acme"],
    ];
    for (content, sentence) in
        [("", "it is empty, and there was a state in it"), ("else", "is not a scimwright state")]
    {
        std::fs::write(&state, content).unwrap();
        for arguments in asking {
            let printed = workspace.run(arguments).unwrap();
            assert_eq!(printed.code, Some(1), "{arguments:?}: {}", printed.stdout);
            assert!(printed.stderr.contains(sentence), "{arguments:?}: {}", printed.stderr);
        }
    }
    std::fs::remove_file(&state).unwrap();
    for arguments in asking {
        let printed = workspace.run(arguments).unwrap();
        assert!(
            printed.stderr.contains("is gone, and all links with it"),
            "{arguments:?}: {}",
            printed.stderr
        );
    }
    let lines = workspace.run(&["--output", "json", "status", "E1"]).unwrap();
    assert_eq!(lines.events("notice").unwrap().len(), 1, "{}", lines.stdout);
    let found = &lines.events("whereabouts").unwrap()[0];
    assert_eq!(found["state_lost"], true);
    assert!(
        found["sentence"].as_str().unwrap().contains("what was known of it is gone with the state file"),
        "{found}"
    );
    std::fs::write(&state, &sound).unwrap();

    // Deleted: a plan goes on without it and says so. Whoever writes would adopt everybody for good, and does not.
    std::fs::remove_file(&state).unwrap();
    for _ in 0..2 {
        let planned = workspace.run(&["--output", "json", "plan"]).unwrap();
        let notices = planned.events("notice").unwrap();
        let says = |notice: &serde_json::Value| {
            notice["message"].as_str().unwrap().contains("is gone, and all links with it")
        };
        assert!(notices.iter().any(says), "{}", planned.stdout);
    }
    for arguments in [&["sync"][..], &["provision", "acme", "User", "E1"], &["drift", "acme", "--repair"]] {
        let refused = workspace.run(arguments).unwrap();
        assert_eq!(refused.code, Some(1), "{arguments:?}: {}", refused.stderr);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("`scimwright links rebuild --as created`"), "{arguments:?}: {said}");
        assert!(!state.exists(), "{arguments:?}");
    }
    // Looking on goes on, and hides nothing.
    assert_eq!(workspace.run(&["get", "acme", "User"]).unwrap().code, Some(0));
    assert!(!state.exists());
    let rebuilt = workspace.run(&["links", "rebuild", "--as", "created"]).unwrap();
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    assert_eq!(workspace.summary(&["sync"]).unwrap()["unchanged"], 5);

    // The remedy for the empty one.
    std::fs::write(&state, "").unwrap();
    let rebuilt = workspace.run(&["links", "rebuild", "--as", "created", "--set-aside"]).unwrap();
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    workspace.write("people.csv", "id,login,display,boss\nE1,zoe,Zoë,E2\nE2,sato,佐藤,\n").unwrap();
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url)).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["disabled"], 1, "they are ours again");
}
