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

    // The command that it names does what it says, and whoever leaves is ours as before.
    let command = "scimwright links move closed --to renamed";
    assert!(plan.stdout.contains(command), "{}", plan.stdout);
    let wrong = workspace.run(&["links", "move", "renamed", "--to", "closed"]).unwrap();
    assert_eq!(wrong.code, Some(3), "{}", wrong.stderr);
    let nothing = workspace.run(&["links", "move", "nobody", "--to", "renamed"]).unwrap();
    assert_eq!(nothing.code, Some(3), "{}", nothing.stderr);
    assert!(nothing.stderr.contains("nothing is linked under the name `nobody`"), "{}", nothing.stderr);
    let moved = workspace.run(&["links", "move", "closed", "--to", "renamed"]).unwrap();
    assert_eq!(moved.code, Some(0), "{}{}", moved.stdout, moved.stderr);
    assert!(moved.stdout.contains("took over the links of closed"), "{}", moved.stdout);
    let plan = workspace.run(&["plan"]).unwrap();
    assert!(!plan.stdout.contains("closed"), "{}", plan.stdout);
    let synced = workspace.summary(&["sync"]).unwrap();
    assert_eq!((&synced["unchanged"], &synced["adopted"]), (&1.into(), &0.into()), "{synced}");
}

#[test]
fn links_are_not_moved_to_a_name_that_has_its_own_or_to_another_service() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(folder.path()).unwrap();
    let sandbox = SandboxProcess::start(&workspace).unwrap();
    let elsewhere = SandboxProcess::start(&workspace).unwrap();
    let text = configuration(&sandbox.base_url, &sandbox.base_url);
    let text = text.split("\n[provider.open]").next().unwrap().to_owned();
    workspace.write("scimwright.toml", &text).unwrap();
    workspace.write("people.csv", "id\np1\n").unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["created"], 1);

    let renamed = text.replace("provider.closed", "provider.renamed");
    let strange = renamed.replace(&sandbox.base_url, &elsewhere.base_url);
    workspace.write("scimwright.toml", &strange).unwrap();
    let refused = workspace.run(&["links", "move", "closed", "--to", "renamed"]).unwrap();
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("is not there"), "{}", refused.stderr);

    workspace.write("scimwright.toml", &renamed).unwrap();
    assert_eq!(workspace.summary(&["sync"]).unwrap()["adopted"], 1);
    let refused = workspace.run(&["links", "move", "closed", "--to", "renamed"]).unwrap();
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("`renamed` has 1 links already"), "{}", refused.stderr);
    for (command, code) in
        [("links forget renamed User --all --yes", 0), ("links move closed --to renamed", 0), ("sync", 0)]
    {
        let arguments: Vec<&str> = command.split(' ').collect();
        let printed = workspace.run(&arguments).unwrap();
        assert_eq!(printed.code, Some(code), "{command}: {}", printed.stderr);
    }
}

#[test]
fn what_was_taken_out_of_the_configuration_is_named_until_its_links_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox) = crate::links::synced(folder.path());
    let text = crate::links::configuration(&sandbox.base_url);
    let (people, _) = text.rsplit_once("[[provider.acme.resource]]").unwrap();
    workspace.write("scimwright.toml", people).unwrap();
    let named = |arguments: &[&str]| {
        let printed = workspace.run(arguments).unwrap();
        assert_eq!(printed.code, Some(0), "{}{}", printed.stdout, printed.stderr);
        printed.stdout.contains("`acme` Group has 2 links and is not in the configuration any more")
    };
    assert!(named(&["sync"]) && named(&["plan"]) && named(&["check"]));
    let provider = people.replace("provider.acme", "provider.other");
    workspace.write("scimwright.toml", &provider).unwrap();
    let printed = workspace.run(&["plan"]).unwrap();
    assert!(printed.stdout.contains("`acme` User has 3 links"), "{}", printed.stdout);
    for resource_type in ["User", "Group"] {
        let forgotten = workspace.run(&["links", "forget", "acme", resource_type, "--all", "--yes"]).unwrap();
        assert_eq!(forgotten.code, Some(0), "{}", forgotten.stderr);
    }
    let printed = workspace.run(&["plan"]).unwrap();
    assert!(!printed.stdout.contains("`acme`"), "{}", printed.stdout);
}
