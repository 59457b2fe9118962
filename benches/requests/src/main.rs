//! One round of the benchmark of requests: the client, and a bare loop that sends the same, to the same sandbox.
//!
//! Every way of doing a task gets a sandbox of its own, which is this program again in another process. A line of
//! JSON goes to standard output for each way; `cargo xtask bench --requests` runs the rounds and makes the table.
//!
//! - `way`: the ways, and which of them are compared
//! - `bare`: what somebody writes who needs three requests and no client
//! - `ours`: the same by `Client` and by `Provider`
//! - `people`: the users that both create
//! - `sandbox`: the provider, in a process of its own
//! - `measure`: so many tasks at a time, warmed up, counted, timed

#![allow(clippy::print_stdout, reason = "its output is the measurements")]

mod bare;
mod measure;
mod ours;
mod people;
mod sandbox;
mod way;

use anyhow::{Context, bail};
use measure::{Measured, compare};
use sandbox::SandboxProcess;
use serde_json::json;
use std::env;
use std::num::NonZeroUsize;
use way::{Task, Way};

/// How many tasks are under way at a time.
const CONCURRENCIES: [usize; 3] = [1, 8, 32];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some(sandbox::COMMAND) => sandbox::serve().await,
        Some("round") => round(arguments.next().as_deref()).await,
        _ => {
            bail!("`bench-requests round [WAY]` measures; `cargo xtask bench --requests` makes a table of it")
        }
    }
}

/// Every task at every concurrency, in every way or in the one of this name.
async fn round(only: Option<&str>) -> anyhow::Result<()> {
    for concurrency in CONCURRENCIES.into_iter().filter_map(NonZeroUsize::new) {
        for task in Task::ALL {
            let ways = task.ways().iter().filter(|way| only.is_none_or(|only| only == way.name()));
            let mut runners = Vec::new();
            let mut sandboxes = Vec::new();
            for way in ways.clone() {
                let sandbox = SandboxProcess::start()?;
                runners.push(way.prepare(&sandbox, concurrency).await?);
                sandboxes.push(sandbox);
            }
            let measured = compare(runners).await.with_context(|| format!("`{}`", task.name()))?;
            for (way, measured) in ways.zip(measured) {
                print(task, *way, concurrency, measured);
            }
        }
    }
    Ok(())
}

fn print(task: Task, way: Way, concurrency: NonZeroUsize, measured: Measured) {
    let line = json!({
        "task": task.name(),
        "way": way.name(),
        "concurrency": concurrency,
        "per_second": measured.per_second,
        "cpu_microseconds": measured.cpu.as_secs_f64() * 1e6,
    });
    println!("{line}");
}
