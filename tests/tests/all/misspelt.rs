//! Settings that name what is not there: they are no empty groups and no missing ends, without a word.

use crate::links::resources;
use scimwright_tests::tool::{Printed, SandboxProcess, Workspace};
use std::path::Path;

const PEOPLE: &str =
    "{\"id\":\"E1\",\"login\":\"zoe\",\"until\":null}\n{\"id\":\"E2\",\"login\":\"sato\",\"until\":null}\n";
const IN_TEAMS: &str = "{\"row\":1,\"team\":\"blue\",\"who\":\"E1\",\"what\":\"User\"}\n\
                        {\"row\":2,\"team\":\"blue\",\"who\":\"E2\",\"what\":\"User\"}\n";

fn configuration(base_url: &str, dates: &str, members: &str) -> String {
    format!(
        r#"[source.hr]
type = "json-lines"
path = "people.jsonl"
key = "id"

[source.teams]
type = "csv"
path = "teams.csv"
key = "id"

[source.in-teams]
type = "json-lines"
path = "in-teams.jsonl"
key = "row"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
{dates}

[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
userName = {{ field = "login" }}

[[provider.acme.resource]]
type = "Group"
source = "teams"
match = ["externalId"]
deprovision = "delete"

[provider.acme.resource.attributes]
externalId = {{ field = "id" }}
displayName = {{ field = "name" }}

[provider.acme.resource.members]
source = "in-teams"
{members}
"#
    )
}

struct Stage {
    workspace: Workspace,
    sandbox: SandboxProcess,
}

impl Stage {
    fn new(folder: &Path) -> Self {
        let workspace = Workspace::new(folder).unwrap();
        let sandbox = SandboxProcess::start(&workspace).unwrap();
        workspace.write("people.jsonl", PEOPLE).unwrap();
        workspace.write("teams.csv", "id,name\nblue,Blue team\n").unwrap();
        workspace.write("in-teams.jsonl", IN_TEAMS).unwrap();
        Self { workspace, sandbox }
    }

    fn run(&self, dates: &str, members: &str, arguments: &[&str]) -> Printed {
        let text = configuration(&self.sandbox.base_url, dates, members);
        self.workspace.write("scimwright.toml", &text).unwrap();
        self.workspace.run(arguments).unwrap()
    }

    fn is_untouched(&self) -> bool {
        let of = |endpoint| resources(&self.sandbox.base_url, endpoint).len();
        of("/Users") == 0 && of("/Groups") == 0
    }
}

#[test]
fn a_membership_table_that_names_what_is_not_there_stops_before_anything_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let keys = "group = \"team\"\nmember = \"who\"\n";
    for (members, says) in [
        // The configuration alone shows it.
        ("type = \"Usr\"", "the members are `Usr`, and nothing is provisioned as that here"),
        ("type = \"user\"", "did you mean `User`?"),
        // The state shows it, or the provider.
        ("type = \"Device\"", "its members are `Device`, and nothing is provisioned as that there"),
        ("attribute = \"membres\"", "a Group there has no attribute `membres`"),
    ] {
        for command in ["check", "plan", "sync"] {
            let printed = stage.run("", &format!("{keys}{members}"), &[command]);
            let said = format!("{}{}", printed.stdout, printed.stderr);
            assert_eq!(printed.code, Some(3), "{command} with {members}: {said}");
            assert!(said.contains(says), "{command} with {members}: {said}");
        }
        assert!(stage.is_untouched(), "{members}");
    }
}

#[test]
fn a_member_field_that_is_not_there_is_an_error_of_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let members = "group = \"team\"\nmember = \"whom\"";
    let checked = stage.run("", members, &["check"]);
    assert_eq!(checked.code, Some(3), "{}", checked.stdout);
    assert!(checked.stdout.contains("`members.member` names `whom`"), "{}", checked.stdout);
    assert!(checked.stdout.contains("did you mean `who`?"), "{}", checked.stdout);
    let synced = stage.run("", members, &["sync"]);
    assert_eq!(synced.code, Some(6), "{}{}", synced.stdout, synced.stderr);

    // One row that says it otherwise is that row's mistake, and nobody is taken out meanwhile.
    let members = "group = \"team\"\nmember = \"who\"\ntype_field = \"what\"";
    assert_eq!(stage.run("", members, &["sync"]).code, Some(0));
    let members_of = || resources(&stage.sandbox.base_url, "/Groups")[0]["members"].as_array().unwrap().len();
    assert_eq!(members_of(), 2);
    let misspelt = IN_TEAMS.replacen("\"User\"", "\"Usr\"", 1);
    stage.workspace.write("in-teams.jsonl", &misspelt).unwrap();
    let synced = stage.run("", members, &["sync"]);
    assert_eq!(synced.code, Some(6), "{}{}", synced.stdout, synced.stderr);
    assert!(synced.stdout.contains("the member is a `Usr`"), "{}", synced.stdout);
    assert_eq!(members_of(), 2);
}

#[test]
fn a_date_or_a_scope_that_no_record_has_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let members = "group = \"team\"\nmember = \"who\"";
    for command in ["check", "plan", "sync"] {
        let right = stage.run("valid_until = \"until\"", members, &[command]);
        assert_eq!(right.code, Some(0), "{}{}", right.stdout, right.stderr);
        // It is there, and says of nobody that there is an end.
        assert!(!right.stdout.contains("names"), "{}", right.stdout);
        let dates = "valid_until = \"untill\"\nleft = 'gone eq true'";
        let dated = format!("{members}\nvalid_from = \"since\"");
        let wrong = stage.run(dates, &dated, &[command]);
        assert_eq!(wrong.code, Some(0), "{}{}", wrong.stdout, wrong.stderr);
        for part in
            ["`valid_until` names", "`untill`", "`left` names", "`members.valid_from` names", "`since`"]
        {
            assert!(wrong.stdout.contains(part), "{command}: {part}: {}", wrong.stdout);
        }
    }
}
