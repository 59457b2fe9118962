//! What is being done, and how long it took.

use anyhow::{Context, ensure};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Announces steps and times them.
pub(crate) struct Steps {
    begun: Instant,
    current: Option<(String, Instant)>,
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), current: None, done: Vec::new() }
    }

    /// Begins a step, and ends the one before.
    pub(crate) fn begin(&mut self, name: &str) {
        self.finish_current();
        println!("\n==> {name}");
        self.current = Some((name.to_owned(), Instant::now()));
    }

    /// Ends the last step and prints the times.
    pub(crate) fn end(&mut self) {
        self.finish_current();
        println!("\nHow long each step took:");
        for (name, took) in &self.done {
            println!("  {:>7.1} s  {name}", took.as_secs_f64());
        }
        println!("  {:>7.1} s  in all", self.begun.elapsed().as_secs_f64());
    }

    fn finish_current(&mut self) {
        if let Some((name, begun)) = self.current.take() {
            self.done.push((name, begun.elapsed()));
        }
    }
}

/// Runs cargo in the workspace, with its output on the screen.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    cargo_with(root, arguments, &[])
}

/// The same, with variables in its environment.
pub(crate) fn cargo_with(root: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    println!("    $ cargo {}", arguments.join(" "));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root)
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}
