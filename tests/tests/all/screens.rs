//! What a run prints: each thing once, and nothing that says nothing.

use crate::desk::synced;
use std::time::Instant;

#[test]
fn a_provider_at_a_new_address_is_named_once_and_not_for_each_of_its_types() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    let configuration = std::fs::read_to_string(folder.path().join("scimwright.toml")).unwrap();
    workspace.write("scimwright.toml", &configuration.replace("127.0.0.1", "localhost")).unwrap();
    for arguments in [&["sync"][..], &["plan"]] {
        let printed = workspace.run(arguments).unwrap();
        assert_eq!(printed.code, Some(3), "{}{}", printed.stdout, printed.stderr);
        let said = printed.stderr.matches("what we know of provider `acme` was learned at").count();
        assert_eq!(said, 1, "{arguments:?}: {}", printed.stderr);
    }
    let lines = workspace.run(&["--output", "json", "sync"]).unwrap();
    assert_eq!(lines.events("error").unwrap().len(), 1, "{}", lines.stdout);
}

#[test]
fn every_heading_of_a_run_over_several_types_has_something_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    for arguments in [&["sync"][..], &["plan"], &["sync", "--changed"]] {
        let printed = workspace.run(arguments).unwrap().stdout;
        let lines: Vec<&str> = printed.lines().collect();
        assert!(printed.contains("Group at acme") && printed.contains("User at acme"), "{printed}");
        for pair in lines.windows(2).filter(|pair| pair[0].ends_with(" at acme:")) {
            assert!(pair[1].starts_with("  "), "{arguments:?}: nothing below `{}`:\n{printed}", pair[0]);
        }
        assert!(!lines.last().unwrap().ends_with(':'), "{printed}");
    }
}

#[test]
fn the_time_of_all_types_together_is_the_time_that_passed() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    let began = Instant::now();
    let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
    let passed = began.elapsed().as_secs_f64();
    let single: Vec<f64> = printed
        .events("finished")
        .unwrap()
        .iter()
        .map(|run| run["duration_seconds"].as_f64().unwrap())
        .collect();
    assert_eq!(single.len(), 2, "{}", printed.stdout);
    let all = printed.summary().unwrap()["duration_seconds"].as_f64().unwrap();
    assert!(all <= passed && single.iter().all(|one| *one <= all), "{all} of {passed}, with {single:?}");
}

#[test]
fn what_the_operating_system_said_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox) = synced(folder.path());
    for arguments in [
        &["plan", "--out", "no/such/folder/plan.jsonl"][..],
        &["apply", "no-such-plan.jsonl"],
        &["mapping", "run", "no-such-module.wasm", "--record", "{}"],
    ] {
        let printed = workspace.run(arguments).unwrap();
        let said = printed.stderr.matches("os error").count();
        assert!(printed.code != Some(0) && said <= 1, "{arguments:?}: {}", printed.stderr);
    }
    let plan = workspace.run(&["plan", "--out", "no/such/folder/plan.jsonl"]).unwrap().stderr;
    assert_eq!(plan.matches("No such file or directory").count(), 1, "{plan}");
}
