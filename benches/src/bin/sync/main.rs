//! How fast a first sync is beside a bare loop, how many requests groups take, and what a plan of very many records
//! costs; prints tables.
//!
//! Tool and service provider are processes of their own. Like `bench-memory` it uses nothing of this crate's library,
//! so that it is linked in seconds.

#![allow(clippy::print_stdout, reason = "its output is the tables")]

mod bare;
mod first;
mod groups;
#[path = "../memory/peak.rs"]
mod peak;
mod plan;

use anyhow::{Context, bail};
use scimwright_tests::tool::Workspace;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// The company's seed: any will do, and the same one gives the same people.
const SEED: u64 = 48;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().context("say what to measure: first, groups or plan")?;
    let size = arguments.next().map(|size| size.parse()).transpose()?;
    match what.as_str() {
        "first" => first::measure(size.unwrap_or(20_000)),
        "groups" => groups::measure(),
        "plan" => plan::measure(size.unwrap_or(1_000_000)),
        other => bail!("`{other}` cannot be measured; say first, groups or plan"),
    }
}

/// Runs the tool to its end, and returns what it took and the summary on the last line of its output. The output goes
/// to a file: it has a line for each record, and is not what is measured.
fn run(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<(peak::Ended, Value)> {
    let output = workspace.folder.join("output.jsonl");
    let child = workspace
        .command(&[&["--output", "json"], arguments].concat())
        .stdout(Stdio::from(File::create(&output)?))
        .spawn()
        .context("the tool cannot be started")?;
    let ended = peak::watch(child)?;
    anyhow::ensure!(ended.status.success(), "{arguments:?} ended with {}", ended.status);
    let mut last = String::new();
    for line in BufReader::new(File::open(&output)?).lines() {
        last = line?;
    }
    fs::remove_file(&output)?;
    let summary =
        serde_json::from_str(&last).with_context(|| format!("the last line is no summary: {last}"))?;
    Ok((ended, summary))
}
