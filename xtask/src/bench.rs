//! `cargo xtask bench`: what mapping costs a record, beside its peers, how much memory a sync takes, and how many
//! requests the client sends in a second.
//!
//! Numbers from different runs on a busy machine cannot be compared, so everything that is compared runs here:
//! scimwright and its peers take turns, round by round, each round a fresh process, and the table has the median
//! of each way with the spread around it. Nothing is asserted about time.

mod requests;

use crate::guests;
use crate::steps::{Steps, cargo};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// What `cargo xtask bench` can be told.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Options {
    /// Measure the memory of `scimwright sync` instead, for 1,000, 10,000 and 100,000 records
    #[arg(long)]
    memory: bool,
    /// Measure a first sync beside a bare loop, what groups take, or a plan of a million records
    #[arg(long, value_enum, conflicts_with = "memory")]
    sync: Option<SyncPart>,
    /// Measure the requests per second of the client instead, beside a bare loop that sends the same
    #[arg(long, conflicts_with = "memory")]
    requests: bool,
    /// Show what a good mapping notices of a module that means harm
    #[arg(long, conflicts_with_all = ["memory", "requests"])]
    hostile: bool,
    /// Measure how long it takes to load a hundred modules, compiled anew and from the cache
    #[arg(long, conflicts_with_all = ["memory", "requests", "hostile"])]
    start: bool,
    /// How many rounds each side gets
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// What of a sync is measured.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SyncPart {
    /// A first sync of 20,000 users, beside a bare loop that posts the same.
    First,
    /// The requests for 200 groups of 500 members.
    Groups,
    /// Plans of a million records of which none has changed.
    Plan,
}

/// Builds what is needed in release mode, measures, and prints a table.
pub(crate) fn run(root: &Path, options: Options) -> Result<()> {
    match options {
        Options { memory: true, .. } => with_the_tool(root, "bench-memory", &[]),
        Options { sync: Some(part), .. } => {
            let part = match part {
                SyncPart::First => "first",
                SyncPart::Groups => "groups",
                SyncPart::Plan => "plan",
            };
            with_the_tool(root, "bench-sync", &[part])
        }
        Options { requests: true, rounds, .. } => requests::run(root, rounds),
        Options { hostile: true, .. } => ours(root, "bench-hostile", &["bench-user", "hostile-user"]),
        Options { start: true, .. } => ours(root, "bench-start", &["bench-user"]),
        Options { rounds, .. } => mapping(root, rounds),
    }
}

fn mapping(root: &Path, rounds: u32) -> Result<()> {
    let mut steps = Steps::new();
    steps.begin("Building the mapping as a scimwright module and as an Extism plug-in");
    let peers = root.join("benches/peers");
    let modules = guests::build_named(root, &["bench-user".to_owned()])?;
    let mut modules: Vec<PathBuf> = modules.into_iter().map(|module| module.path).collect();
    for language in ["js", "python"] {
        let folder = root.join("benches/guests").join(format!("bench-user-{language}"));
        modules.push(guests::build_folder(root, &folder)?.path);
    }
    let plugin = guests::build_core(root, &peers, "extism-user")?;

    steps.begin("Building both sides in release mode; the first time this takes some minutes");
    build_ours(root)?;
    cargo(&peers, &["build", "--release", "--locked", "--package", "peers", "--target-dir", "target"])?;
    let sides =
        [(release(root, "bench-mapping")?, modules), (peers.join("target/release/peers"), vec![plugin])];

    steps.begin(&format!("Measuring: {rounds} rounds, the sides in turns"));
    let machine = Machine::look();
    let mut ways: Vec<Way> = Vec::new();
    for round in 1..=rounds {
        for (program, guests) in &sides {
            let guests: Vec<&OsStr> = guests.iter().map(|guest| guest.as_os_str()).collect();
            for line in printed(program, &guests)?.lines() {
                note(&mut ways, line).with_context(|| format!("{} said {line:?}", program.display()))?;
            }
        }
        println!("    round {round} of {rounds}, load {}", Machine::look().load);
    }
    steps.end();
    println!("\n{machine}\n");
    print_table(&ways);
    Ok(())
}

/// Builds a program of ours and the guests it is about, and runs it.
fn ours(root: &Path, program: &str, guests: &[&str]) -> Result<()> {
    let mut steps = Steps::new();
    steps.begin("Building the modules");
    let names: Vec<String> = guests.iter().map(|&name| name.to_owned()).collect();
    let modules = guests::build_named(root, &names)?;
    steps.begin("Building in release mode; the first time this takes some minutes");
    build_ours(root)?;
    steps.begin("Measuring");
    println!("    {}\n", Machine::look());
    let status = Command::new(release(root, program)?)
        .args(modules.iter().map(|module| &module.path))
        .status()
        .with_context(|| format!("{program} cannot be started"))?;
    ensure!(status.success(), "{program} ended with {status}; the message is above");
    steps.end();
    Ok(())
}

