//! What a record costs: time fresh and reused, memory, instructions, and what loading takes.
//!
//! Times differ from machine to machine; the number of instructions does not, which makes it the figure to hold a
//! change against.

use crate::runners::Runners;
use crate::screen::larger;
use scimwright_mapping::{
    Case, HostError, HostOptions, Limits, LoadError, MappingHost, MappingModule, ModuleId, Usage,
};
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How to measure.
#[derive(Debug, Clone, Copy)]
pub struct BenchOptions {
    /// How many calls are measured.
    pub calls: u32,
    /// How many are made before, so that caches are warm.
    pub warm_up: u32,
}

impl Default for BenchOptions {
    fn default() -> Self {
        Self { calls: 1000, warm_up: 100 }
    }
}

/// Times of calls.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Times {
    /// Half of the calls took at most this, in microseconds.
    pub median_us: f64,
    /// 95 of 100 calls took at most this, in microseconds.
    pub p95_us: f64,
}

/// What a module costs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct BenchReport {
    /// The module: `corp-user 1.2.0`.
    pub module: String,
    /// How many different records were mapped.
    pub records: usize,
    /// How many calls were measured.
    pub calls: u32,
    /// Calls that ended in an error. An error may cost less than a result, or more.
    pub errors: u32,
    /// In a fresh instance for every record.
    pub fresh: Times,
    /// In an instance that is reused.
    pub reused: Option<Times>,
    /// Instructions for one record, as the mean over all records.
    pub instructions: u64,
    /// The most memory that a call held, in bytes.
    pub memory_bytes: usize,
    /// Compiling, in milliseconds.
    pub compile_ms: f64,
    /// Loading from the cache of compiled code, in milliseconds.
    pub cached_load_ms: f64,
    /// The size of the compiled code, in bytes.
    pub compiled_bytes: usize,
    /// The largest of each figure.
    pub most: Usage,
    /// The limits that held.
    pub limits: Limits,
}

/// A module that could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// WebAssembly could not be set up.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The module cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is nothing to map.
    #[error("there is no record to measure with")]
    NoRecords,
    /// The folder for compiled code cannot be made.
    #[error("a temporary folder for compiled code cannot be made: {0}")]
    Folder(std::io::Error),
}

/// Measures a module's file.
///
/// # Errors
/// [`BenchError`] when it cannot be loaded, or there is nothing to map.
pub fn bench(
    id: &ModuleId,
    path: &Path,
    limits: Limits,
    cases: &[Case],
    options: BenchOptions,
) -> Result<BenchReport, BenchError> {
    if cases.is_empty() {
        return Err(BenchError::NoRecords);
    }
    // A cache of our own: the first load compiles, whatever was loaded before today.
    let cache = tempfile::tempdir().map_err(BenchError::Folder)?;
    let cached = HostOptions { cache_dir: Some(cache.path().join("code")), ..few_instances() };
    let host = MappingHost::new(cached)?;
    let compiled = host.load_for_cases(id.clone(), path, limits)?;
    let started = Instant::now();
    let module = host.load_for_cases(id.clone(), path, limits)?;
    let cached_load = started.elapsed();

    let counting = MappingHost::new(HostOptions { count_fuel: true, ..few_instances() })?;
    let counted = counting.load_for_cases(id.clone(), path, limits)?;
    let fuel = instructions(&counted, cases);

    let mut measured = measure(&module, cases, options);
    // An instance for all calls; how many it would map in use is the module's and the operator's affair.
    let reused = Some(measure(&module.reused(u32::MAX), cases, options).times());
    let (manifest, inspection) = (module.manifest(), compiled.inspection());
    Ok(BenchReport {
        module: format!("{} {}", manifest.name, manifest.version),
        records: cases.len(),
        calls: options.calls,
        errors: measured.errors,
        fresh: measured.times(),
        reused,
        instructions: fuel,
        memory_bytes: measured.most.memory_bytes,
        compile_ms: millis(inspection.compile_time),
        cached_load_ms: millis(cached_load),
        compiled_bytes: inspection.compiled_bytes,
        most: measured.most,
        limits,
    })
}

