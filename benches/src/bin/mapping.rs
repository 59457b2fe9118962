//! One round of scimwright's side of the mapping benchmark; prints a JSON line for each way it measured.

#![allow(clippy::print_stdout, reason = "its output is what `cargo xtask bench` reads")]

use anyhow::{Context, anyhow};
use bench_workload::{Call, Round, rules};
use scimwright_benches::example;
use scimwright_benches::reused::{Returned, ReusedInstance};
use scimwright_mapping::{Grants, HostOptions, Limits, MapError, MappingHost, ModuleId};
use scimwright_record::{ModuleName, TenantName};
use serde_json::Value;
use std::path::PathBuf;

/// How many records an instance maps where it is reused.
const REUSE: u32 = 1_000;

fn main() -> anyhow::Result<()> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (record, context) = (example::record()?, example::context()?);
    let mut round = Round::new();
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| anyhow!(error);

    // Python needs two seconds to compile where there is no cache, and a round is a new process.
    let cache_dir = paths.first().and_then(|path| path.parent()).map(|folder| folder.join("compiled"));
    let host = MappingHost::new(HostOptions { cache_dir, ..HostOptions::default() })?;
    for path in &paths {
        let name = path.file_stem().and_then(|name| name.to_str()).context("a module has a name")?;
        let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse(name)? };
        for (way, reuse) in [("fresh instance", 0), ("instance reused", REUSE)] {
            let grants = Grants { reuse, ..Grants::default() };
            let module = host.load(id.clone(), path, limits(), Vec::new(), grants)?;
            round
                .measure(
                    &format!("scimwright, {}, {way}", language(name)),
                    || module.map(&context, &record).map_err(Box::<MapError>::new),
                    |mapped| example::user(&mapped).unwrap_or(Value::Null),
                )
                .map_err(failed)?;
        }
    }

    let path = paths.first().context("usage: bench-mapping PATH/TO/bench-user.wasm [OTHER LANGUAGES…]")?;
    let mut instance = ReusedInstance::new(&std::fs::read(path)?).map_err(|error| anyhow!("{error:#}"))?;
    let to_user = |returned: Returned| returned.to_user();
    round.measure("wasmtime alone, instance reused", || instance.map(&record), to_user).map_err(failed)?;

    let call = Call::example();
    round
        .measure(
            "native, typed values",
            || rules::map(&call.person, &call.now),
            |user| serde_json::to_value(user).unwrap_or(Value::Null),
        )
        .map_err(failed)?;

    for measured in round.finish() {
        println!("{}", serde_json::to_string(&measured)?);
    }
    Ok(())
}

/// What the file's name says about the language.
fn language(name: &str) -> &'static str {
    match name.rsplit('-').next() {
        Some("js") => "JavaScript",
        Some("python") => "Python",
        _ => "Rust",
    }
}

/// The usual limits, but for the memory: a Python interpreter begins with more than a mapping may use.
fn limits() -> Limits {
    Limits { memory_bytes: 128 << 20, ..Limits::default() }
}
