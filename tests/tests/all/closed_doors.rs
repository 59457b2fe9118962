//! A provider that cannot be worked with: left alone after a while, and nobody else's affair.

use scimwright_tests::servers::free_port;
use scimwright_tests::tool::{SandboxProcess, Workspace};

fn configuration(closed: &str, open: &str) -> String {
    let provider = |name: &str, base_url: &str| {
        format!(
            r#"
[provider.{name}]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
attempts = 1

[[provider.{name}.resource]]
type = "User"
source = "hr"
match = ["userName"]

[provider.{name}.resource.attributes]
userName = {{ field = "id" }}
"#
        )
    };
    format!(
        "[source.hr]\ntype = \"csv\"\npath = \"people.csv\"\nkey = \"id\"\n{}{}",
        provider("closed", closed),
        provider("open", open)
    )
}

#[test]
fn a_provider_that_nobody_answers_at_is_left_alone_after_three_rounds_and_the_other_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let nowhere = format!("http://127.0.0.1:{}/v2", free_port().unwrap());
    workspace.write("scimwright.toml", &configuration(&nowhere, &sandbox.base_url)).unwrap();
    let mut people = "id\n".to_owned();
    for round in 1..=3 {
        people.push_str(&format!("p{round}\n"));
        workspace.write("people.csv", &people).unwrap();
        let printed = workspace.run(&["--output", "json", "sync"]).unwrap();
        assert_eq!(printed.code, Some(6), "round {round}: {printed:?}");
        assert_eq!(printed.summary().unwrap()["created"], 1, "the open one goes on: {printed:?}");
        let shut = printed.stdout.contains("is left alone until");
        assert_eq!(shut, round == 3, "round {round}: {}", printed.stdout);
    }
    let shut = workspace.run(&["--output", "json", "sync", "--provider", "closed"]).unwrap();
    assert_eq!(shut.code, Some(6), "{shut:?}");
    assert!(
        shut.stdout.contains("is in quarantine until") && shut.stdout.contains("--retry"),
        "{}",
        shut.stdout
    );

    // It is there again, at the same address: whoever knows that need not wait.
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url, &sandbox.base_url)).unwrap();
    let again = workspace.run(&["--output", "json", "sync", "--retry"]).unwrap();
    let summary = again.summary().unwrap();
    assert_eq!((again.code, &summary["failed"]), (Some(0), &0.into()), "{again:?}");
    assert_eq!(summary["adopted"], 3, "those whom the open one made are there already: {summary}");
    let quiet = workspace.run(&["--output", "json", "sync"]).unwrap();
    assert_eq!(quiet.summary().unwrap()["unchanged"], 6, "{quiet:?}");
}

#[test]
fn a_provider_that_was_given_another_name_is_recognised_by_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let text = configuration(&sandbox.base_url, &sandbox.base_url);
    let text = text.split("\n[provider.open]").next().unwrap().to_owned();
    workspace.write("scimwright.toml", &text).unwrap();
    workspace.write("people.csv", "id\np1\n").unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 1);
    workspace.write("scimwright.toml", &text.replace("provider.closed", "provider.renamed")).unwrap();
    let plan = workspace.run(&["plan"]).unwrap();
    assert!(plan.stdout.contains("are linked under the name `closed`"), "{}", plan.stdout);
}