/// One thread calls, so a small pool does.
fn few_instances() -> HostOptions {
    HostOptions { max_instances: 4, ..HostOptions::default() }
}

fn instructions(module: &MappingModule, cases: &[Case]) -> u64 {
    let mut runners = Runners::new(module.clone());
    let sum: u64 = cases.iter().filter_map(|case| runners.run(case).evidence.usage.fuel).sum();
    sum / cases.len().max(1) as u64
}

/// Calls that were measured.
struct Measured {
    times: Vec<Duration>,
    errors: u32,
    most: Usage,
}

fn measure(module: &MappingModule, cases: &[Case], options: BenchOptions) -> Measured {
    let mut runners = Runners::new(module.clone());
    for case in cases.iter().cycle().take(options.warm_up as usize) {
        runners.run(case);
    }
    let mut measured = Measured { times: Vec::new(), errors: 0, most: Usage::default() };
    for case in cases.iter().cycle().take(options.calls as usize) {
        let report = runners.run(case);
        let usage = report.evidence.usage;
        measured.times.push(usage.wall);
        measured.errors += u32::from(report.error.is_some());
        measured.most = larger(measured.most, usage);
    }
    measured
}

impl Measured {
    fn times(&mut self) -> Times {
        self.times.sort_unstable();
        let at = |percent: usize| {
            let last = self.times.len().saturating_sub(1);
            let time = self.times.get(last * percent / 100).copied().unwrap_or_default();
            time.as_nanos() as f64 / 1000.0
        };
        Times { median_us: at(50), p95_us: at(95) }
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_micros() as f64) / 1000.0
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times =
            |times: &Times| format!("{:>9.1} µs median {:>9.1} µs p95", times.median_us, times.p95_us);
        writeln!(f, "{}: {} calls with {} records", self.module, self.calls, self.records)?;
        writeln!(f, "  fresh instance   {}", times(&self.fresh))?;
        if let Some(reused) = &self.reused {
            let ratio = self.fresh.median_us / reused.median_us.max(f64::MIN_POSITIVE);
            writeln!(f, "  reused instance  {}   ({ratio:.1} times cheaper)", times(reused))?;
        }
        writeln!(f, "  instructions     {:>9} a record, the same on every machine", self.instructions)?;
        writeln!(f, "  compile          {:>9.1} ms to {} KiB", self.compile_ms, self.compiled_bytes / 1024)?;
        writeln!(f, "  load from cache  {:>9.1} ms", self.cached_load_ms)?;
        writeln!(f, "  most used        {}", self.most.against(&self.limits))?;
        if self.errors > 0 {
            writeln!(
                f,
                "  {} calls ended in an error; their cost may not be that of a mapping",
                self.errors
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = (1..=100).rev().map(Duration::from_micros).collect();
        let mut measured = Measured { times, errors: 0, most: Usage::default() };
        assert_eq!(measured.times(), Times { median_us: 50.0, p95_us: 95.0 });
        let mut nothing = Measured { times: Vec::new(), errors: 0, most: Usage::default() };
        assert_eq!(nothing.times(), Times { median_us: 0.0, p95_us: 0.0 });
    }

    #[test]
    fn figures_stand_beside_what_they_are_of() {
        let report = BenchReport {
            module: "corp-user 1.2.0".into(),
            records: 16,
            calls: 1000,
            errors: 250,
            fresh: Times { median_us: 21.04, p95_us: 30.5 },
            reused: Some(Times { median_us: 6.4, p95_us: 9.0 }),
            instructions: 12345,
            memory_bytes: 1 << 20,
            compile_ms: 120.4,
            cached_load_ms: 0.8,
            compiled_bytes: 512 << 10,
            most: Usage::default(),
            limits: Limits::default(),
        };
        insta::assert_snapshot!(report);
    }
}
