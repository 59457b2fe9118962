//! `provider discover` and `provider probe`: what a provider says, what it does, and that nothing is left behind.

use scimwright_tests::servers::{
    Authentication, Configuration, Http, Lists, Scim2Server, Scimmy, Server, TOKEN, installed,
};
use scimwright_tests::tool::{SandboxProcess, Workspace, root};
use serde_json::Value;

fn configure(workspace: &Workspace, base_url: &str, more: &str) {
    let text = format!(
        r#"[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
{more}

[source.hr]
type = "csv"
path = "people.csv"
key = "id"

[[provider.acme.resource]]
type = "User"
source = "hr"
attributes = {{ userName = {{ field = "id" }} }}
"#
    );
    workspace.write("scimwright.toml", &text).unwrap();
}

/// A provider with somebody in it who is not to be touched.
fn provider(folder: &std::path::Path, sandbox: &[&str]) -> (Workspace, SandboxProcess, Value) {
    let workspace = Workspace::new(folder).unwrap();
    let sandbox = SandboxProcess::start_with(&workspace, sandbox).unwrap();
    configure(&workspace, &sandbox.base_url, "");
    let body = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bystander",
        "name": { "givenName": "By", "familyName": "Stander" }, "displayName": "By Stander",
    });
    let bystander = http(&sandbox).call("POST", "/Users", Some(&body)).unwrap();
    assert_eq!(bystander.status, 201, "{}", bystander.text);
    let bystander = bystander.json();
    (workspace, sandbox, bystander)
}

fn http(sandbox: &SandboxProcess) -> Http {
    Http::new(&sandbox.base_url, Some(format!("Bearer {TOKEN}")))
}

/// Only the bystander is there, as before.
fn nothing_is_left(sandbox: &SandboxProcess, bystander: &Value) {
    let users = http(sandbox).get("/Users").unwrap();
    assert_eq!(users["Resources"], serde_json::json!([bystander]), "{users:#}");
    assert_eq!(http(sandbox).get("/Groups").unwrap()["totalResults"], 0);
}

/// The screen without what differs from day to day and from port to port.
fn screen(text: &str, base_url: &str) -> String {
    let text = text.replace(base_url, "BASE");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if let Some(at) = line.find("observed: acme ") {
            line.replace_range(at + "observed: acme ".len().., "DATE\"");
        }
    }
    lines.join("\n")
}

fn probed(folder: &std::path::Path, arguments: &[&str]) -> String {
    let (workspace, sandbox, bystander) = provider(folder, arguments);
    let printed = workspace.run(&["provider", "probe", "acme", "--yes"]).unwrap();
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""), "{}", printed.stdout);
    nothing_is_left(&sandbox, &bystander);
    screen(&printed.stdout, &sandbox.base_url)
}

#[test]
fn a_provider_that_follows_the_rfcs_needs_no_profile() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(probed(folder.path(), &[]));
}

#[test]
fn a_provider_made_for_entra_is_seen_through() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(probed(folder.path(), &["--profile", "entra-receiver"]));
}

#[test]
fn a_provider_that_takes_members_out_by_value_is_seen_through() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(probed(folder.path(), &["--profile", "authentik"]));
}

#[test]
fn members_that_are_never_shown_and_an_account_that_is_deleted_are_seen_through() {
    let folder = tempfile::tempdir().unwrap();
    let aws = probed(folder.path(), &["--profile", "aws-iam-identity-center"]);
    assert!(aws.contains("not shown, so that the rest cannot be told"), "{aws}");
    assert!(aws.contains("set = \"members-readable\""), "{aws}");
    let fleet = probed(folder.path(), &["--profile", "fleet"]);
    assert!(fleet.contains("the account is deleted"), "{fleet}");
    assert!(fleet.contains("set = \"disabling\""), "{fleet}");
}

#[test]
fn every_profile_that_can_be_played_is_found_out_as_far_as_it_can_be_told() {
    for (name, settings) in [
        ("vcenter", vec!["update", "id-in-put", "member-removal"]),
        ("sentry", vec!["patchable", "filter-operators", "members-as-a-whole"]),
        ("webex", vec!["member-type"]),
        ("keycloak", vec!["members-as-a-whole"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let screen = probed(folder.path(), &["--profile", name]);
        for setting in settings {
            assert!(screen.contains(&format!("set = \"{setting}\"")), "{name}: {setting}\n{screen}");
        }
    }
}

/// A provider that keeps a tombstone of whoever is deleted keeps those of a probing too, and that is said.
#[test]
fn what_a_provider_keeps_of_the_deleted_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, _sandbox, _) = provider(folder.path(), &["--profile", "slack"]);
    let printed = workspace.run(&["provider", "probe", "acme", "--yes"]).unwrap();
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(printed.stderr.starts_with("note: it keeps what is deleted"), "{}", printed.stderr);
    assert!(printed.stdout.contains("value = \"tombstone\""), "{}", printed.stdout);
}

