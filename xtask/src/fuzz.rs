//! `cargo xtask fuzz`: mutated input at everything that reads what others wrote.
//!
//! What `cargo fuzz` does with `--sanitizer none`, and so on a stable compiler: coverage counters tell libFuzzer
//! which input reaches something new. There is no `unsafe` for a sanitizer to watch; a broken promise is a panic.
//!
//! What it learns stays in `fuzz/target/corpus`, and the next run begins there; the seeds in `fuzz/corpus` are
//! read and never written to. Input that breaks something is kept in `fuzz/target/findings`.

use crate::steps::{Steps, cargo_with};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The passes that put in the counters, as cargo-fuzz has them.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 --cfg fuzzing";

const TARGETS: [&str; 4] = ["filter", "path", "patch", "messages"];

/// What `cargo xtask fuzz` can be told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// How long each target runs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Only this one
    #[arg(value_parser = TARGETS)]
    target: Option<String>,
}

/// Builds the targets and runs them one after the other.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let mut steps = Steps::new();
    let fuzz = root.join("fuzz");
    steps.begin("Building with coverage counters");
    let machine = host_triple()?;
    cargo_with(
        &fuzz,
        // With a target named, the counters stay out of build scripts.
        &["build", "--release", "--locked", "--bins", "--target", &machine, "--target-dir", "target"],
        &[("RUSTFLAGS", COVERAGE)],
    )?;
    let programs = fuzz.join("target").join(&machine).join("release");
    let mut broken = Vec::new();
    for target in TARGETS.into_iter().filter(|one| options.target.as_deref().is_none_or(|only| only == *one))
    {
        steps.begin(&format!("{target}: {} s", options.seconds));
        if !throw(&fuzz, &programs, target, options.seconds)? {
            broken.push(target);
        }
    }
    steps.end();
    ensure!(
        broken.is_empty(),
        "{} broke; the input is in fuzz/target/findings, and the program takes its path as an argument",
        broken.join(", ")
    );
    Ok(())
}

/// Runs one target, and returns whether it held.
fn throw(fuzz: &Path, programs: &Path, target: &str, seconds: u32) -> Result<bool> {
    let learned = folder(fuzz.join("target/corpus").join(target))?;
    let findings = folder(fuzz.join("target/findings").join(target))?;
    let status = Command::new(programs.join(target))
        .arg(&learned)
        .arg(fuzz.join("corpus").join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        // An input that takes longer is a finding as well: bounds are promised.
        .args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=8192", "-print_final_stats=1"])
        .status()
        .with_context(|| format!("the fuzz target {target} cannot be started"))?;
    Ok(status.success())
}

fn folder(path: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    Ok(path)
}

/// What rustc calls this machine.
fn host_triple() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc cannot be started")?;
    let said = String::from_utf8(output.stdout)?;
    match said.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(triple) => Ok(triple.to_owned()),
        None => bail!("`rustc -vV` does not name its host"),
    }
}
