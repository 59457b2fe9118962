//! One round of scimwright's side of the mapping benchmark; prints a JSON line for each way it measured.

#![allow(clippy::print_stdout, reason = "its output is what `cargo xtask bench` reads")]

use anyhow::{Context, anyhow};
use bench_workload::{Call, Round, rules};
use scimwright_benches::example;
use scimwright_benches::reused::{Returned, ReusedInstance};
use scimwright_mapping::{Grants, Limits, MapError, MappingHost, ModuleId};
use scimwright_record::{ModuleName, TenantName};
use serde_json::Value;
use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).map(PathBuf::from);
    let path = path.context("usage: bench-mapping PATH/TO/bench-user.wasm")?;
    let (record, context) = (example::record()?, example::context()?);
    let mut round = Round::new();
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| anyhow!(error);

    let host = MappingHost::new(Default::default())?;
    let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse("bench-user")? };
    let module = host.load(id, &path, Limits::default(), Vec::new(), Grants::default())?;
    round
        .measure(
            "scimwright, fresh instance",
            || module.map(&context, &record).map_err(Box::<MapError>::new),
            |mapped| example::user(&mapped).unwrap_or(Value::Null),
        )
        .map_err(failed)?;

    let mut instance = ReusedInstance::new(&std::fs::read(&path)?).map_err(|error| anyhow!("{error:#}"))?;
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
