//! The sandbox before an independent judge.

use scimwright_tests::servers::{TOKEN, installed};
use scimwright_tests::tool::{SandboxProcess, Workspace, root};
use std::process::Command;

#[test]
fn the_public_checker_finds_no_fault_with_the_sandbox() {
    let Some(program) = installed(&root(), "scim2") else {
        eprintln!("skipped: scim2-cli is not installed; `cargo xtask test` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(&Workspace::new(folder.path()).unwrap()).unwrap();
    let checked = Command::new(program)
        .args(["--url", &sandbox.base_url, "--header", &format!("Authorization: Bearer {TOKEN}"), "test"])
        .output()
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("SUCCESS"), "the checker checked something: {stdout}\n{stderr}");
    assert!(!stdout.contains("ERROR"), "{stdout}");
}
