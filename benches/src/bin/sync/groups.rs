//! How many requests users and groups take: at first, when nothing has changed, and when one membership in a hundred has.

use crate::{SEED, run};
use anyhow::ensure;
use scimwright_tests::dice::Dice;
use scimwright_tests::people::Company;
use scimwright_tests::tool::{SandboxProcess, Workspace};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const GROUPS: usize = 200;
const MEMBERS: usize = 500;
const PEOPLE: usize = 2_000;

/// Three syncs of the same directory.
pub(crate) fn measure() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let workspace = Workspace::new(folder.path())?;
    workspace.add_module("corp-user")?;
    let company = Company::tidy(SEED, PEOPLE);
    workspace.write("people.csv", &company.to_csv())?;
    let keys: Vec<String> = company.people.iter().map(|person| person.id.clone()).collect();
    let mut dice = Dice::new(SEED);
    let mut teams: Vec<BTreeSet<String>> = (0..GROUPS).map(|_| pick(&mut dice, &keys)).collect();
    workspace.write("teams.csv", &teams_csv())?;
    workspace.write("memberships.csv", &memberships_csv(&teams))?;
    let sandbox = SandboxProcess::start(&workspace)?;
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url))?;
    println!("{GROUPS} groups of {MEMBERS} members, {PEOPLE} users\n");
    println!("{:<24} {:>9} {:>9} {:>9}", "", "requests", "seconds", "peak MiB");
    let show = |name: &str| -> anyhow::Result<()> {
        let (ended, summary) = run(&workspace, &["sync"])?;
        ensure!(summary["failed"] == 0 && summary["complete"] == true, "{summary}");
        println!(
            "{name:<24} {:>9} {:>9.1} {:>9.1}",
            summary["requests"].to_string(),
            ended.took.as_secs_f64(),
            ended.peak_kib as f64 / 1024.0
        );
        Ok(())
    };
    show("first sync")?;
    show("nothing changed")?;
    for team in &mut teams {
        churn(&mut dice, team, &keys);
    }
    workspace.write("memberships.csv", &memberships_csv(&teams))?;
    show("1 % of members changed")?;
    show("nothing changed")
}

fn pick(dice: &mut Dice, keys: &[String]) -> BTreeSet<String> {
    let mut team = BTreeSet::new();
    while team.len() < MEMBERS {
        team.extend(keys.get(dice.below(keys.len())).cloned());
    }
    team
}

/// One in a hundred goes, and as many come.
fn churn(dice: &mut Dice, team: &mut BTreeSet<String>, keys: &[String]) {
    let leaving: Vec<String> = team.iter().step_by(100).cloned().collect();
    for key in &leaving {
        team.remove(key);
    }
    while team.len() < MEMBERS {
        team.extend(keys.get(dice.below(keys.len())).filter(|key| !leaving.contains(key)).cloned());
    }
}

fn teams_csv() -> String {
    (0..GROUPS).fold("team_id,name\n".to_owned(), |mut text, team| {
        let _ = writeln!(text, "T{team:03},Team {team}");
        text
    })
}

fn memberships_csv(teams: &[BTreeSet<String>]) -> String {
    let mut text = "team_id,employee_id\n".to_owned();
    for (team, members) in teams.iter().enumerate() {
        for member in members {
            let _ = writeln!(text, "T{team:03},{member}");
        }
    }
    text
}

fn configuration(base_url: &str) -> String {
    format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "employee_id"

[source.teams]
type = "csv"
path = "teams.csv"
key = "team_id"

[source.memberships]
type = "csv"
path = "memberships.csv"
key = "team_id"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
concurrency = 8

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["externalId", "userName"]
modules = ["corp-user"]

[[provider.acme.resource]]
type = "Group"
source = "teams"
match = ["externalId", "displayName"]
deprovision = "delete"

[provider.acme.resource.attributes]
externalId = {{ field = "team_id" }}
displayName = {{ field = "name" }}

[provider.acme.resource.members]
source = "memberships"
group = "team_id"
member = "employee_id"
"#
    )
}
