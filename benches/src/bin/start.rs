//! How long it takes to load a hundred modules: compiled anew, and from the cache.
//!
//! The modules are one module with a number appended to each copy (a custom section), so that every file has a
//! digest of its own and nothing can be shared but what the cache gives.

#![allow(clippy::print_stdout, reason = "its output is the table")]

use anyhow::Context;
use scimwright_mapping::{Grants, HostOptions, Limits, MappingHost, ModuleId};
use scimwright_record::{ModuleName, TenantName};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many modules there are.
const MODULES: u32 = 100;
/// How often they are loaded from the cache.
const WARM_STARTS: usize = 9;

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).map(PathBuf::from);
    let path = path.context("usage: bench-start PATH/TO/module.wasm")?;
    let component = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("compiled");
    let files = (0..MODULES)
        .map(|number| {
            let file = folder.path().join(format!("module-{number}.wasm"));
            std::fs::write(&file, numbered(&component, number))?;
            Ok(file)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;

    let (cold, from_cache) = start(&cache, &files)?;
    anyhow::ensure!(from_cache == 0, "the cache was not empty");
    let mut warm = Vec::new();
    for _ in 0..WARM_STARTS {
        let (took, from_cache) = start(&cache, &files)?;
        anyhow::ensure!(from_cache == MODULES, "only {from_cache} came from the cache");
        warm.push(took);
    }
    warm.sort_unstable();
    let size = component.len() / 1024;
    println!("{MODULES} modules of {size} KiB, described and checked each time, in a new host each time");
    println!("  compiled anew    {:>9.1} ms", millis(cold));
    println!(
        "  from the cache   {:>9.1} ms   (median of {WARM_STARTS}; {:.1} to {:.1})",
        millis(warm[WARM_STARTS / 2]),
        millis(warm[0]),
        millis(warm[WARM_STARTS - 1])
    );
    Ok(())
}

/// Loads all modules in a new host; how long it took, and how many came from the cache.
fn start(cache: &Path, files: &[PathBuf]) -> anyhow::Result<(Duration, u32)> {
    let began = Instant::now();
    let options = HostOptions { cache_dir: Some(cache.to_owned()), ..HostOptions::default() };
    let host = MappingHost::new(options)?;
    let mut modules = Vec::new();
    for file in files {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).context("a module has a name")?;
        let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse(stem)? };
        modules.push(host.load(id, file, Limits::default(), Vec::new(), Grants::default())?);
    }
    let took = began.elapsed();
    let cached = modules.iter().filter(|module| module.inspection().from_cache).count();
    Ok((took, u32::try_from(cached)?))
}

/// The component with a custom section that holds a number.
fn numbered(component: &[u8], number: u32) -> Vec<u8> {
    let name = b"number";
    let mut bytes = component.to_vec();
    // Section 0, its length, the length of its name, its name, its content.
    bytes.extend([0, 1 + 6 + 4, 6]);
    bytes.extend(name);
    bytes.extend(number.to_le_bytes());
    bytes
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