/// What was drafted is a profile that the next command follows.
#[test]
fn a_draft_is_a_profile() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox, bystander) = provider(folder.path(), &["--profile", "entra-receiver"]);
    std::fs::create_dir(workspace.folder.join("profiles")).unwrap();
    let draft = workspace.folder.join("profiles/acme.toml").display().to_string();
    let arguments = ["--output", "json", "provider", "probe", "acme", "--yes", "--draft", &draft];
    let printed = workspace.run(&arguments).unwrap();
    let result = printed.summary().unwrap();
    assert_eq!((&result["event"], &result["left_behind"]), (&"probe".into(), &serde_json::json!([])));
    assert!(result["findings"].as_array().unwrap().len() > 30, "{result}");
    assert_eq!(result["draft"], std::fs::read_to_string(&draft).unwrap());
    // What is there is somebody's work by now.
    assert_eq!(workspace.run(&arguments).unwrap().code, Some(3));
    configure(&workspace, &sandbox.base_url, "profile = \"acme\"");
    let shown = workspace.run(&["provider", "discover", "acme"]).unwrap();
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("member-removal = \"value\" for Group"), "{}", shown.stdout);
    nothing_is_left(&sandbox, &bystander);
}

#[test]
fn where_nobody_can_be_asked_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox, bystander) = provider(folder.path(), &[]);
    let printed = workspace.run(&["provider", "probe", "acme"]).unwrap();
    assert_eq!((printed.code, printed.stdout.as_str()), (Some(2), ""));
    assert!(
        printed.stderr.contains("This creates") && printed.stderr.contains("--yes"),
        "{}",
        printed.stderr
    );
    nothing_is_left(&sandbox, &bystander);
}

#[test]
fn a_probing_that_is_interrupted_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, sandbox, bystander) = provider(folder.path(), &[]);
    configure(&workspace, &sandbox.base_url, "budgets = { writes = \"20/s\", reads = \"20/s\" }");
    let mut child = workspace.start(&["provider", "probe", "acme", "--yes"]).unwrap();
    let made = || http(&sandbox).get("/Groups").unwrap()["totalResults"] == 1;
    for _ in 0..400 {
        if made() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    assert!(made(), "the group was never made");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    nothing_is_left(&sandbox, &bystander);
}

#[test]
fn a_discovery_shows_each_capability_and_how_it_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = ["--profile", "salesforce", "--paging", "cursor", "--no-bulk"];
    let (workspace, sandbox, _) = provider(folder.path(), &sandbox);
    configure(&workspace, &sandbox.base_url, "profile = \"slack\"\ncapabilities = { etag = false }");
    let printed = workspace.run(&["provider", "discover", "acme"]).unwrap();
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    insta::assert_snapshot!(screen(&printed.stdout, &sandbox.base_url));

    let line = workspace.summary(&["provider", "discover", "acme"]).unwrap();
    let capabilities = &line["capabilities"];
    assert_eq!(capabilities["etag"], serde_json::json!({ "value": false, "provenance": "overridden" }));
    assert_eq!(capabilities["filter"]["provenance"], "profile");
    assert_eq!(capabilities["paging"]["value"]["cursor"], true);
    assert_eq!(line["resource_types"][0]["schemas"][1]["extension"], true);
    assert!(line["draft"].as_str().unwrap().contains("/ServiceProviderConfigs"), "{line}");
}

/// What a server that others wrote is seen to do: the lines that are marked, and the quirks that follow.
fn marked(folder: &std::path::Path, server: &dyn Server) -> String {
    let workspace = Workspace::new(folder).unwrap();
    configure(&workspace, server.base_url(), "");
    let printed = workspace.run(&["provider", "probe", "acme", "--yes"]).unwrap();
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""), "{}", printed.stdout);
    for endpoint in ["/Users", "/Groups"] {
        let left = server.http().unwrap().get(endpoint).unwrap();
        assert_eq!(left["totalResults"], 0, "{}: {left:#}", server.name());
    }
    let shown = screen(&printed.stdout, server.base_url());
    let lines = shown.lines().filter(|line| {
        ["!", "?", "set = ", "resource_type = ", "value = "].iter().any(|begin| line.starts_with(begin))
    });
    format!("{}\n{}", server.name(), lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn servers_that_others_wrote_are_seen_through() {
    let (Some(scim2_server), Some(scimmy)) =
        (installed(&root(), "scim2-server"), installed(&root(), "scimmy"))
    else {
        eprintln!("skipped: scim2-server or scimmy is not installed; `cargo xtask test` installs them");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut screens = Vec::new();
    for configuration in [Configuration::Default, Configuration::CursorOnly, Configuration::Minimal] {
        let server = Scim2Server::configured(&scim2_server, folder.path(), configuration).unwrap();
        screens.push(marked(folder.path(), &server));
    }
    for lists in [Lists::Paged, Lists::FirstPageForEver] {
        let server = Scimmy::configured(&scimmy, folder.path(), Authentication::Bearer, lists).unwrap();
        screens.push(marked(folder.path(), &server));
    }
    insta::assert_snapshot!(screens.join("\n\n"));
}
