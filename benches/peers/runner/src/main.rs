//! One round of the peers' side of the mapping benchmark; prints a JSON line for each way it measured.
//!
//! Every way here starts from the same struct that scimwright's record is made of, and ends with a JSON value
//! that a SCIM client could send.

use anyhow::{Context, anyhow};
use bench_workload::{Call, Round, rules};
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The limits that scimwright's modules run under, as far as Extism knows them.
const TIME: Duration = Duration::from_secs(2);
const MEMORY_PAGES: u32 = 512;

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).map(PathBuf::from);
    let path = path.context("usage: peers PATH/TO/extism_user.wasm")?;
    let call = Call::example();
    let mut round = Round::new();
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| anyhow!(error);

    // The allocator that scimwright uses, which Extism's users can ask for.
    let mut pooling = Config::new();
    pooling.allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::new()));
    for (way, config) in [("Extism, fresh", Config::new()), ("Extism, fresh, pooling allocator", pooling)] {
        let compiled = compile(&path, config)?;
        let map = || map(&mut Plugin::new_from_compiled(&compiled)?, &call);
        round.measure(way, map, |user| user).map_err(failed)?;
    }

    let mut plugin = Plugin::new_from_compiled(&compile(&path, Config::new())?)?;
    round.measure("Extism, reused", || map(&mut plugin, &call), |user| user).map_err(failed)?;

    round.measure("native, JSON in and out", || native(&call), |user| user).map_err(failed)?;

    for measured in round.finish() {
        println!("{}", serde_json::to_string(&measured)?);
    }
    Ok(())
}

/// The plug-in, compiled once and without a cache on disk.
fn compile(path: &Path, config: Config) -> anyhow::Result<CompiledPlugin> {
    let manifest =
        Manifest::new([Wasm::data(std::fs::read(path)?)]).with_timeout(TIME).with_memory_max(MEMORY_PAGES);
    PluginBuilder::new(manifest).with_cache_disabled().with_wasmtime_config(config).compile()
}

fn map(plugin: &mut Plugin, call: &Call<'_>) -> anyhow::Result<Value> {
    let user: &[u8] = plugin.call("map", serde_json::to_vec(call)?)?;
    Ok(serde_json::from_slice(user)?)
}

/// What the plug-in does, without a plug-in: the cost of JSON in and out, and of the rules.
fn native(call: &Call<'_>) -> anyhow::Result<Value> {
    let input = serde_json::to_vec(call)?;
    let call: Call<'_> = serde_json::from_slice(&input)?;
    let output = serde_json::to_vec(&rules::map(&call.person, &call.now)?)?;
    Ok(serde_json::from_slice(&output)?)
}