/// Runs a program of ours that measures the tool.
fn with_the_tool(root: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    let mut steps = Steps::new();
    steps.begin("Building the mapping module");
    guests::build_named(root, &["corp-user".to_owned()])?;
    steps.begin("Building in release mode; the first time this takes some minutes");
    build_ours(root)?;
    steps.begin("Measuring");
    println!("    {}\n", Machine::look());
    let path = release(root, program)?;
    let status = Command::new(&path)
        .args(arguments)
        .status()
        .with_context(|| format!("{program} cannot be started"))?;
    ensure!(status.success(), "{program} ended with {status}; the message is above");
    steps.end();
    Ok(())
}

/// Builds the tool and the benchmarks: together, so that both use one build of wasmtime. Apart, cargo would choose
/// different features for what lies below it, and build it twice.
fn build_ours(root: &Path) -> Result<()> {
    cargo(
        root,
        &["build", "--release", "--locked", "--package", "scimwright", "--package", "scimwright-benches"],
    )
}

/// A program that was built in release mode, in the build folder that this one came from.
fn release(root: &Path, name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.ancestors().nth(2).unwrap_or(root);
    Ok(folder.join("release").join(name))
}

/// Runs a program to its end and returns what it printed. Its messages go to the screen.
fn printed(program: &Path, arguments: &[&OsStr]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    ensure!(
        output.status.success(),
        "{} ended with {}; the message is above",
        program.display(),
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// One way of mapping the record, and the nanoseconds for one record that each round measured.
#[derive(Debug, PartialEq)]
struct Way {
    name: String,
    rounds: Vec<f64>,
}

/// Takes in a line of a round: `{"way":"…","nanoseconds":…}`.
fn note(ways: &mut Vec<Way>, line: &str) -> Result<()> {
    let line: Value = serde_json::from_str(line)?;
    let name = line["way"].as_str().context("it does not name its way")?;
    let nanoseconds = line["nanoseconds"].as_f64().context("it does not say how long a record took")?;
    match ways.iter_mut().find(|way| way.name == name) {
        Some(way) => way.rounds.push(nanoseconds),
        None => ways.push(Way { name: name.to_owned(), rounds: vec![nanoseconds] }),
    }
    Ok(())
}

impl Way {
    /// Least, median and most microseconds for one record. Of an even number of rounds the higher one in the
    /// middle is the median.
    fn spread(&self) -> [f64; 3] {
        spread(&self.rounds).map(|nanoseconds| nanoseconds / 1000.0)
    }
}

/// Least, median and most.
fn spread(rounds: &[f64]) -> [f64; 3] {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    [at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1))]
}

/// Prints the ways in the order in which they were measured, each beside the first: scimwright as it runs.
fn print_table(ways: &[Way]) {
    let first = ways.first().map(|way| way.spread()[1]).unwrap_or_default();
    println!(
        "{:<40} {:>9} {:>9} {:>9}   {:>8}",
        "microseconds for one record", "least", "median", "most", "ratio"
    );
    for way in ways {
        let [least, median, most] = way.spread();
        println!("{:<40} {least:>9.2} {median:>9.2} {most:>9.2}   {:>8.2}", way.name, median / first);
    }
}

/// What the numbers depend on.
struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    load: String,
}

impl Machine {
    /// Asks the system. What it does not say is left blank.
    fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let load = read("/proc/loadavg");
        Self {
            cores: thread::available_parallelism().map_or(0, usize::from),
            processor: processor.map(|(_, name)| name.to_owned()).unwrap_or_default(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cores, processor, kernel, load } = self;
        write!(f, "{cores} cores, {processor}; Linux {kernel}; load {load} at the start")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_of_one_way_come_together_in_the_order_of_the_first_round() {
        let mut ways = Vec::new();
        for line in [
            r#"{"way":"a","nanoseconds":2000.0,"records":1}"#,
            r#"{"way":"b","nanoseconds":7000.0,"records":1}"#,
            r#"{"way":"a","nanoseconds":9000.0,"records":1}"#,
            r#"{"way":"a","nanoseconds":1000.0,"records":1}"#,
        ] {
            note(&mut ways, line).unwrap();
        }
        assert_eq!(ways.iter().map(|way| way.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(ways[0].spread(), [1.0, 2.0, 9.0]);
    }

    #[test]
    fn a_line_without_a_time_is_refused() {
        assert!(note(&mut Vec::new(), r#"{"way":"a"}"#).is_err());
    }
}
