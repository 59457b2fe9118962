//! What a plan of very many records costs when nothing has changed.
//!
//! The records are made by attribute rows, so that what is measured is reading, deciding and remembering; what mapping
//! costs is measured elsewhere. They are synced once before, which takes longer than all the rest.

use crate::run;
use anyhow::ensure;
use scimwright_tests::tool::{SandboxProcess, Workspace};
use std::fs::File;
use std::io::{BufWriter, Write};

/// A first sync, then plans.
pub(crate) fn measure(size: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let workspace = Workspace::new(folder.path())?;
    let mut people = BufWriter::new(File::create(workspace.folder.join("people.csv"))?);
    writeln!(people, "id,given,family,title,department")?;
    for number in 0..size {
        writeln!(
            people,
            "P{number:07},Given{number},Family{},Engineer {},Department {}",
            number % 1000,
            number % 7,
            number % 50
        )?;
    }
    people.flush()?;
    let sandbox = SandboxProcess::start(&workspace)?;
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url))?;
    println!("{size} records\n");
    println!("{:<24} {:>9} {:>9} {:>12} {:>9}", "", "requests", "seconds", "records/s", "peak MiB");
    let plan = workspace.folder.join("plan.jsonl");
    let plan = plan.to_string_lossy().into_owned();
    for (name, arguments) in [
        ("first sync", vec!["sync"]),
        ("plan", vec!["plan"]),
        ("plan to a file", vec!["plan", "--out", plan.as_str()]),
        ("sync, nothing changed", vec!["sync"]),
        ("sync of what changed", vec!["sync", "--changed"]),
    ] {
        let (ended, summary) = run(&workspace, &arguments)?;
        ensure!(summary["failed"] == 0 && summary["complete"] == true, "{name}: {summary}");
        let seconds = ended.took.as_secs_f64();
        println!(
            "{name:<24} {:>9} {seconds:>9.1} {:>12.0} {:>9.1}",
            summary["requests"].to_string(),
            size as f64 / seconds,
            ended.peak_kib as f64 / 1024.0
        );
    }
    Ok(())
}

fn configuration(base_url: &str) -> String {
    format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "id"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}
concurrency = 16

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["externalId"]

[provider.acme.resource.attributes]
userName = {{ field = "id" }}
externalId = {{ field = "id" }}
"name.givenName" = {{ field = "given" }}
"name.familyName" = {{ field = "family" }}
title = {{ field = "title" }}
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" = {{ field = "department" }}
active = {{ constant = true }}
"#
    )
}
