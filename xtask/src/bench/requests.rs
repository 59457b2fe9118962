//! `cargo xtask bench --requests`: the client beside a bare loop of reqwest that sends the same.
//!
//! `bench-requests` measures one round and says so in JSON lines; here are the rounds and the table. The ratio is
//! the median of the ratios of the rounds, not the ratio of the medians: what slowed a round down, slowed it for all.

use super::{Machine, printed, release, spread};
use crate::steps::{Steps, cargo};
use anyhow::{Context, Result};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;

pub(super) fn run(root: &Path, rounds: u32) -> Result<()> {
    let mut steps = Steps::new();
    steps.begin("Building in release mode; the first time this takes some minutes");
    cargo(root, &["build", "--release", "--locked", "--package", "bench-requests"])?;

    steps.begin(&format!("Measuring: {rounds} rounds, in each of them all ways in turns"));
    let machine = Machine::look();
    let program = release(root, "bench-requests")?;
    let mut rows: Vec<Row> = Vec::new();
    for round in 1..=rounds {
        for line in printed(&program, &[OsStr::new("round")])?.lines() {
            note(&mut rows, line).with_context(|| format!("{} said {line:?}", program.display()))?;
        }
        println!("    round {round} of {rounds}, load {}", Machine::look().load);
    }
    steps.end();
    println!("\n{machine}\n");
    print!("{}", table(&rows));
    Ok(())
}

/// A way of doing a task so many times at a time, and what each round measured.
#[derive(Debug, PartialEq)]
struct Row {
    task: String,
    concurrency: u64,
    way: String,
    per_second: Vec<f64>,
    cpu_microseconds: Vec<f64>,
}

/// Takes in a line of a round.
fn note(rows: &mut Vec<Row>, line: &str) -> Result<()> {
    let line: Value = serde_json::from_str(line)?;
    let text =
        |name: &str| Ok::<_, anyhow::Error>(line[name].as_str().context("it names no way")?.to_owned());
    let number = |name: &str| line[name].as_f64().with_context(|| format!("it has no {name}"));
    let (task, way) = (text("task")?, text("way")?);
    let concurrency = line["concurrency"].as_u64().context("it does not say how many at a time")?;
    let (per_second, cpu) = (number("per_second")?, number("cpu_microseconds")?);
    let is_same = |row: &&mut Row| row.task == task && row.way == way && row.concurrency == concurrency;
    match rows.iter_mut().find(is_same) {
        Some(row) => {
            row.per_second.push(per_second);
            row.cpu_microseconds.push(cpu);
        }
        None => rows.push(Row {
            task,
            concurrency,
            way,
            per_second: vec![per_second],
            cpu_microseconds: vec![cpu],
        }),
    }
    Ok(())
}

/// The rows by task, each beside the first of its task and concurrency.
fn table(rows: &[Row]) -> String {
    let mut tasks: Vec<&str> = Vec::new();
    for row in rows {
        if !tasks.contains(&row.task.as_str()) {
            tasks.push(&row.task);
        }
    }
    let mut table = String::new();
    for task in tasks {
        table += &format!(
            "{task:<28} {:>9} {:>9} {:>9} {:>9}   {:>6} {:>9}\n",
            "at a time", "least/s", "median/s", "most/s", "ratio", "own µs"
        );
        for row in rows.iter().filter(|row| row.task == task) {
            let first = rows.iter().find(|other| other.task == task && other.concurrency == row.concurrency);
            let ratios: Vec<f64> = first
                .into_iter()
                .flat_map(|first| row.per_second.iter().zip(&first.per_second))
                .map(|(ours, theirs)| ours / theirs)
                .collect();
            let [least, median, most] = spread(&row.per_second);
            let ([_, ratio, _], [_, cpu, _]) = (spread(&ratios), spread(&row.cpu_microseconds));
            table += &format!(
                "  {:<26} {:>9} {least:>9.0} {median:>9.0} {most:>9.0}   {ratio:>6.2} {cpu:>9.1}\n",
                row.way, row.concurrency
            );
        }
        table += "\n";
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(way: &str, per_second: f64) -> String {
        serde_json::json!({"task": "create", "way": way, "concurrency": 8, "per_second": per_second,
            "cpu_microseconds": 30.0})
        .to_string()
    }

    #[test]
    fn a_way_stands_beside_the_first_of_its_task_round_by_round() {
        let mut rows = Vec::new();
        // The second round was slow for both, and the last one for nobody.
        for (bare, ours) in [(100.0, 90.0), (10.0, 9.0), (120.0, 108.0)] {
            note(&mut rows, &line("bare", bare)).unwrap();
            note(&mut rows, &line("ours", ours)).unwrap();
        }
        let table = table(&rows);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["bare", "8", "10", "100", "120", "1.00", "30.0"]);
        assert_eq!(lines[2], ["ours", "8", "9", "90", "108", "0.90", "30.0"]);
    }

    #[test]
    fn a_line_without_a_rate_is_refused() {
        assert!(note(&mut Vec::new(), r#"{"task":"create","way":"a","concurrency":8}"#).is_err());
    }
}
