//! What a tenant's mapping notices of another tenant's worst one.
//!
//! One thread maps a record over and over with a good module. Beside it, threads of another tenant call a module
//! that means harm, again at once whenever it was stopped. For each kind of harm: what stopped it, how long
//! that took, and the good mapping's time alone and beside it, measured in turns.

#![allow(clippy::print_stdout, reason = "its output is the table")]

use anyhow::{Context, bail, ensure};
use scimwright_benches::example;
use scimwright_mapping::{CallContext, Fault, Grants, Limits, MappingHost, MappingModule, ModuleId};
use scimwright_record::{ModuleName, Record, TenantName};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The kinds of harm that the module `hostile-user` knows.
const ATTACKS: [&str; 9] = [
    "endless-loop",
    "memory",
    "stack",
    "giant-text",
    "giant-list",
    "log-flood",
    "lookup-flood",
    "crash",
    "undeclared",
];
/// Turns of good mapping, alone and beside the attack.
const TURNS: u32 = 8;
/// How long a turn lasts.
const TURN: Duration = Duration::from_millis(150);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(good), Some(bad)) = (arguments.next(), arguments.next()) else {
        bail!("usage: bench-hostile PATH/TO/bench-user.wasm PATH/TO/hostile-user.wasm");
    };
    let host = MappingHost::new(Default::default())?;
    let (record, context) = (example::record()?, example::context()?);
    let good = load(&host, "good", &good, Vec::new())?;
    let cores = std::thread::available_parallelism()?.get();
    println!("{cores} cores; the attack runs in 1 thread, and in {cores}\n");
    println!(
        "{:<14} {:<26} {:>9} {:>9}  {:>10} {:>10} {:>10} {:>10}",
        "attack", "ended as", "calls", "each ms", "alone µs", "beside 1", "beside all", "worst µs"
    );
    for attack in ATTACKS {
        let bad = load(&host, "bad", &bad, vec![("attack".to_owned(), attack.to_owned())])?;
        let one = contest(&good, &bad, 1, &context, &record)?;
        let all = contest(&good, &bad, cores, &context, &record)?;
        println!(
            "{attack:<14} {:<26} {:>9} {:>9.2}  {:>10.1} {:>10.1} {:>10.1} {:>10.0}",
            one.ended,
            one.attacks + all.attacks,
            one.each.as_secs_f64() * 1e3,
            micros(one.alone.median()),
            micros(one.beside.median()),
            micros(all.beside.median()),
            micros(one.beside.worst().max(all.beside.worst())),
        );
    }
    Ok(())
}

fn load(
    host: &MappingHost,
    tenant: &str,
    path: &Path,
    settings: Vec<(String, String)>,
) -> anyhow::Result<MappingModule> {
    let name = path.file_stem().and_then(|name| name.to_str()).context("a module has a name")?;
    let id = ModuleId { tenant: TenantName::parse(tenant)?, name: ModuleName::parse(name)? };
    Ok(host.load(id, path, Limits::default(), settings, Grants::default())?)
}

/// What came of mapping beside an attack.
struct Contest {
    ended: &'static str,
    attacks: u64,
    each: Duration,
    alone: Times,
    beside: Times,
}

/// Maps in turns: alone, and with so many threads attacking.
fn contest(
    good: &MappingModule,
    bad: &MappingModule,
    threads: usize,
    context: &CallContext,
    record: &Record,
) -> anyhow::Result<Contest> {
    let ended = match bad.map(context, record) {
        Ok(_) => bail!("the attack came through"),
        Err(error) => kind(&error.fault),
    };
    let (mut alone, mut beside) = (Times::default(), Times::default());
    let attacks = AtomicU64::new(0);
    let mut attacked_for = Duration::ZERO;
    for _ in 0..TURNS {
        map_for(TURN, good, context, record, &mut alone)?;
        let over = AtomicBool::new(false);
        let began = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let _ = bad.map(context, record);
                        // Quarantine would end the attack; here it is the limits that are looked at.
                        bad.release();
                        attacks.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let mapped = map_for(TURN, good, context, record, &mut beside);
            over.store(true, Ordering::Relaxed);
            mapped
        })?;
        attacked_for += began.elapsed();
    }
    let attacks = attacks.into_inner();
    let calls_each = attacks.div_ceil(threads as u64).max(1);
    let each = attacked_for.div_f64(calls_each as f64);
    ensure!(attacks > 0, "nothing attacked");
    Ok(Contest { ended, attacks, each, alone, beside })
}

fn map_for(
    time: Duration,
    module: &MappingModule,
    context: &CallContext,
    record: &Record,
    times: &mut Times,
) -> anyhow::Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        let began = Instant::now();
        module.map(context, record)?;
        times.0.push(began.elapsed());
    }
    Ok(())
}

/// What stopped an attack.
fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::CpuDeadline { .. } => "CPU time",
        Fault::WallClock { .. } => "time on the wall",
        Fault::Memory { .. } => "memory",
        Fault::Output { .. } => "output",
        Fault::HostCall { .. } => "size of a host call",
        Fault::Lookups { .. } => "number of look-ups",
        Fault::Trap(_) => "crash",
        Fault::UndeclaredAttribute { .. } => "manifest",
        _ => "another fault",
    }
}

/// Times of single calls.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    fn worst(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
