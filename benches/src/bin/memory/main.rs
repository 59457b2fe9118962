//! How much memory `scimwright sync` takes, for companies of very different size; prints a table.
//!
//! Tool and service provider are processes of their own. Each size is synced twice: first everybody is created,
//! then nothing has changed.
//!
//! It uses nothing of this crate's library, so that it is linked in seconds and not together with wasmtime.

#![allow(clippy::print_stdout, reason = "its output is the table")]

mod peak;

use anyhow::{Context, ensure};
use peak::Ended;
use scimwright_tests::people::Company;
use scimwright_tests::tool::{SandboxProcess, Workspace};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

/// How many records, where the command line does not say.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// The company's seed: any will do, and the same one gives the same people.
const SEED: u64 = 48;

fn main() -> anyhow::Result<()> {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|size| size.parse()).collect::<Result<_, _>>()?;
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    println!(
        "{:>9}  {:<16}  {:>9}  {:>9}  {:>9}  {:>9}",
        "records", "", "requests", "seconds", "peak MiB", "state MiB"
    );
    for size in sizes {
        measure(size)?;
    }
    Ok(())
}

/// Two syncs of a company of this size.
fn measure(size: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let workspace = Workspace::new(folder.path())?;
    workspace.write("people.csv", &Company::tidy(SEED, size).to_csv())?;
    workspace.add_module("corp-user")?;
    let sandbox = SandboxProcess::start(&workspace)?;
    workspace.write("scimwright.toml", &configuration(&sandbox.base_url))?;
    for (name, outcome) in [("first sync", "created"), ("nothing changed", "unchanged")] {
        let (ended, summary) = sync(&workspace)?;
        ensure!(
            summary[outcome] == size && summary["failed"] == 0,
            "of {size} records all should have been {outcome}: {summary}"
        );
        let requests = summary["requests"].as_u64().context("the summary does not count requests")?;
        let seconds = ended.took.as_secs_f64();
        let (peak, state) = (ended.peak_kib as f64 / 1024.0, folder_mib(&workspace)?);
        println!("{size:>9}  {name:<16}  {requests:>9}  {seconds:>9.1}  {peak:>9.1}  {state:>9.1}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// One sync, and the summary on the last line of its output. The output goes to a file: it has a line for each
/// record, and is not what is measured.
fn sync(workspace: &Workspace) -> anyhow::Result<(Ended, Value)> {
    let output = workspace.folder.join("output.jsonl");
    let child = workspace
        .command(&["--output", "json", "sync"])
        .stdout(Stdio::from(File::create(&output)?))
        .spawn()
        .context("the tool cannot be started")?;
    let ended = peak::watch(child)?;
    ensure!(ended.status.success(), "sync ended with {}", ended.status);
    let mut last = String::new();
    for line in BufReader::new(File::open(&output)?).lines() {
        last = line?;
    }
    fs::remove_file(&output)?;
    let summary =
        serde_json::from_str(&last).with_context(|| format!("the last line is no summary: {last}"))?;
    Ok((ended, summary))
}

/// What the tool keeps on disk.
fn folder_mib(workspace: &Workspace) -> anyhow::Result<f64> {
    let mut bytes = 0;
    let mut folders = vec![workspace.folder.join(".scimwright")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            match entry.metadata()? {
                found if found.is_dir() => folders.push(entry.path()),
                found => bytes += found.len(),
            }
        }
    }
    Ok(bytes as f64 / f64::from(1 << 20))
}

fn configuration(base_url: &str) -> String {
    format!(
        r#"[source.hr]
type = "csv"
path = "people.csv"
key = "employee_id"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["externalId", "userName"]
modules = ["corp-user"]
"#
    )
}
